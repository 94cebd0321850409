"""Settings of the machine, from environment variables that begin with ``PLEINAIR_``.

`Settings` say where and with what models run, `ServiceSettings` how the server behaves. Each field
is read from the variable of its own name: ``max_queued`` from ``PLEINAIR_MAX_QUEUED``.
"""

import hashlib
import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from email.utils import parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pleinair.errors import InputError

SHIPPED_WEIGHTS = Path(__file__).parent / "diffusion" / "weights"
DEFAULT_MODEL = "pleinair-2"
"""The model of whoever names none, and behind the names of OpenAI's."""
_PREFIX = "PLEINAIR_"


@dataclass(frozen=True)
class Settings:
    """Where and with what models run.

    Attributes:
        weights: folder that holds the weights.
        model_folder: folder that `pleinair models pull` fills.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``; auto takes a GPU if there is one.
        threads: processor threads, or None for torch's own choice.
        speed: ``exact``, ``balanced`` or ``fast``, and what differs from it, such as
            ``fast,compile=on``; see docs/speed.md.
        parallel: ``off``, ``guidance:2`` or ``sequence:N``: one video on several GPUs;
            ``ranges:N``: frames of one video drawn by N processes; see docs/speed.md.
        provenance: ``on`` signs every file that is delivered, ``off`` none.
        certificate: file with the certificates to sign with, PEM, the signer's first; one made at
            the first start, in ``PLEINAIR_HOME``/certificate, if empty.
        certificate_key: file with the signer's key, PEM, without a password.
        timestamp_server: URL of a server of RFC 3161 that confirms when a file was signed; none
            is asked if empty.
        watermark: ``invisible`` or ``off``: the mark in every delivered frame by which
            ``pleinair find`` knows a video again.
        visible_mark: ``on`` or ``off``: a small label in the corner of every frame.

    Raises:
        InputError: a value is not allowed.
    """

    weights: Path = SHIPPED_WEIGHTS
    device: str = "auto"
    threads: int | None = None
    speed: str = "exact"
    parallel: str = "off"
    provenance: str = "on"
    certificate: str = ""
    certificate_key: str = ""
    timestamp_server: str = ""
    watermark: str = "invisible"
    visible_mark: str = "off"
    model_folder: Path = field(
        default_factory=lambda: Path.home() / ".cache" / "pleinair" / "models"
    )

    def __post_init__(self) -> None:
        """Check the values, wherever they came from."""
        if self.watermark not in ("invisible", "off"):
            raise InputError("watermark", self.watermark, "invisible, off")
        if self.visible_mark not in ("on", "off"):
            raise InputError("visible_mark", self.visible_mark, "on, off")
        if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", self.device):
            raise InputError("device", self.device, "auto, cpu, cuda or cuda:N")
        if self.threads is not None and not 1 <= self.threads <= 1024:
            raise InputError("threads", self.threads, "whole numbers from 1 to 1024")
        if not re.fullmatch(r"(exact|balanced|fast)(, *\w+=[\w.-]+)*", self.speed):
            raise InputError("speed", self.speed, "exact, balanced or fast, then name=value")
        fine = bool(
            re.fullmatch(r"off|guidance:2|(sequence|ranges):([2-9]|[1-9]\d)", self.parallel)
        )
        allowed = "off, guidance:2, or sequence:N or ranges:N with N from 2 to 99"
        _check("parallel", self.parallel, fine, allowed)
        if self.ranks > 1 and self.device.startswith("cuda:"):
            raise InputError(
                "device", self.device, "auto, cpu or cuda: each rank takes its own GPU"
            )
        _check("provenance", self.provenance, self.provenance in ("on", "off"), "on or off")
        both = bool(self.certificate) == bool(self.certificate_key)
        _check("certificate_key", self.certificate_key, both, "set if certificate is, else empty")
        at = self.timestamp_server
        fine = not at or at.startswith(("http://", "https://"))
        _check("timestamp_server", at, fine, "an http(s) address")

    @property
    def ranks(self) -> int:
        """Processes that make one video together."""
        kind, _, count = self.parallel.partition(":")
        return 1 if kind == "ranges" else int(count or 1)

    @property
    def ranges(self) -> int:
        """Processes that each draw ranges of a video's frames, with a model that can."""
        kind, _, count = self.parallel.partition(":")
        return int(count) if kind == "ranges" else 1

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None) -> "Settings":
        """Read the environment; a ``PLEINAIR_`` variable that nobody reads is refused as a typo."""
        return cls(**_read(cls, environment))


@dataclass(frozen=True)
class ServiceSettings:
    """How the server and its workers behave.

    Attributes:
        home: folder of the database, the videos and the server's secret.
        database: URL of the database: SQLite in ``home`` if empty, or ``postgresql://…``.
        storage: where videos are kept: a folder, ``home``/media if empty, or ``s3://bucket/prefix``.
        secret: signs links and webhooks; a file in ``home``, made at the first start, if empty.
        models: ids of the models that are offered; the first is the default, and what it cannot
            do may go to another of them.
        aliases: other names of models, as ``name=model``.
        keys: API keys as ``user:key``, kept as digests; with none, there is one user, ``local``.
        max_queued: videos waiting at once, of everybody; more are refused with 429.
        max_queued_each: videos waiting at once, of one user.
        rate: creates a minute for one user; 0 is no limit.
        keep_hours: hours that a finished video can be downloaded.
        lease: seconds after which a silent worker loses its video to another.
        tries: how often a video is begun before it is given up.
        stall: seconds without a step after which a worker stops renewing its lease.
        grace: seconds that a worker may go on with its video when told to stop.
        memory_gb: memory that one worker may use, in GB; 0 is what the machine has.
        webhook_allow: networks inside that webhooks and picture addresses may reach.
        url: address of this server as its users see it, for links; as asked for, if empty.
        proxies: networks of reverse proxies whose ``X-Forwarded-For`` is believed.
        anchor: file outside the database that keeps the heads of the audit; in ``home`` if empty.
        checks: what looks at prompts and videos for the reviewers: ``words``, ``moderation``, or
            ``package.module:name`` of your own.
        words: file with words that the check ``words`` flags, one a line; the shipped one if empty.
        moderation: URL of an endpoint such as ``https://api.openai.com/v1/moderations``.
        moderation_key: key for that endpoint.
        rewrite_url: API with ``/chat/completions``, such as ``http://localhost:11434/v1``, that
            rewrites prompts for who asks for that; nobody can if empty.
        rewrite_model: id of the model to ask for there.
        rewrite_key: key for that API.
        oidc: issuer of an OpenID Connect provider that members may sign in with.
        oidc_client: id of this server there.
        oidc_secret: its secret there.
        scanners: file with public keys of secret scanners, PEM, each after a line ``# id name``.
        letter: file with an open letter to be read and signed by anybody, its first line
            ``# Title``; no letter if empty.
        mail: relay that takes this server's mail, ``smtp://user:password@host:587`` or
            ``smtps://…``; no mail, and nobody can sign the letter, if empty. It takes ``url``.
        mail_from: who the mail is from, such as ``Pleinair <letter@example.org>``.

    Raises:
        InputError: a value is not allowed.
    """

    home: Path = field(default_factory=lambda: Path.home() / ".pleinair")
    database: str = ""
    storage: str = ""
    secret: str = field(default="", repr=False)
    models: tuple[str, ...] = (DEFAULT_MODEL, "pleinair-1")
    aliases: Mapping[str, str] = field(
        default_factory=lambda: dict.fromkeys(("sora-2", "sora-2-pro"), DEFAULT_MODEL)
    )
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    max_queued: int = 10_000
    max_queued_each: int = 1_000
    rate: int = 600
    keep_hours: float = 720.0
    lease: float = 30.0
    tries: int = 3
    stall: float = 120.0
    grace: float = 10.0
    memory_gb: float = 0.0
    webhook_allow: tuple[str, ...] = ()
    url: str = ""
    proxies: tuple[str, ...] = ()
    anchor: str = ""
    checks: tuple[str, ...] = ("words",)
    words: str = ""
    moderation: str = ""
    moderation_key: str = field(default="", repr=False)
    rewrite_url: str = ""
    rewrite_model: str = ""
    rewrite_key: str = field(default="", repr=False)
    oidc: str = ""
    oidc_client: str = ""
    oidc_secret: str = field(default="", repr=False)
    scanners: str = ""
    letter: str = ""
    mail: str = field(default="", repr=False)
    mail_from: str = ""

    def __post_init__(self) -> None:
        """Check the values, wherever they came from."""
        for name in ("max_queued", "max_queued_each", "tries"):
            _check(name, getattr(self, name), getattr(self, name) >= 1, "1 and more")
        for name in ("rate", "grace", "memory_gb"):
            _check(name, getattr(self, name), getattr(self, name) >= 0, "0 and more")
        for name in ("keep_hours", "lease", "stall"):
            _check(name, getattr(self, name), getattr(self, name) > 0, "numbers above 0")
        _check("models", self.models, bool(self.models), "at least one id")
        for alias, model in self.aliases.items():
            _check("aliases", f"{alias}={model}", bool(alias and model), "name=model")
        for name in ("webhook_allow", "proxies"):
            for network in getattr(self, name):
                try:
                    ipaddress.ip_network(network)
                except ValueError as error:
                    raise InputError(name, network, "networks such as 10.0.0.0/8") from error
        for check in self.checks:
            known = check in ("words", "moderation") or ":" in check
            _check("checks", check, known, "words, moderation, package.module:name")
        if "moderation" in self.checks:
            _check("moderation", self.moderation, bool(self.moderation), "the URL of an endpoint")
        if self.rewrite_url:
            fine = self.rewrite_url.startswith(("http://", "https://"))
            _check("rewrite_url", self.rewrite_url, fine, "an http(s) address")
            named = bool(self.rewrite_model)
            _check("rewrite_model", self.rewrite_model, named, "the id of a model there")
        if self.oidc:
            _check("oidc_client", self.oidc_client, bool(self.oidc_client), "the id at the issuer")
        if self.mail:
            # What it is may hold a password, so it is not shown.
            _check("mail", "…", _is_relay(self.mail), "smtp://user:password@host:587 or smtps://…")
            sender = parseaddr(self.mail_from)[1]
            fine = bool(re.fullmatch(r"[!-?A-~]+@[a-z0-9.-]+", sender, re.IGNORECASE))
            _check("mail_from", self.mail_from, fine, "Name <address@example.org>")
            # Not as asked for: a stranger would choose where the links of a mail lead.
            known = self.url.startswith(("http://", "https://"))
            _check("url", self.url, known, "this server's http(s) address, for links in mail")

    @property
    def database_url(self) -> str:
        """The database's URL for SQLAlchemy."""
        if not self.database:
            return f"sqlite:///{self.home / 'pleinair.db'}"
        return re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", self.database)

    @property
    def anchor_file(self) -> Path:
        """The file that keeps the heads of the audit."""
        return Path(self.anchor) if self.anchor else self.home / "audit.anchor"

    @property
    def storage_url(self) -> str:
        """Folder or ``s3://`` URL of the store."""
        return self.storage or str(self.home / "media")

    def resolve(self, model: str) -> str:
        """The id of a model that may be called by an alias."""
        return self.aliases.get(model, model)

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None) -> "ServiceSettings":
        """Read the environment; a ``PLEINAIR_`` variable that nobody reads is refused as a typo."""
        return cls(**_read(cls, environment))


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on every system
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def digest_of_key(key: str) -> str:
    """SHA-256 of an API key, which is all that is kept of it."""
    return hashlib.sha256(key.encode()).hexdigest()


def _check(name: str, value: object, fine: bool, allowed: str) -> None:
    if not fine:
        raise InputError(name, value, allowed)


def _is_relay(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("smtp", "smtps") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # of the port
        return False


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _pairs(name: str, text: str, separator: str) -> dict[str, str]:
    """``{left: right}`` of a comma-separated list; what stands wrong is never shown whole."""
    pairs = {}
    for part in _list(text):
        left, found, right = part.partition(separator)
        if not (left and found and right):
            raise InputError(name, f"{part[:3]}…", f"a list such as name{separator}value")
        pairs[left] = right
    return pairs


def _whole(name: str, text: str) -> int:
    if not text.isdecimal():
        raise InputError(name, text, "whole numbers")
    return int(text)


def _number(name: str, text: str) -> float:
    if not re.fullmatch(r"\d+(\.\d+)?", text):
        raise InputError(name, text, "numbers such as 30 or 0.5")
    return float(text)


_READ: dict[str, Callable[[str, str], Any]] = {
    "weights": lambda _, text: Path(text),
    "home": lambda _, text: Path(text),
    "model_folder": lambda _, text: Path(text).expanduser(),
    "threads": lambda name, text: _whole(name, text) if text else None,
    "max_queued": _whole,
    "max_queued_each": _whole,
    "rate": _whole,
    "tries": _whole,
    "keep_hours": _number,
    "lease": _number,
    "stall": _number,
    "grace": _number,
    "memory_gb": _number,
    "models": lambda _, text: _list(text),
    "webhook_allow": lambda _, text: _list(text),
    "proxies": lambda _, text: _list(text),
    "checks": lambda _, text: _list(text),
    "aliases": lambda name, text: _pairs(name, text, "="),
    "keys": lambda name, text: {
        user: digest_of_key(key) for user, key in _pairs(name, text, ":").items()
    },
}


def variables() -> dict[str, str]:
    """Every environment variable that is read, with the field that it sets."""
    names = [item.name for part in (Settings, ServiceSettings) for item in fields(part)]
    return {_PREFIX + name.upper(): name for name in names}


def _read(part: type[Any], environment: Mapping[str, str] | None) -> dict[str, Any]:
    """The fields of one class that the environment sets."""
    environment = os.environ if environment is None else environment
    known = variables()
    mine = {item.name for item in fields(part)}
    values = {}
    for variable, text in environment.items():
        if not variable.startswith(_PREFIX):
            continue
        if variable not in known:
            raise InputError("environment", variable, ", ".join(sorted(known)))
        name = known[variable]
        if name in mine:
            values[name] = _READ[name](variable, text) if name in _READ else text
    return values
