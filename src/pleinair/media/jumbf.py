"""The boxes of JUMBF that hold C2PA's manifests, held to the form that the standard gives them.

C2PA signs what a manifest says, but not how its store is written down: a box's name may be
misspelt, a size be off and padding be full of words, and every signature still holds. Pleinair
writes one form of all that, so in its own files whatever differs was changed afterwards. See ISO
19566-5 for the boxes, and sections 11.1 and 13.2 of the C2PA technical specification 2.2 for their
names and for the padding of a signature.
"""

from collections.abc import Iterator
from typing import Any

BOXES, PADDING = "pleinair.boxes", "pleinair.padding"

_UUID = bytes.fromhex("00110010800000aa00389b71")  # follows the four letters of a type
_PLAIN, _KNOWN = 0b11, 0b11111  # what a description has: a label only; all that there is
_LABELS = {
    b"c2pa": (b"c2pa",),
    b"c2as": (b"c2pa.assertions",),
    b"c2cl": (b"c2pa.claim", b"c2pa.claim.v2"),
    b"c2cs": (b"c2pa.signature",),
}
_UNSIGNED = {"sigTst", "sigTst2", "rVals", "pad", "pad2"}  # what a signature has beside it
_DEEPEST = 8


def flaws(store: bytes) -> tuple[str, ...]:
    """What is not as it was written in a store whose last manifest is Pleinair's.

    Manifests before the last are of what it was made from, and may be anybody's: C2PA hashes them
    with their padding, so only the names and sizes of their boxes are looked at.

    Returns:
        ``BOXES`` if a box has another name or size than the standard gives it, ``PADDING`` if the
        signature is padded with anything but zeros.
    """
    try:
        ((name, content),) = boxes(store)
        if name != b"jumb":
            return (BOXES,)
        *_, active = [_manifest(inner) for inner in _inside(content, b"c2pa")]
        ((_, signature),) = active[b"c2cs"]
    except (ValueError, KeyError):
        return (BOXES,)
    return () if _is_padded_with_zeros(signature) else (PADDING,)


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(name, content) of boxes that fill these bytes exactly; raises ValueError if they do not."""
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4])
        if not 8 <= size <= len(data) - at:
            raise ValueError("boxes do not fill what holds them")
        yield data[at + 4 : at + 8], data[at + 8 : at + size]
        at += size


def _inside(content: bytes, kind: bytes) -> list[bytes]:
    """Contents of the superboxes in one of that type."""
    found, label, inner = _described(content)
    if found != kind or label not in _LABELS[kind] or any(name != b"jumb" for name, _ in inner):
        raise ValueError("a box has another name")
    return [content for _, content in inner]


def _manifest(content: bytes) -> dict[bytes, list[tuple[bytes, bytes]]]:
    """What the parts of a manifest hold, by type; raises ValueError for a box that is not so."""
    parts = {}
    for name, part in _described(content)[2]:
        kind, label, inner = _described(part, plain=part[8:12] in _LABELS)
        if name != b"jumb" or label not in _LABELS.get(kind, (label,)):
            raise ValueError("a box has another name")
        parts[kind] = inner
        if kind == b"c2as":
            for assertion in _inside(part, kind):
                _described(assertion, plain=False)
    return parts


def _described(
    content: bytes, *, plain: bool = True
) -> tuple[bytes, bytes, list[tuple[bytes, bytes]]]:
    """Type and label of a superbox, and the boxes in it; a plain one is not salted."""
    (name, description), *inner = boxes(content)
    kind, toggles = description[:4], int.from_bytes(description[16:17])
    label, end, rest = description[17:].partition(b"\0")
    fine = name == b"jumd" and end and description[4:16] == _UUID and not toggles & ~_KNOWN
    if not fine or (plain and (toggles != _PLAIN or rest)):
        raise ValueError("a box is not described as the standard says")
    return kind, label, inner


def _is_padded_with_zeros(signature: bytes) -> bool:
    """Whether a COSE_Sign1 has beside what it signs only what C2PA knows, and empty padding."""
    try:
        (_, unsigned, payload, _), end = _item(signature, 0)
        known = payload is None and unsigned.keys() <= _UNSIGNED
        padding = b"".join(value for key, value in unsigned.items() if key.startswith("pad"))
    except (ValueError, TypeError, AttributeError):
        return False
    return known and end == len(signature) and not any(padding)


def _item(data: bytes, at: int, depth: int = 0) -> tuple[Any, int]:
    """One item of CBOR (RFC 8949) of a definite length, and where it ends."""
    if at >= len(data) or depth > _DEEPEST:
        raise ValueError("CBOR ends early or is nested too deeply")
    major, count = data[at] >> 5, data[at] & 31
    at += 1
    if count >= 24:
        more = {24: 1, 25: 2, 26: 4, 27: 8}.get(count, 0)
        if not more or at + more > len(data):
            raise ValueError("CBOR of no definite length")
        count, at = int.from_bytes(data[at : at + more]), at + more
    if major in (2, 3):
        if at + count > len(data):
            raise ValueError("CBOR ends early")
        held = data[at : at + count]
        return held if major == 2 else held.decode(errors="replace"), at + count
    if major == 6:
        return _item(data, at, depth + 1)
    if major not in (4, 5):
        return None if (major, count) == (7, 22) else count, at
    items = []
    for _ in range(count * (major - 3)):  # a map is a list of keys and values in turn
        item, at = _item(data, at, depth + 1)
        items.append(item)
    return (dict(zip(items[::2], items[1::2], strict=True)) if major == 5 else items), at
