"""The operator's certificate, with which files are signed: one's own, or one made on this machine.

The one made here is a chain of two, a root and a signer, on the curve P-256. The root's key is
thrown away once it has signed the signer, so that nobody can make another under it.
"""

import os
import secrets
import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pleinair.errors import InputError, MediaError
from pleinair.settings import Settings

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

FOLDER, CHAIN, KEY = "certificate", "chain.pem", "key.pem"
YEARS = 20  # a file without a time stamp is valid for as long as its certificate


@dataclass(frozen=True)
class Certificate:
    """A chain of certificates in PEM, the signer's first, and the signer's key.

    Attributes:
        chain: PEM, from the signer to the root.
        key: PEM, PKCS #8.
        algorithm: of C2PA, such as ``es256``.
    """

    chain: bytes
    key: bytes = field(repr=False)
    algorithm: str = "es256"


def operators_certificate(settings: Settings, home: Path) -> Certificate:
    """The certificate of the settings, or that of the folder ``home/certificate``.

    That one is made at the first start. Processes that start at the same moment agree on one, and
    only the owner can read its key.

    Raises:
        InputError: the certificate of the settings is not one, or its key is another's.
        MediaError: the folder cannot be made or read.
    """
    if settings.certificate:
        return _load(Path(settings.certificate), Path(settings.certificate_key))
    folder = home / FOLDER
    try:
        if not folder.exists():
            _make(folder)
    except OSError as error:
        raise MediaError(f"{folder} cannot be made: {error.strerror}") from error
    return _load(folder / CHAIN, folder / KEY)


def operators_root(settings: Settings, home: Path) -> bytes:
    """The last certificate of the operator's chain in PEM; none is made if there is none yet.

    Raises:
        MediaError: the file cannot be read.
    """
    path = Path(settings.certificate) if settings.certificate else home / FOLDER / CHAIN
    if not (settings.certificate or path.exists()):
        return b""
    return read_root(path)


def read_root(path: Path) -> bytes:
    """The last certificate of a file in PEM; raises InputError or MediaError."""
    return root_of(_read(path), str(path))


def root_of(chain: bytes, name: str) -> bytes:
    """The last certificate of a chain, all in PEM; raises InputError when there is none."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    try:
        return x509.load_pem_x509_certificates(chain)[-1].public_bytes(Encoding.PEM)
    except ValueError as error:
        raise InputError("certificate", name, "a file of certificates in PEM") from error


def _load(chain: Path, key: Path) -> Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        load_pem_private_key,
    )

    certificates, secret = _read(chain), _read(key)
    try:
        signer = x509.load_pem_x509_certificates(certificates)[0]
        opened = load_pem_private_key(secret, None)
    except (ValueError, TypeError) as error:
        allowed = "certificates in PEM, the signer's first, and its key without a password"
        raise InputError("certificate", str(chain), allowed) from error
    if opened.public_key() != signer.public_key():
        raise InputError("certificate_key", str(key), f"the key of {chain}")
    plain = opened.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Certificate(certificates, plain, _algorithm(opened))


def _algorithm(key: object) -> str:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    if isinstance(key, Ed25519PrivateKey):
        return "ed25519"
    if isinstance(key, RSAPrivateKey):
        return "ps256"
    if isinstance(key, EllipticCurvePrivateKey):
        found = {256: "es256", 384: "es384", 521: "es512"}.get(key.curve.key_size)
        if found:
            return found
    raise InputError("certificate_key", type(key).__name__, "P-256, P-384, P-521, Ed25519 or RSA")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise MediaError(f"cannot read {path}: {error.strerror}") from error


def _make(folder: Path) -> None:
    """Make both files in a folder beside, which then takes the name, or finds it taken."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{FOLDER}.", dir=folder.parent))
    try:
        chain, key = _draw()
        for name, content in ((CHAIN, chain), (KEY, key)):
            handle = os.open(scratch / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        try:
            scratch.rename(folder)  # fails on a folder that has something in it
        except OSError:
            if not (folder / KEY).exists():
                raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _draw() -> tuple[bytes, bytes]:
    """A new chain and the signer's key, both in PEM."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    above, mine = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    mark = secrets.token_hex(4)  # tells the certificates of two servers apart
    root = _issue(f"Pleinair root {mark}", above, f"Pleinair root {mark}", above, is_root=True)
    signer = _issue(f"Pleinair server {mark}", mine, f"Pleinair root {mark}", above)
    chain = signer.public_bytes(Encoding.PEM) + root.public_bytes(Encoding.PEM)
    return chain, mine.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _issue(
    name: str,
    key: "EllipticCurvePrivateKey",
    issuer: str,
    above: "EllipticCurvePrivateKey",
    *,
    is_root: bool = False,
) -> "x509.Certificate":
    """A certificate as the technical specification of C2PA 2.2 asks, section 14.5."""
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.x509.oid import ExtendedKeyUsageOID

    now = datetime.now(UTC)
    usage = x509.KeyUsage(
        digital_signature=not is_root,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_root,
        crl_sign=is_root,
        encipher_only=False,
        decipher_only=False,
    )
    mark = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    made = (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))  # clocks differ
        .not_valid_after(now + timedelta(days=365 * YEARS))
        .add_extension(x509.BasicConstraints(is_root, 0 if is_root else None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(mark, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(above.public_key()), critical=False
        )
    )
    if not is_root:
        purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        made = made.add_extension(purpose, critical=False)
    return made.sign(above, SHA256())


def _named(name: str) -> "x509.Name":
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    said = {NameOID.ORGANIZATION_NAME: "Pleinair", NameOID.COMMON_NAME: name}
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in said.items()])
