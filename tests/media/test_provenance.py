"""What a delivered file says of itself, to the C2PA library and to its readers."""

import json
import multiprocessing
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import c2pa
import pytest

from pleinair.errors import InputError, MediaError
from pleinair.media.certificate import Certificate, operators_certificate, operators_root
from pleinair.media.codec import read_video, write_video
from pleinair.media.digest import digest
from pleinair.media.manifest import ALGORITHMIC, COMPOSITE, GENERATED, Report, verify
from pleinair.media.provenance import Origin, Signer, deliver, signer_of
from pleinair.media.sheet import write_picture
from pleinair.request import Given, VideoRequest
from pleinair.settings import Settings
from tests.conftest import moving_card

REQUEST = VideoRequest("a secret lake", model="test-card", seed=7)


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return Signer(operators_certificate(Settings(), tmp_path_factory.mktemp("mine")))


def film(path: Path, signer: Signer | None, *given: tuple[str, Path], number: int = 0) -> Path:
    """A small video of a request that is given these files, by role."""
    items = tuple(Given(role, digest(file)) for role, file in given)
    sources = {digest(file): file for _, file in given}
    origin = Origin(replace(REQUEST, given=items), number, sources)
    deliver(path, lambda to: write_video(to, moving_card(6, 64, 48), 12), signer, origin)
    return path


def boxes(data: bytes) -> Iterator[tuple[str, int, int]]:
    """(name, start, end) of the boxes of an MP4."""
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        yield data[at + 4 : at + 8].decode(), at, at + size
        at += size


def flipped(path: Path, at: int) -> Path:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    changed = path.with_name(f"flipped-{at}{path.suffix}")
    changed.write_bytes(data)
    return changed


def test_a_video_says_what_made_it_but_not_what_it_was_asked(
    tmp_path: Path, signer: Signer
) -> None:
    path = film(tmp_path / "a.mp4", signer, number=2)
    found = verify(path, signer.root)
    assert (found.standing, found.reasons, found.sources) == ("valid", (), ())
    assert (found.model, found.seed, found.request) == ("test-card", 9, REQUEST.digest)
    assert found.source_type == GENERATED
    assert found.software.startswith("Pleinair ")
    assert found.date.endswith("Z")
    assert b"secret" not in path.read_bytes()


def test_what_learnt_from_nothing_is_algorithmic_media_and_pure_in_what_is_made_from_it(
    tmp_path: Path, signer: Signer
) -> None:
    path = tmp_path / "a.mp4"
    origin = Origin(REQUEST, learnt=False)
    deliver(path, lambda to: write_video(to, moving_card(6, 64, 48), 12), signer, origin)
    found = verify(path, signer.root)
    assert (found.standing, found.source_type) == ("valid", ALGORITHMIC)
    assert f'DigitalSourceType="{ALGORITHMIC}"'.encode() in path.read_bytes()
    edited = verify(film(tmp_path / "b.mp4", signer, ("edit", path)), signer.root)
    assert (edited.standing, edited.source_type) == ("valid", GENERATED)


def test_the_library_by_itself_finds_it_well_formed(tmp_path: Path, signer: Signer) -> None:
    with c2pa.Reader(film(tmp_path / "a.mp4", signer)) as reader:
        store = json.loads(reader.json())
    manifest = store["manifests"][store["active_manifest"]]
    assert store["validation_state"] == "Valid"
    failed = store["validation_results"]["activeManifest"]["failure"]
    assert [item["code"] for item in failed] == ["signingCredential.untrusted"]
    action = manifest["assertions"][1]["data"]["actions"][0]
    assert (action["action"], action["digitalSourceType"]) == ("c2pa.created", GENERATED)


def test_a_signed_video_still_plays_from_its_start(tmp_path: Path, signer: Signer) -> None:
    plain, path = film(tmp_path / "b.mp4", None), film(tmp_path / "a.mp4", signer)
    assert (read_video(path).frames == read_video(plain).frames).all()
    names = [name for name, _, _ in boxes(path.read_bytes())]
    assert names.index("moov") < names.index("mdat")
    assert f'DigitalSourceType="{GENERATED}"'.encode() in path.read_bytes()


def test_every_flip_in_the_video_is_caught(tmp_path: Path, signer: Signer) -> None:
    path = film(tmp_path / "a.mp4", signer)
    spans = [
        (start, end)
        for name, start, end in boxes(path.read_bytes())
        if name in ("moov", "mdat") or path.read_bytes()[start + 8 : start + 10] == b"\xbe\x7a"
    ]
    assert len(spans) == 3
    for start, end in spans:
        for at in range(start, end, max(1, (end - start) // 12)):
            assert verify(flipped(path, at), signer.root).standing == "tampered", at


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.webm", "p.png", "p.jpg", "p.webp"])
def test_other_formats_are_signed_too(tmp_path: Path, signer: Signer, name: str) -> None:
    path, card = tmp_path / name, moving_card(6, 64, 48)

    def write(to: Path) -> None:
        if name.startswith("a"):
            write_video(to, card, 12)
        else:
            write_picture(to, card[0])

    files = deliver(path, write, signer, Origin(REQUEST))
    beside = [tmp_path / "a.c2pa"] if name == "a.webm" else []  # WebM has no place for one
    assert files == [path, *beside]
    assert sorted(tmp_path.iterdir()) == sorted(files)
    assert verify(path, signer.root).standing == "valid"
    assert verify(flipped(path, path.stat().st_size - 40), signer.root).standing != "valid"


def test_a_sidecar_is_of_its_own_file_only(tmp_path: Path, signer: Signer) -> None:
    path = film(tmp_path / "a.webm", signer)
    (tmp_path / "a.c2pa").rename(tmp_path / "b.c2pa")
    assert verify(path, signer.root).standing == "none"
    changed = flipped(path, path.stat().st_size - 40).rename(tmp_path / "b.webm")
    assert verify(changed, signer.root).standing == "tampered"


def test_what_a_model_went_on_with_is_named_with_its_own_manifest(
    tmp_path: Path, signer: Signer
) -> None:
    first = film(tmp_path / "a.mp4", signer)
    second = film(tmp_path / "b.mp4", signer, ("extend", first))
    third = verify(film(tmp_path / "c.mp4", signer, ("edit", second)), signer.root)
    assert (third.standing, third.source_type) == ("valid", GENERATED)
    (before,) = third.sources
    assert (before.title, before.relationship) == (f"edit {digest(second)}", "parentOf")
    assert before.made is not None
    (start,) = before.made.sources
    assert (start.title, start.standing) == (f"extend {digest(first)}", "valid")
    assert start.made is not None
    assert start.made.sources == ()
    with c2pa.Reader(tmp_path / "c.mp4") as reader:
        manifest = reader.get_active_manifest()
    assert manifest is not None
    actions = manifest["assertions"][1]["data"]["actions"]
    assert [action["action"] for action in actions] == ["c2pa.opened", "c2pa.edited"]


def test_of_two_clips_that_are_connected_both_are_named(tmp_path: Path, signer: Signer) -> None:
    first, last = film(tmp_path / "a.mp4", signer), film(tmp_path / "b.mp4", signer, number=1)
    given = ("extend", first), ("before", last)
    report = verify(film(tmp_path / "c.mp4", signer, *given), signer.root)
    assert (report.standing, report.source_type) == ("valid", GENERATED)
    assert {(source.title, source.relationship) for source in report.sources} == {
        (f"extend {digest(first)}", "parentOf"),
        (f"before {digest(last)}", "inputTo"),
    }


def test_what_is_not_known_to_be_a_models_work_makes_a_composite(
    tmp_path: Path, signer: Signer
) -> None:
    stranger = signer_of(Settings(), tmp_path / "another")
    unsigned = film(tmp_path / "a.mp4", None)
    foreign = film(tmp_path / "b.mp4", stranger)
    broken = film(tmp_path / "c.mp4", signer)
    broken = flipped(broken, broken.stat().st_size - 600)
    write_picture(tmp_path / "p.png", moving_card(1, 64, 48)[0])
    (tmp_path / "x").write_bytes(b"a kind that C2PA does not know")
    for given, standing in (
        (("extend", unsigned), "none"),
        (("extend", foreign), "unknown"),
        (("edit", broken), "tampered"),
        (("frame", tmp_path / "p.png"), "none"),
        (("edit", tmp_path / "x"), "none"),
    ):
        found = verify(film(tmp_path / "d.mp4", signer, given), signer.root)
        assert (found.standing, found.source_type) == ("valid", COMPOSITE)
        assert [source.standing for source in found.sources] == [standing]


def test_another_servers_signature_is_unknown_until_its_root_is_trusted(tmp_path: Path) -> None:
    old, new = (signer_of(Settings(), tmp_path / name) for name in ("old", "new"))
    assert old is not None
    assert new is not None
    found = verify(film(tmp_path / "a.mp4", old), new.root)
    assert (found.standing, found.reasons) == ("unknown", ("signingCredential.untrusted",))
    assert verify(tmp_path / "a.mp4", new.root + old.root).standing == "valid"
    assert verify(tmp_path / "a.mp4", b"").standing == "unknown"


def test_only_its_owner_reads_the_key(tmp_path: Path) -> None:
    made = operators_certificate(Settings(), tmp_path)
    folder = tmp_path / "certificate"
    assert stat.S_IMODE((folder / "key.pem").stat().st_mode) == 0o600
    assert b"PRIVATE" not in (folder / "chain.pem").read_bytes()
    assert "PRIVATE" not in repr(made)
    assert operators_certificate(Settings(), tmp_path) == made
    assert sorted(path.name for path in tmp_path.iterdir()) == ["certificate"]


def _start(home: Path, ready: Barrier, said: Path) -> None:
    ready.wait()
    said.write_bytes(operators_certificate(Settings(), home).chain)


def test_processes_that_start_together_agree_on_one(tmp_path: Path) -> None:
    run = multiprocessing.get_context("fork")
    ready, home = run.Barrier(4), tmp_path / "home"
    said = [tmp_path / f"chain-{i}" for i in range(4)]
    started = [run.Process(target=_start, args=(home, ready, path)) for path in said]
    for process in started:
        process.start()
    for process in started:
        process.join()
    assert [process.exitcode for process in started] == [0] * 4
    assert len({path.read_bytes() for path in said}) == 1
    assert [path.name for path in home.iterdir()] == ["certificate"]


def _own(tmp_path: Path, made: Certificate) -> Settings:
    (tmp_path / "own.pem").write_bytes(made.chain)
    (tmp_path / "own.key").write_bytes(made.key)
    own = str(tmp_path / "own.pem"), str(tmp_path / "own.key")
    return Settings(certificate=own[0], certificate_key=own[1])


def test_an_operator_may_bring_a_certificate(tmp_path: Path) -> None:
    settings = _own(tmp_path, operators_certificate(Settings(), tmp_path / "elsewhere"))
    signer = signer_of(settings, tmp_path / "home")
    path = film(tmp_path / "a.mp4", signer)
    assert verify(path, operators_root(settings, tmp_path / "home")).standing == "valid"
    assert not (tmp_path / "home").exists()


def test_a_certificate_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    one, two = (operators_certificate(Settings(), tmp_path / name) for name in "ab")
    with pytest.raises(InputError, match="certificate_key"):
        signer_of(_own(tmp_path, replace(one, key=two.key)), tmp_path)
    with pytest.raises(InputError, match="certificate"):
        signer_of(_own(tmp_path, replace(one, chain=b"nothing")), tmp_path)
    with pytest.raises(InputError, match="certificate_key"):
        Settings(certificate="own.pem")
    with pytest.raises(MediaError, match="cannot read"):
        signer_of(Settings(certificate="none.pem", certificate_key="none.key"), tmp_path)


def test_what_cannot_be_signed_is_not_delivered(tmp_path: Path, signer: Signer) -> None:
    broken = Signer(replace(signer.certificate, chain=signer.root))  # the root is no signer
    with pytest.raises(MediaError, match=r"cannot sign a\.mp4"):
        film(tmp_path / "a.mp4", broken)
    assert list(tmp_path.iterdir()) == []


def test_a_time_that_nobody_confirms_is_not_signed(tmp_path: Path, signer: Signer) -> None:
    asking = Signer(signer.certificate, "http://127.0.0.1:1/")
    with pytest.raises(MediaError, match="cannot sign"):
        film(tmp_path / "a.mp4", asking)
    assert list(tmp_path.iterdir()) == []


def test_no_manifest_is_no_proof(tmp_path: Path, signer: Signer) -> None:
    assert verify(film(tmp_path / "a.mp4", None), signer.root) == Report("none")
    assert signer_of(Settings(provenance="off"), tmp_path) is None
    with pytest.raises(MediaError, match="cannot read"):
        verify(tmp_path / "nothing.mp4", signer.root)
