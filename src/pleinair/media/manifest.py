"""Manifests of C2PA, read and checked: who signed a file, and whether it is still as it was."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pleinair.errors import MediaError
from pleinair.media.embedding import CONTAINER, OUTSIDE, holds_ours, outside, store_in
from pleinair.media.jumbf import flaws

ASSERTION = "pleinair.generation"
_SOURCE = "http://cv.iptc.org/newscodes/digitalsourcetype/"
GENERATED, ALGORITHMIC, COMPOSITE = (
    f"{_SOURCE}trainedAlgorithmicMedia",
    f"{_SOURCE}algorithmicMedia",
    f"{_SOURCE}compositeWithTrainedAlgorithmicMedia",
)
"""Made by a model that learnt from media, by an algorithm that did not, or with parts of others."""

VALID, UNKNOWN, TAMPERED, NONE = "valid", "unknown", "tampered", "none"

TYPES = {
    "mp4": "video/mp4",
    "webm": "video/webm",
    "gif": "image/gif",
    "webp": "image/webp",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
}
"""Media types of the files that are delivered, by suffix."""

APART = ("video/webm",)
"""Types that cannot hold a manifest: theirs is a file beside them, with the suffix ``.c2pa``."""


@dataclass(frozen=True)
class Source:
    """Something that a file was made from.

    Attributes:
        title: what it was for, and its SHA-256.
        relationship: ``parentOf`` what was edited or continued, ``inputTo`` what was only seen.
        standing: of its own manifest, when the file was made from it.
        made: what that manifest says, or None if it had none.
    """

    title: str
    relationship: str
    standing: str
    made: "Report | None"


@dataclass(frozen=True)
class Report:
    """What a file says of itself, and whether to believe it.

    Attributes:
        standing: ``valid`` if it is as it was when a certificate signed it that is known here;
            ``unknown`` if the certificate is not; ``tampered`` if it was changed or its manifest
            is broken; ``none`` if it has no manifest.
        reasons: what is wrong, in the codes of C2PA; those that begin with ``pleinair.`` are for
            what C2PA leaves unsigned.
        signer: who signed it, by the certificate.
        software: what made it.
        source_type: address of IPTC's word for where it comes from.
        model, seed, request, date: what ran and when; ``request`` is a digest.
        sources: what it was made from.
    """

    standing: str
    reasons: tuple[str, ...] = ()
    signer: str = ""
    software: str = ""
    source_type: str = ""
    model: str = ""
    seed: int | None = None
    request: str = ""
    date: str = ""
    sources: tuple[Source, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def verify(path: Path, roots: bytes) -> Report:
    """Read the manifest in a file, or in the ``.c2pa`` beside it, and check both.

    C2PA signs neither the padding of a manifest nor how its boxes are called and wrapped. In a
    file of Pleinair's they have one form only, and one that differs from it is ``tampered`` too.

    Args:
        path: the file; its suffix counts where its first bytes are of no type.
        roots: certificates in PEM whose signatures are believed.

    Raises:
        MediaError: the file cannot be read.
    """
    import c2pa

    beside = path.with_suffix(".c2pa")
    named = TYPES.get(path.suffix.lstrip(".").lower(), "")
    type = sniff(path) or (named if named in APART else "")
    apart = b""
    try:
        with context(roots) as here, path.open("rb") as file:
            found = None
            if type and type not in APART:
                found = c2pa.Reader.try_create(type, file, context=here)
            if found is None and type and beside.is_file():
                file.seek(0)
                apart = beside.read_bytes()
                found = c2pa.Reader.try_create(type, file, apart, context=here)
            if found is not None:
                with found as reader:
                    store = json.loads(reader.json())
                return _report(store, _unsigned(store, path, type, apart))
            if (type or named) in TYPES.values() and type not in APART and holds_ours(path):
                return Report(TAMPERED, (CONTAINER,))
            return Report(NONE)
    except c2pa.C2paError as error:
        return Report(TAMPERED, (" ".join(str(error).split()),))
    except OSError as error:
        raise MediaError(f"cannot read {path}: {error.strerror or error}") from error


def sniff(path: Path) -> str:
    """Media type by a file's first bytes; empty for what C2PA has no place in.

    Raises:
        MediaError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except OSError as error:
        raise MediaError(f"cannot read {path}: {error.strerror or error}") from error
    starts = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpg", b"GIF8": "gif", b"\x1aE\xdf\xa3": "webm"}
    found = next((name for start, name in starts.items() if head.startswith(start)), "")
    if head[4:8] == b"ftyp":
        found = "mp4"
    if head[:4] == b"RIFF" and head[8:] == b"WEBP":
        found = "webp"
    return TYPES.get(found, "")


def context(roots: bytes) -> Any:  # noqa: ANN401  # c2pa has no types
    """How the library works here: believing these roots, with no pictures and no network."""
    import c2pa

    settings = {
        "version": 1,
        "builder": {"thumbnail": {"enabled": False}},
        "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
        "trust": {"user_anchors": roots.decode()} if roots else {},
    }
    return c2pa.Context(c2pa.Settings.from_dict(settings))


def _unsigned(store: Mapping[str, Any], path: Path, type: str, apart: bytes) -> tuple[str, ...]:
    """What is not as Pleinair wrote it where C2PA does not look; nothing in a file of others."""
    record = _assertions(store, store.get("active_manifest")).get(ASSERTION)
    if record is None:
        return ()
    held = apart or store_in(path, type)
    if not held:
        return (CONTAINER,)
    signed = record.get("outside") if isinstance(record, Mapping) else None
    moved = signed is not None and signed != outside(path)
    return flaws(held) + ((OUTSIDE,) if moved else ())


def _report(store: Mapping[str, Any], wrong: tuple[str, ...]) -> Report:
    results = store.get("validation_results", {})
    checked = [results.get("activeManifest", {})]
    checked += [item.get("validationDeltas", {}) for item in results.get("ingredientDeltas", ())]
    failed = [item["code"] for found in checked for item in found.get("failure", ())] + [*wrong]
    label = store.get("active_manifest")
    if not isinstance(label, str) or label not in store["manifests"]:
        return Report(TAMPERED, tuple(failed))
    state = store.get("validation_state", "Invalid")
    return _told(store, label, _standing(failed, state == "Trusted"), failed)


def _assertions(store: Mapping[str, Any], label: str | None) -> dict[str, Any]:
    """What a manifest of a store asserts, by label; nothing if there is no such manifest."""
    manifest = store["manifests"].get(label, {})
    return {item["label"]: item["data"] for item in manifest.get("assertions", ())}


def _standing(failed: list[str], trusted: bool) -> str:
    if any(not code.startswith("signingCredential.") for code in failed):
        return TAMPERED
    return VALID if trusted and not failed else UNKNOWN


def _told(
    store: Mapping[str, Any], label: str, standing: str, failed: list[str], depth: int = 0
) -> Report:
    """What one manifest of a store says, with those that it was made from."""
    manifest = store["manifests"][label]
    assertions = _assertions(store, label)
    actions = assertions.get("c2pa.actions.v2", {}).get("actions", ())
    kinds = [item["digitalSourceType"] for item in actions if "digitalSourceType" in item]
    record = assertions.get(ASSERTION, {})
    if not isinstance(record, Mapping):  # anybody may call an assertion so
        record = {}
    software = (manifest.get("claim_generator_info") or [{}])[0]
    return Report(
        standing,
        tuple(failed),
        signer=manifest.get("signature_info", {}).get("common_name", ""),
        software=f"{software.get('name', '')} {software.get('version', '')}".strip(),
        source_type=kinds[-1] if kinds else "",
        model=record.get("model", ""),
        seed=record.get("seed"),
        request=record.get("request", ""),
        date=record.get("date", ""),
        sources=tuple(_source(store, item, depth) for item in manifest.get("ingredients", ())),
    )


def _source(store: Mapping[str, Any], ingredient: Mapping[str, Any], depth: int) -> Source:
    label = ingredient.get("active_manifest")
    made, standing = None, NONE
    if (
        isinstance(label, str) and label in store["manifests"] and depth < 100
    ):  # a broken store may name itself
        results = ingredient.get("validation_results", {}).get("activeManifest", {})
        failed = [item["code"] for item in results.get("failure", ())]
        passed = [item["code"] for item in results.get("success", ())]
        known = "signingCredential.trusted" in passed
        standing = _standing(failed, known)
        made = _told(store, label, standing, failed, depth + 1)
    return Source(ingredient.get("title", ""), ingredient.get("relationship", ""), standing, made)
