import hashlib
import io
import os
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import psutil
import pytest
from PIL import Image, PngImagePlugin

from pleinair.errors import InputError, UnavailableError
from pleinair.media.codec import read_video
from pleinair.media.decode_child import Bounds
from pleinair.media.frames import Frames
from pleinair.service import intake
from pleinair.service.intake import BOUNDS, clean, isolation
from tests.promises.hostile import clip, picture, valid

CARD = Image.linear_gradient("L").resize((64, 48)).convert("RGB")


def _pixels(data: bytes, bounds: Bounds = BOUNDS) -> Frames:
    """What a picture looks like once it is clean: (H, W, 3)."""
    with clean(data, kind="image", field="picture", bounds=bounds) as made:
        pixels: Frames = np.asarray(Image.open(made.path)).copy()
        assert (made.facts.height, made.facts.width, 3) == pixels.shape
    return pixels


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_pictures_come_out_as_they_look(kind: str) -> None:
    seen = _pixels(picture(CARD, kind)).astype(int)
    assert np.abs(seen - np.asarray(CARD)).mean() < 3


@pytest.mark.parametrize("kind", ["mp4", "mov", "webm"])
@pytest.mark.parametrize("from_file", [False, True])
def test_clips_come_out_as_they_look(tmp_path: Path, kind: str, from_file: bool) -> None:
    path = tmp_path / "upload.bin"
    path.write_bytes(valid(kind))
    with clean(path if from_file else valid(kind), kind="video", field="video") as made:
        facts = made.facts
        assert (made.kind, facts.width, facts.height, facts.frames) == ("video", 64, 48, 12)
        assert facts.fps == 12
        seen, sent = read_video(made.path), read_video(path)
    assert seen.fps == 12
    assert np.abs(seen.frames.astype(int) - sent.frames).mean() < 4


def test_a_clean_file_is_gone_after_its_block() -> None:
    with clean(valid("PNG"), kind=None, field="picture") as made:
        assert made.path.is_file()
    assert not made.path.parent.exists()


def test_the_same_pictures_give_the_same_bytes() -> None:
    digests = set()
    for data in (valid("mp4"), valid("mp4"), valid("mov")):
        with clean(data, kind="video", field="video") as made:
            digests.add(hashlib.sha256(made.path.read_bytes()).hexdigest())
    assert len(digests) == 1


def test_what_is_written_beside_the_picture_is_left_behind() -> None:
    notes, exif = PngImagePlugin.PngInfo(), Image.Exif()
    notes.add_text("Author", "somebody")
    exif[0x010E] = "somebody"
    for data in (picture(CARD, pnginfo=notes), picture(CARD, "JPEG", exif=exif)):
        assert b"somebody" in data
        with clean(data, kind="image", field="picture") as made:
            assert b"somebody" not in made.path.read_bytes()


def test_a_picture_stands_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it a quarter further
    seen = _pixels(picture(CARD, "JPEG", exif=exif, quality=95)).astype(int)
    assert np.abs(seen - np.rot90(np.asarray(CARD), -1)).mean() < 3


def test_what_lets_something_through_lies_on_white() -> None:
    glass = Image.new("RGBA", (32, 32), (255, 0, 0, 0))
    assert (_pixels(picture(glass)) == 255).all()


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        *(("PNG", mode) for mode in ("1", "L", "LA", "P", "RGBA")),
        *(("JPEG", mode) for mode in ("L", "CMYK", "YCbCr")),
        *(("WEBP", mode) for mode in ("L", "RGBA")),
    ],
)
def test_every_mode_of_colour_is_read(kind: str, mode: str) -> None:
    sent = CARD.convert(mode)
    seen = _pixels(picture(sent, kind)).astype(int)
    assert np.abs(seen - np.asarray(sent.convert("RGB"))).mean() < 3


def test_a_transparent_colour_of_a_palette_lies_on_white() -> None:
    image = Image.new("P", (32, 32), 0)
    image.putpalette([200, 0, 0])
    assert (_pixels(picture(image, transparency=0)) == 255).all()


def test_a_picture_of_several_pictures_gives_its_first() -> None:
    file = io.BytesIO()
    CARD.save(file, "MPO", save_all=True, append_images=[Image.new("RGB", CARD.size)])
    assert np.abs(_pixels(file.getvalue()).astype(int) - np.asarray(CARD)).mean() < 3


def test_sixteen_bits_of_grey_keep_their_brightness() -> None:
    grey = Image.fromarray(np.full((32, 32), 0x8000, np.uint16))
    assert (_pixels(picture(grey)) == 0x80).all()


def test_a_clip_stands_upright() -> None:
    data = valid("mp4")
    matrix = data.index(b"tkhd") + 44
    turned = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 48 << 16, 0, 1 << 30)
    upright = data[:matrix] + turned + data[matrix + 36 :]
    frames = []
    for sent in (data, upright):
        with clean(sent, kind="video", field="video") as made:
            frames.append(read_video(made.path).frames.astype(int))
    assert frames[1].shape[1:3] == (64, 48)
    assert np.abs(np.rot90(frames[0], -1, (1, 2)) - frames[1]).mean() < 4


def test_sound_is_left_behind(tmp_path: Path) -> None:
    path = tmp_path / "loud.mp4"
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=12)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        sound = container.add_stream("aac", rate=44_100)
        tone = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        tone.sample_rate = 44_100
        for _ in range(12):
            container.mux(video.encode(av.VideoFrame.from_ndarray(np.asarray(CARD))))
            container.mux(sound.encode(tone))
        container.mux([*video.encode(), *sound.encode()])
    with clean(path, kind="video", field="video") as made, av.open(str(made.path)) as found:
        assert [stream.type for stream in found.streams] == ["video"]
        assert made.facts.frames == 12


def test_a_clip_is_brought_within_bounds() -> None:
    small = replace(BOUNDS, clean_side=50, fps=10)
    with clean(clip(24, 96, 66, 24), kind="video", field="video", bounds=small) as made:
        facts = made.facts
        assert (facts.width, facts.height, facts.fps, facts.frames) == (50, 34, 10, 11)
        assert read_video(made.path).frames.shape == (11, 34, 50, 3)


def test_a_frame_is_held_until_the_next(tmp_path: Path) -> None:
    path = tmp_path / "uneven.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for i, tenth in enumerate((0, 1, 2, 3, 9)):
            grey = np.full((48, 64, 3), 50 * i, np.uint8)
            picture = av.VideoFrame.from_ndarray(grey)
            picture.pts, picture.time_base = tenth, Fraction(1, 10)
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    with clean(path, kind="video", field="video") as made:
        assert (made.facts.frames, made.facts.fps) == (10, 10)
        levels = read_video(made.path).frames.mean((1, 2, 3))
    assert [round(level / 50) for level in levels] == [0, 1, 2, *[3] * 6, 4]


@pytest.mark.parametrize(
    ("data", "bounds", "told"),
    [
        (lambda: clip(12, 64, 48), {"frames": 11}, "12 frames.*at most 11 frames"),
        (lambda: clip(12, 64, 48), {"seconds": 0.5}, "1.0 seconds.*at most 0.5 seconds"),
        (lambda: clip(12, 64, 48), {"pixels": 64 * 48 * 11}, "11 frames of 64×48"),
        (lambda: clip(12, 64, 48), {"most_side": 63}, "64×48 pixels.*16 to 63 pixels"),
        (lambda: clip(12, 64, 48), {"video_bytes": 99}, "bytes.*at most 99 bytes"),
        (lambda: valid("PNG"), {"least_side": 49}, "64×48 pixels.*49 to 4,096 pixels"),
        (lambda: valid("PNG"), {"image_bytes": 99}, "bytes.*at most 99 bytes"),
    ],
)
def test_too_much_is_refused_with_its_number(
    data: Callable[[], bytes], bounds: dict[str, float], told: str
) -> None:
    small: Bounds = replace(BOUNDS, **bounds)  # type: ignore[arg-type]  # each of its own type
    with (
        pytest.raises(InputError, match=f"^film: .*{told}"),
        clean(data(), kind=None, field="film", bounds=small),
    ):
        pass


def test_what_lies_about_its_length_is_counted() -> None:
    data = clip(12, 64, 48, kind="webm")  # a Matroska says how long it is, not how many frames
    small = replace(BOUNDS, frames=11)
    with (
        pytest.raises(InputError, match="at most 11 frames"),
        clean(data, kind=None, field="film", bounds=small),
    ):
        pass


@pytest.mark.parametrize(
    ("data", "kind", "told"),
    [
        (lambda: valid("mp4"), "image", "clips.*allowed: pictures as PNG, JPEG or WebP$"),
        (lambda: valid("PNG"), "video", "pictures.*allowed: clips as MP4, MOV, WebM or Matroska$"),
        (lambda: b"GIF89a", None, "6 bytes.*allowed: pictures .* clips"),
        (lambda: b"\0\0\0\x1cftypavif" + bytes(16), None, "28 bytes of another kind"),
        (lambda: valid("PNG")[:-60], None, "cannot be decoded.*allowed: whole pictures"),
    ],
)
def test_what_is_not_allowed_is_told_what_is(
    data: Callable[[], bytes], kind: str | None, told: str
) -> None:
    with pytest.raises(InputError, match=told), clean(data(), kind=kind, field="film"):
        pass


def _instead(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str) -> None:
    """Start a script in the place of the child, as if its file had taken it over."""
    path = tmp_path / "child"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(path))


FACTS = '{"width": 64, "height": 48, "frames": 1, "fps": 0.0}'


@pytest.mark.parametrize(
    "script",
    [
        "exit 1",
        "kill -9 $$",
        f"echo '{FACTS}'",  # no file
        f"touch clean.png; echo '{FACTS}'",
        f"mkdir clean.png; echo '{FACTS}'",
        f"ln -s /etc/hostname clean.png; echo '{FACTS}'",
        "cp upload clean.png; echo nonsense",
        "cp upload clean.png; echo '[]'",
        "cp upload clean.png; yes '[' | head -9999 | tr -d '\\n'",
        "cp upload clean.png; echo '{\"width\": 64}'",
        f"cp upload clean.png; echo '{FACTS.replace('64', '9999')}'",
        f"cp upload clean.png; echo '{FACTS.replace('64', '-64')}'",
        f"cp upload clean.png; echo '{FACTS.replace('64', 'true')}'",
        f"cp upload clean.png; echo '{FACTS.replace(': 1', ': 2')}'",
        f"cp upload clean.png; echo '{FACTS.replace('0.0', 'NaN')}' | tr 1 2",
    ],
)
def test_a_child_is_believed_only_what_can_be_true(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str
) -> None:
    _instead(monkeypatch, tmp_path, f"PATH=/usr/bin:/bin; {script}")
    with (
        pytest.raises(InputError, match=r"picture: .*cannot be decoded"),
        clean(valid("PNG"), kind=None, field="picture"),
    ):
        pass


def test_a_child_that_never_ends_is_ended_with_all_that_it_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _instead(monkeypatch, tmp_path, f"/bin/sleep 999 & echo $! > {tmp_path}/other; wait")
    with (
        pytest.raises(InputError, match="cannot be decoded"),
        clean(valid("PNG"), kind=None, field="picture", bounds=replace(BOUNDS, image_time=1)),
    ):
        pass
    other = int((tmp_path / "other").read_text())
    for _ in range(600):
        if _has_ended(other):
            return
        time.sleep(0.05)
    pytest.fail("what the child had started goes on")


def _has_ended(process: int) -> bool:
    try:
        return psutil.Process(process).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_child_knows_nothing_of_the_service(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    _instead(
        monkeypatch,
        tmp_path,
        f"/usr/bin/env > {tmp_path}/told; /bin/ls /proc/self/fd >> {tmp_path}/told",
    )
    with pytest.raises(InputError), clean(valid("PNG"), kind=None, field="picture"):
        pass
    told = (tmp_path / "told").read_text()
    assert "hush" not in told
    assert {line.partition("=")[0] for line in told.splitlines() if "=" in line} <= {
        "PWD",
        "SHLVL",
        "_",
    }
    assert len([line for line in told.splitlines() if line.isdecimal()]) <= 5


def test_a_machine_that_cannot_start_children_is_not_the_files_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    isolation.cache_clear()
    with pytest.raises(UnavailableError), clean(valid("PNG"), kind=None, field="picture"):
        pass
    assert "cannot be started" in isolation()
    isolation.cache_clear()


def test_the_host_tells_what_holds_a_child() -> None:
    assert isolation().startswith("limits of memory, time, open files and written bytes")


def test_few_children_run_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = [intake._AT_ONCE.acquire(blocking=False) for _ in range(os.cpu_count() or 2)]
    try:
        assert all(taken)
        assert not intake._AT_ONCE.acquire(blocking=False) or (os.cpu_count() or 2) < 2
    finally:
        for _ in taken:
            intake._AT_ONCE.release()


def test_a_moving_picture_gives_its_first_frame() -> None:
    file = io.BytesIO()
    CARD.save(file, "WEBP", save_all=True, append_images=[Image.new("RGB", CARD.size)], quality=95)
    seen = _pixels(file.getvalue()).astype(int)
    assert np.abs(seen - np.asarray(CARD)).mean() < 3
