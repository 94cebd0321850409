"""Where a file comes from, signed into it: a C2PA manifest, and the source type of IPTC in XMP.

A manifest names the model, the seed, the day, the digest of the request and what the file was made
from; never the prompt. It is the last thing done to a file, for every change after it shows. See
the C2PA technical specification 2.2, https://spec.c2pa.org, and the digital source types of IPTC,
https://cv.iptc.org/newscodes/digitalsourcetype.
"""

import json
import os
import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pleinair.errors import MediaError
from pleinair.media.certificate import Certificate, operators_certificate, root_of
from pleinair.media.embedding import outside
from pleinair.media.encoder import replacing
from pleinair.media.manifest import (
    ALGORITHMIC,
    APART,
    ASSERTION,
    COMPOSITE,
    GENERATED,
    TYPES,
    VALID,
    context,
    sniff,
)
from pleinair.media.manifest import verify as verify_manifest
from pleinair.request import Given, VideoRequest
from pleinair.settings import Settings

_CHANGED = {
    "edit": "drawn anew by a generative model",
    "extend": "continued by a generative model",
    "before": "given a new beginning by a generative model",
    "retake": "drawn anew in part by a generative model",
}
"""What happens to a clip that a file is a new version of; with several, to the first."""

_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")  # says that a box of MP4 holds XMP
_PACKET = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""'
    ' xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
    ' Iptc4xmpExt:DigitalSourceType="{}"/></rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
)


@dataclass(frozen=True)
class Origin:
    """What a file was made by and from.

    Attributes:
        request: the request; its prompt is not written down.
        number: which of the request's variations it is, from 0.
        sources: the files that ``request.given`` names, by the SHA-256 of their bytes.
        learnt: whether the model learnt from pictures or videos; what did not makes another kind
            of media.
        by: version of Pleinair.
    """

    request: VideoRequest
    number: int = 0
    sources: Mapping[str, Path] = field(default_factory=dict)
    learnt: bool = True
    by: str = field(default_factory=lambda: version("pleinair"))


class Signer:
    """Signs files as the operator.

    Args:
        certificate: of the operator.
        timestamp_server: URL of a server of RFC 3161 that confirms the time; none if empty.
    """

    def __init__(self, certificate: Certificate, timestamp_server: str = "") -> None:
        self.certificate = certificate
        self.timestamp_server = timestamp_server
        self.root = root_of(certificate.chain, "the chain")

    def sign(
        self, path: Path, origin: Origin, *, type: str | None = None, title: str = ""
    ) -> Path | None:
        """Put a signed manifest into a file, or beside it where its type cannot hold one.

        The file is changed whole or not at all.

        Args:
            path: the file as it will be delivered.
            origin: of the file.
            type: its media type; by its suffix if None.
            title: name that the manifest gives it; that of the path if empty.

        Returns:
            The path of the manifest if that is beside the file, else None.

        Raises:
            MediaError: it cannot be signed; then it must not be delivered.
        """
        import c2pa

        type = type or TYPES.get(path.suffix.lstrip(".").lower(), "")
        scratch = path.with_name(f".{path.stem[:40]}.{os.getpid()}.signed")
        try:
            unhashed = {"outside": outside(path)} if type == "video/mp4" else {}
            said = self._said(origin, title or path.name, unhashed)
            if type == "video/mp4":
                _append_xmp(path, said.source_type)
            with (
                context(self.root) as here,
                c2pa.Builder(json.dumps(said.manifest), context=here) as builder,
                self._signer() as signer,
                path.open("rb") as source,
                scratch.open("w+b") as signed,
            ):
                for ingredient, kind, file in said.ingredients:
                    with file.open("rb") as content:
                        builder.add_ingredient(json.dumps(ingredient), kind, content)
                if type in APART:
                    builder.set_no_embed()
                manifest = builder.sign(signer, type, source, signed)
            if type not in APART:
                scratch.replace(path)
                return None
            beside = path.with_suffix(".c2pa")
            scratch.write_bytes(manifest)
            scratch.replace(beside)
            return beside
        except (c2pa.C2paError, OSError) as error:
            raise MediaError(f"cannot sign {title or path.name}: {error}") from error
        finally:
            with suppress(OSError):
                scratch.unlink()

    def _signer(self) -> Any:  # noqa: ANN401  # c2pa has no types
        import c2pa

        at = self.timestamp_server.encode() or None
        mine = self.certificate
        info = c2pa.C2paSignerInfo(mine.algorithm.encode(), mine.chain, mine.key, at)
        return c2pa.Signer.from_info(info)

    def _said(self, origin: Origin, title: str, unhashed: Mapping[str, str]) -> "_Said":
        """What the manifest says; ``unhashed`` is of the bytes that C2PA leaves out."""
        request, now = origin.request, f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        agent = {"name": "Pleinair", "version": origin.by}
        first = next((item for item in request.given if item.role in _CHANGED), None)
        parts = [
            _Part(i, item, origin.sources.get(item.sha256), is_parent=item is first)
            for i, item in enumerate(request.given, 1)
        ]
        # Only what this very server signed is known to hold nothing but a model's work.
        pure = all(part.is_generated(self.root) for part in parts)
        source_type = (GENERATED if origin.learnt else ALGORITHMIC) if pure else COMPOSITE
        parent = next((part for part in parts if part.is_parent), None)
        inputs = {"ingredientIds": [part.id for part in parts if part is not parent]}
        done: dict[str, Any] = {
            "action": "c2pa.edited" if parent else "c2pa.created",
            "when": now,
            "softwareAgent": agent,
            "digitalSourceType": source_type,
            **({"parameters": inputs} if inputs["ingredientIds"] else {}),
        }
        actions = [done]
        if parent:
            done["description"] = _CHANGED[parent.given.role]
            opened = {"action": "c2pa.opened", "when": now, "softwareAgent": agent}
            actions.insert(0, {**opened, "parameters": {"ingredientIds": [parent.id]}})
        record = {
            "model": request.model,
            "seed": request.seed + origin.number,
            "request": request.digest,
            "date": now,
            "given": [{"role": item.role, "sha256": item.sha256} for item in request.given],
            **unhashed,
        }
        manifest = {
            "claim_generator_info": [agent],
            "title": title,
            "assertions": [
                {"label": "c2pa.actions.v2", "data": {"actions": actions}},
                {"label": ASSERTION, "data": record},
            ],
            "ingredients": [part.told for part in parts if not part.type],
        }
        files = [(part.told, part.type, part.path) for part in parts if part.path and part.type]
        return _Said(manifest, source_type, files)


@dataclass(frozen=True)
class _Said:
    manifest: dict[str, Any]
    source_type: str
    ingredients: list[tuple[dict[str, str], str, Path]]


@dataclass(frozen=True)
class _Part:
    """An ingredient: a given picture or clip, and its file if there is one."""

    number: int
    given: Given
    path: Path | None
    is_parent: bool

    @property
    def id(self) -> str:
        return f"given-{self.number}"

    @property
    def type(self) -> str:
        """Media type, empty where C2PA does not know it."""
        return sniff(self.path) if self.path else ""

    @property
    def told(self) -> dict[str, str]:
        return {
            "title": f"{self.given.role} {self.given.sha256}",
            "relationship": "parentOf" if self.is_parent else "inputTo",
            "label": self.id,
            **({} if self.type else {"format": "application/octet-stream"}),
        }

    def is_generated(self, root: bytes) -> bool:
        if not (self.path and self.type):
            return False
        found = verify_manifest(self.path, root)
        return found.standing == VALID and found.source_type in (GENERATED, ALGORITHMIC)


def signer_of(settings: Settings, home: Path) -> Signer | None:
    """The operator's signer, or None where the settings turn provenance off.

    Raises:
        InputError, MediaError: the certificate cannot be used.
    """
    if settings.provenance == "off":
        return None
    return Signer(operators_certificate(settings, home), settings.timestamp_server)


def deliver(
    path: Path,
    write: Callable[[Path], object],
    signer: Signer | None,
    origin: Origin,
    type: str | None = None,
) -> list[Path]:
    """Write a file, sign it, and only then give it its name.

    Args:
        path: where to.
        write: writes it to the path that it is called with.
        signer: None leaves it unsigned.
        origin: of the file.
        type: its media type; by its suffix if None.

    Returns:
        The path, and that of the manifest if it is beside the file.

    Raises:
        MediaError: it cannot be written or signed; then there is no file.
    """
    files = [path]
    with replacing(path) as scratch:
        write(scratch)
        beside = signer and signer.sign(scratch, origin, type=type, title=path.name)
        if beside:
            files.append(path.with_suffix(".c2pa"))
            beside.replace(files[-1])
    return files


def _append_xmp(path: Path, source_type: str) -> None:
    """Put the source type at the end of an MP4, where it moves nothing."""
    packet = _XMP + _PACKET.format(source_type).encode()
    with path.open("ab") as file:
        file.write(struct.pack(">I4s", 8 + len(packet), b"uuid") + packet)
