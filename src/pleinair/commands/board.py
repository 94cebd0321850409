"""Storyboards from files: cards that become one video, each going on from the one before."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pleinair.backends.assigning import assigned
from pleinair.backends.base import Backend, Generation, Progress
from pleinair.backends.inputs import File, Inputs, digest_of, read_inputs
from pleinair.errors import InputError, MediaError
from pleinair.request import MOST_PIXELS, Given, VideoRequest, parse_size

if TYPE_CHECKING:
    from pleinair.media.codec import Video
    from pleinair.media.provenance import Signer

MOST_CARDS = 20
_KEYS = {"title": str, "size": str, "card": list}
_UNKNOWN = Given("extend", "0" * 64)  # the video before a card, which is not made yet
_CARD = {"prompt": str, "seconds": (int, float), "picture": str}


@dataclass(frozen=True)
class Card:
    """One card of a board.

    Attributes:
        prompt: what to show.
        seconds: how long.
        picture: what the first card opens with, and a further one arrives at; or None.
    """

    prompt: str
    seconds: float
    picture: Path | None = None


@dataclass(frozen=True)
class Board:
    """A storyboard; ``size`` is (width, height) or None where it does not say."""

    title: str
    size: tuple[int, int] | None
    cards: tuple[Card, ...]


def read_board(path: Path) -> Board:
    """Read a storyboard: ``title``, ``size`` and tables ``[[card]]``.

    Pictures are found from the folder of the board.

    Raises:
        MediaError: the file cannot be read.
        InputError: something in it is not allowed; the error names it, such as ``card.2.seconds``,
            counted from 1.
    """
    try:
        record = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise MediaError(f"cannot read {path}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError("storyboard", str(path), f"TOML: {error}") from error
    _check_keys(record, _KEYS, "")
    cards = record.get("card", [])
    if not 1 <= len(cards) <= MOST_CARDS:
        raise InputError("card", f"{len(cards)} cards", f"1 to {MOST_CARDS} tables [[card]]")
    size = record.get("size")
    return Board(
        record.get("title", path.stem),
        None if size is None else parse_size(size),
        tuple(_card(card, f"card.{i}.", path.parent) for i, card in enumerate(cards, 1)),
    )


def _card(card: Any, field: str, folder: Path) -> Card:  # noqa: ANN401
    if not isinstance(card, dict):
        raise InputError(field.rstrip("."), card, "a table [[card]]")
    _check_keys(card, _CARD, field)
    if "prompt" not in card:
        raise InputError(f"{field}prompt", None, "what to show")
    picture = card.get("picture")
    return Card(
        card["prompt"],
        float(card.get("seconds", VideoRequest.seconds)),
        None if picture is None else folder / picture,
    )


def _check_keys(record: dict[str, Any], known: dict[str, Any], field: str) -> None:
    for name, value in record.items():
        if name not in known:
            raise InputError(f"{field}{name}", value, "one of the keys " + ", ".join(known))
        if not isinstance(value, known[name]) or isinstance(value, bool):
            kind = "a number" if name == "seconds" else "text"
            raise InputError(f"{field}{name}", value, "tables [[card]]" if name == "card" else kind)


def plan(
    board: Board, template: VideoRequest, *, by_name: bool = False
) -> list[tuple[VideoRequest, dict[str, "Video"]]]:
    """The request of each card, still without the video before it, and its picture.

    Args:
        board: what was read.
        template: a request whose prompt and length are those of no card.
        by_name: whether the caller chose its model; one model makes all cards.

    Raises:
        InputError: a card is not allowed; the error names it.
        MediaError: a picture cannot be read.
    """
    planned: list[tuple[VideoRequest, dict[str, Video]]] = []
    for number, card in enumerate(board.cards, 1):
        at = card.seconds if number > 1 else 0.0
        pictures: dict[float | str, File] = {} if card.picture is None else {at: card.picture}
        found = read_inputs(Inputs(keyframes=pictures), card.seconds)
        changes = {"prompt": card.prompt, "seconds": card.seconds, "given": found.given}
        try:
            request = replace(template, **changes)  # type: ignore[arg-type]  # each is checked
            if planned:
                behind = replace(request, given=(_UNKNOWN, *request.given))
                behind = assigned(behind, by_name=by_name)
                request = replace(request, model=behind.model, handover=behind.handover)
            else:
                request = assigned(request, by_name=by_name)
        except InputError as error:
            field = f"card.{number}.{'seconds' if error.field == 'at' else error.field}"
            raise InputError(field, error.got, error.allowed) from error
        planned.append((request, found.materials))
    last = planned[-1][0]
    planned = [
        (replace(request, model=last.model, handover=last.handover), materials)
        for request, materials in planned
    ]
    frames = sum(request.frames for request, _ in planned)
    if template.width * template.height * frames > MOST_PIXELS:
        asked = f"{template.width}x{template.height}, {frames:,} frames"
        raise InputError("size", asked, f"at most {MOST_PIXELS:,} pixels in all frames of a board")
    return planned


def draw(
    planned: list[tuple[VideoRequest, dict[str, "Video"]]],
    backend: Backend,
    folder: Path,
    signer: "Signer | None",
    progress: Progress,
) -> tuple[Generation, dict[str, Path]]:
    """Make the cards, one after the other, and each but the first behind those before it.

    Args:
        planned: from `plan`.
        backend: the model.
        folder: where the parts are written, which the last one names as what it goes on from.
        signer: of the parts.
        progress: told how far the card is, and which it is.

    Returns:
        The whole video, and the files that its request names, by their digest.
    """
    from pleinair.backends.origin import origin_of
    from pleinair.media.codec import Video, write_video
    from pleinair.media.provenance import deliver

    sources: dict[str, Path] = {}
    parts: list[Generation] = []
    for number, (request, materials) in enumerate(planned, 1):
        if parts:
            frames, fps = parts[-1].frames, parts[-1].fps
            path = folder / f"card-{number - 1}.mp4"
            origin = origin_of(parts[-1].metadata.request, 0, sources)
            deliver(path, partial(write_video, frames=frames, fps=fps), signer, origin)
            before = Given("extend", digest_of(path))
            sources, materials = {**sources, before.sha256: path}, {**materials}
            materials[before.sha256] = Video(frames, Fraction(fps))
            request = replace(request, given=(before, *request.given))
        told = partial(_told, progress, f"{number}/{len(planned)}")
        parts.append(backend.generate(request, told, materials=materials))
    made = [part.metadata for part in parts]
    whole = replace(
        made[-1],
        native_frames=sum(part.native_frames for part in made),
        unknown={word: like for part in made for word, like in part.unknown.items()},
        cut=sum(part.cut for part in made),
        notes=tuple(dict.fromkeys(note for part in made for note in part.notes)),
        seconds=_added(part.seconds for part in made),
    )
    return replace(parts[-1], metadata=whole, kept=(0, 0)), sources


def _added(times: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Seconds of each stage in all."""
    total: dict[str, float] = {}
    for stage, spent in ((stage, spent) for each in times for stage, spent in each.items()):
        total[stage] = total.get(stage, 0.0) + spent
    return total


def _told(progress: Progress, card: str, done: int, total: int, stage: str) -> None:
    progress(done, total, f"{card} {stage}")
