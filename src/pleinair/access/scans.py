"""Scans: letters of secret scanners that found keys in public, each signed, each taken once.

The form is that of GitHub's secret scanning partner programme: a JSON list of tokens with the
places where they were found, signed with ECDSA on the curve P-256 over SHA-256 of the body. Who may
write is said by a file of public keys (``PLEINAIR_SCANNERS``); without one nobody may.
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from pleinair.access.incidents import Incidents
from pleinair.access.keys import is_key
from pleinair.errors import AccessError, ConflictError, InputError
from pleinair.service.db import Database, now
from pleinair.service.programme_tables import Scan
from pleinair.settings import digest_of_key

MOST_BYTES = 1_000_000
MOST_TOKENS = 1_000
_BLOCK = re.compile(
    r"^# *(\S+)(?:[ \t]+(\S.*?))?[ \t]*\n(-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----)",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Scanner:
    """Who may tell of keys that were found.

    Attributes:
        id: of the public key, as letters name it.
        name: for people.
        key: verifies its letters.
    """

    id: str
    name: str
    key: ec.EllipticCurvePublicKey


@dataclass(frozen=True)
class Finding:
    """What came of one token of a letter.

    Attributes:
        token_hash: SHA-256 of the token, hexadecimal; the token itself is not said again.
        token_type: as the scanner calls it.
        label: true_positive for a key of this server, else false_positive.
    """

    token_hash: str
    token_type: str
    label: str


class Scans:
    """The letters of scanners.

    Args:
        database: remembers which were taken.
        incidents: stops what was found.
        scanners: file with their public keys, ``""`` for none.
    """

    def __init__(self, database: Database, incidents: Incidents, scanners: str) -> None:
        self.database = database
        self.incidents = incidents
        self.scanners = scanners

    def take(self, body: bytes, identifier: str, signature: str) -> list[Finding]:
        """Stop the keys that a letter tells of.

        A letter counts as taken once all of its keys are stopped, so that one that was cut short
        can be sent again.

        Args:
            body: of the letter, as it came.
            identifier: of the public key.
            signature: of the body, base64.

        Raises:
            AccessError: it is not signed by a scanner that is known.
            ConflictError: the same letter was taken before.
            InputError: it is no list of tokens, or too long.
        """
        scanner = self._verify(body, identifier, signature)
        digest = hashlib.sha256(body).hexdigest()
        with self.database.read() as session:
            if session.get(Scan, digest) is not None:
                raise ConflictError("this letter was taken before")
        findings = [self._take(token) for token in _tokens(body)]
        try:
            with self.database.write() as session:
                time = session.scalars(select(now())).one()
                session.add(Scan(digest=digest, scanner=scanner.id, created_at=time))
        except IntegrityError as error:
            raise ConflictError("this letter was taken before") from error
        return findings

    def _take(self, token: dict[str, str]) -> Finding:
        digest = digest_of_key(token["token"])
        where = {name: token[name][:500] for name in ("url", "source") if token.get(name)}
        ours = is_key(token["token"]) and self.incidents.published(digest, where)
        label = "true_positive" if ours else "false_positive"
        return Finding(digest, token.get("type", ""), label)

    def _verify(self, body: bytes, identifier: str, signature: str) -> Scanner:
        """Who signed a letter; raises AccessError if nobody that is known did."""
        if not identifier or not signature:
            raise AccessError(
                "The letter is not signed: it takes the headers Github-Public-Key-Identifier "
                "and Github-Public-Key-Signature."
            )
        known = {scanner.id: scanner for scanner in read_scanners(self.scanners)}
        scanner = known.get(identifier)
        if scanner is None:
            raise AccessError(f"No scanner with the key {identifier[:80]!r} is known here.")
        try:
            raw = base64.b64decode(signature, validate=True)
            scanner.key.verify(raw, body, ec.ECDSA(hashes.SHA256()))
        except (binascii.Error, ValueError, InvalidSignature) as error:
            raise AccessError("The signature does not fit the letter.") from error
        return scanner


def read_scanners(path: str) -> Sequence[Scanner]:
    """The scanners of a file: PEM blocks, each after a line ``# id name``.

    Raises:
        InputError: the file cannot be read, or a key is not one of ECDSA on P-256.
    """
    if not path:
        return ()
    try:
        text = Path(path).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("scanners", path, f"a file that can be read ({error})") from error
    scanners = []
    for identifier, name, pem in _BLOCK.findall(text):
        try:
            key = load_pem_public_key(pem.encode())
        except (ValueError, UnsupportedAlgorithm) as error:
            raise InputError("scanners", identifier, "public keys in PEM") from error
        if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
            raise InputError("scanners", identifier, "keys of ECDSA on the curve P-256")
        scanners.append(Scanner(identifier, name or identifier, key))
    return scanners


def _tokens(body: bytes) -> list[dict[str, str]]:
    allowed = f'a JSON list of 1 to {MOST_TOKENS} objects with "token" and, as text, what is known'
    try:
        found: Any = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InputError("body", body[:20], allowed) from error
    fine = isinstance(found, list) and 1 <= len(found) <= MOST_TOKENS
    if not fine or not all(_is_token(item) for item in found):
        raise InputError("body", "other JSON", allowed)
    tokens: list[dict[str, str]] = found
    return tokens


def _is_token(item: object) -> bool:
    if not isinstance(item, dict) or not isinstance(item.get("token"), str):
        return False
    return all(isinstance(item.get(name, ""), str) for name in ("type", "url", "source"))
