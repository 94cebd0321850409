"""Bits turned over in signed files, above all where C2PA itself does not look."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import c2pa
import pytest

from pleinair.media.certificate import operators_certificate
from pleinair.media.codec import write_video
from pleinair.media.digest import digest
from pleinair.media.jumbf import BOXES, flaws
from pleinair.media.manifest import ASSERTION, GENERATED, TYPES, Report, context, verify
from pleinair.media.provenance import Origin, Signer, deliver
from pleinair.media.sheet import write_picture
from pleinair.request import Given, VideoRequest
from pleinair.settings import Settings
from tests.conftest import moving_card

PICTURES = ("p.png", "p.jpg", "p.webp")
NAMES = ("a.mp4", "a.gif", "a.webp", *PICTURES)
PAD = b"\x63pad\x59"  # in CBOR: a name of three letters, and bytes whose length follows


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return Signer(operators_certificate(Settings(), tmp_path_factory.mktemp("mine")))


def write(path: Path, name: str) -> None:
    card = moving_card(3, 16, 16)
    if name in PICTURES:
        write_picture(path, card[0])
    else:
        write_video(path, card, 12)


def made(path: Path, signer: Signer, *given: tuple[str, Path]) -> Path:
    """A tiny signed file, made from these, by role."""
    request = VideoRequest(
        "a card",
        model="test-card",
        seed=7,
        given=tuple(Given(role, digest(file)) for role, file in given),
    )
    sources = {digest(file): file for _, file in given}
    deliver(path, lambda to: write(to, path.name), signer, Origin(request, sources=sources))
    return path


def foreign(path: Path, signer: Signer, *assertions: Mapping[str, object]) -> Path:
    """A tiny file that another program signed, with the same certificate."""
    write(path, path.name)
    scratch, type = path.with_name("scratch"), TYPES[path.suffix[1:]]
    action = {"action": "c2pa.created", "digitalSourceType": GENERATED}
    actions = {"label": "c2pa.actions.v2", "data": {"actions": [action]}}
    said = {"claim_generator_info": [{"name": "x"}], "assertions": [actions, *assertions]}
    mine = signer.certificate
    info = c2pa.C2paSignerInfo(mine.algorithm.encode(), mine.chain, mine.key, None)
    with (
        context(signer.root) as here,
        c2pa.Builder(json.dumps(said), context=here) as builder,
        c2pa.Signer.from_info(info) as hand,
        path.open("rb") as source,
        scratch.open("w+b") as signed,
    ):
        builder.sign(hand, type, source, signed)
    return scratch.replace(path)


def flipped(path: Path, at: int) -> Path:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    return path


def uncaught(
    path: Path, signer: Signer, places: Iterable[int], changed: Path | None = None
) -> list[tuple[int, int, str]]:
    """(place, bit, standing) of those flips in a file that do not make it ``tampered``.

    ``changed`` is the file to look at, if the flips are in the manifest beside it.
    """
    data, found = path.read_bytes(), []
    for at in places:
        bit = at % 8
        path.write_bytes(data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :])
        standing = verify(changed or path, signer.root).standing
        if standing != "tampered":
            found.append((at, bit, standing))
    path.write_bytes(data)
    assert verify(changed or path, signer.root).standing == "valid"
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_flip_in_a_file_is_caught(tmp_path: Path, signer: Signer, name: str) -> None:
    path = made(tmp_path / name, signer)
    size = path.stat().st_size
    places = {*range(64), *range(0, size, 19)}  # all of the head, and every bit in turn
    assert uncaught(path, signer, places) == []


def test_every_flip_in_a_webm_and_beside_it_is_caught(tmp_path: Path, signer: Signer) -> None:
    path = made(tmp_path / "a.webm", signer)
    beside = path.with_suffix(".c2pa")
    assert uncaught(path, signer, range(0, path.stat().st_size, 5)) == []
    places = {*range(64), *range(0, beside.stat().st_size, 19)}
    assert uncaught(beside, signer, places, path) == []


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        (b"\0\0\0\x20", "pleinair.container"),  # the length of the file type: its name
        (b"ftyp", "pleinair.outside"),
        (b"\x28\x87\x7e\xc4\x81", "pleinair.container"),  # the end of C2PA's id in MP4
        (b"manifest\0", "pleinair.container"),
        (b"\x71\x03", "pleinair.boxes"),  # the end of a type of a box: its label
        (b"\x71\x03c2pa\0", "pleinair.boxes"),
        (b"\x71\x03c2pa.", "pleinair.boxes"),
        (b"\x71\x03c2pa.claim", "pleinair.boxes"),
        (b"\x71\x03c2pa.sign", "pleinair.boxes"),
        (PAD + b"\x03\xe4", "pleinair.padding"),
    ],
)
def test_what_c2pa_does_not_sign_is_looked_at(
    tmp_path: Path, signer: Signer, before: bytes, reason: str
) -> None:
    path = made(tmp_path / "a.mp4", signer)
    data = path.read_bytes()
    found = verify(flipped(path, data.index(before) + len(before)), signer.root)
    assert (found.standing, found.reasons) == ("tampered", (reason,))


def test_free_space_put_into_a_video_is_caught(tmp_path: Path, signer: Signer) -> None:
    path = made(tmp_path / "a.mp4", signer)
    with path.open("ab") as file:
        file.write(b"\0\0\0\x0cfreehide")
    assert verify(path, signer.root).reasons == ("pleinair.outside",)


def test_every_flip_in_what_a_video_was_made_from_is_caught(tmp_path: Path, signer: Signer) -> None:
    first, picture = made(tmp_path / "b.mp4", signer), made(tmp_path / "p.png", signer)
    second = made(tmp_path / "c.mp4", signer, ("extend", first), ("frame", picture))
    path = made(tmp_path / "a.mp4", signer, ("edit", second))
    assert uncaught(path, signer, range(0, path.stat().st_size, 133)) == []
    data, at = path.read_bytes(), -1
    names = []
    while (at := data.find(b"c2pa.assertions\0", at + 1)) >= 0:
        names.append(at)
    assert len(names) == 4
    assert uncaught(path, signer, names) == []


def test_files_of_others_may_be_padded_with_anything(tmp_path: Path, signer: Signer) -> None:
    path = foreign(tmp_path / "a.mp4", signer)
    assert verify(path, signer.root).standing == "valid"
    flipped(path, path.read_bytes().index(PAD) + 20)
    flipped(path, path.read_bytes().index(b"c2pa.claim.v2\0"))
    flipped(path, path.read_bytes().index(b"isom"))
    assert verify(path, signer.root).standing == "valid"


def test_files_from_before_the_file_type_was_signed_are_valid(
    tmp_path: Path, signer: Signer
) -> None:
    before = {"label": ASSERTION, "data": {"model": "test-card", "seed": 7}}
    path = foreign(tmp_path / "a.mp4", signer, before)
    found = verify(path, signer.root)
    assert (found.standing, found.model) == ("valid", "test-card")
    flipped(path, path.read_bytes().index(PAD) + 20)
    assert verify(path, signer.root).reasons == ("pleinair.padding",)


@pytest.mark.parametrize("name", NAMES)
def test_a_manifest_of_any_length_is_well_formed(tmp_path: Path, signer: Signer, name: str) -> None:
    for length in (254, 255, 70_000):  # a segment of JPEG holds 64 kB, a block of GIF 255 bytes
        long = {"label": ASSERTION, "data": {"model": "m" * length}}
        path = foreign(tmp_path / name, signer, long)
        found = verify(path, signer.root)
        assert (found.standing, found.reasons, len(found.model)) == ("valid", (), length)


def test_an_assertion_of_our_name_may_hold_anything(tmp_path: Path, signer: Signer) -> None:
    path = foreign(tmp_path / "a.mp4", signer, {"label": ASSERTION, "data": [1, 2]})
    assert verify(path, signer.root).model == ""


def test_a_signed_video_in_something_else_says_nothing_of_that(
    tmp_path: Path, signer: Signer
) -> None:
    held = made(tmp_path / "a.mp4", signer).read_bytes()
    (tmp_path / "slides.odp").write_bytes(b"PK" + held)
    (tmp_path / "a.txt.mp4").write_bytes(b"words")
    (tmp_path / "empty.mp4").write_bytes(b"")
    for name in ("slides.odp", "a.txt.mp4", "empty.mp4"):
        assert verify(tmp_path / name, signer.root) == Report("none")


def test_a_store_that_is_none_is_no_trouble() -> None:
    for store in (b"", b"jumb", b"\0\0\0\x08jumb", b"\0\0\0\x09jumb\0", b"\xff" * 64):
        assert flaws(store) == (BOXES,)
