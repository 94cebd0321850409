"""A secret scanner that writes signed letters, and one that nobody knows."""

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


@dataclass
class Scanner:
    """Somebody with a key for signing.

    Attributes:
        id: of the key, as letters name it.
    """

    id: str = "scanner-1"
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def public(self, path: Path) -> str:
        """Write the file that the server reads, and return its path."""
        pem = self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        path.write_text(f"# {self.id} A scanner for tests\n{pem.decode()}")
        return str(path)

    def sign(self, body: bytes) -> dict[str, str]:
        """The headers of a letter."""
        signature = self.key.sign(body, ec.ECDSA(hashes.SHA256()))
        return {
            "Github-Public-Key-Identifier": self.id,
            "Github-Public-Key-Signature": base64.b64encode(signature).decode(),
            "content-type": "application/json",
        }

    def post(self, client: httpx.Client, body: bytes) -> httpx.Response:
        """Send a letter."""
        return client.post("/access/v1/scans", content=body, headers=self.sign(body))


def letter(*tokens: str, url: str = "https://example.org/page") -> bytes:
    """The body of a letter that tells of these tokens."""
    found: list[dict[str, Any]] = [
        {"token": token, "type": "pleinair_key", "url": url, "source": "content"}
        for token in tokens
    ]
    return json.dumps(found).encode()
