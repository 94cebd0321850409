"""Lines of the files of a batch: creates on the way in, what became of them on the way out."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Protocol, TypeAlias

from pleinair.errors import InputError, PleinairError
from pleinair.service.tables import Video
from pleinair.service.videos import Draft

ENDPOINT = "/v1/videos"
MOST_LINES = 50_000
MOST_ID = 255
EXPIRED = "batch_expired"
CANCELLED = "batch_cancelled"
DELETED = "video_deleted"
REASONS = {
    EXPIRED: "This request could not be finished before the completion window expired.",
    CANCELLED: "This request was not begun before the batch was cancelled.",
    DELETED: "The video of this request was deleted.",
}
"""Why a line has no video, or an unfinished one, in the words of its error."""

Body: TypeAlias = dict[str, Any]


class Wire(Protocol):
    """How the API reads the bodies of lines and tells of their videos."""

    def check(self, body: Body) -> None:
        """Raise InputError unless a body has the form of a create; nothing is looked up."""
        ...

    def draft(self, owner: str, body: Body) -> Draft:
        """The video that a body asks for; raises what the create would."""
        ...

    def tell(self, video: Video) -> Body:
        """A video as it is told of."""
        ...

    def refuse(self, error: PleinairError | None) -> Body:
        """``status_code`` and ``body`` of the answer to an error; None is one of ours."""
        ...


@dataclass(frozen=True)
class Line:
    """One create; ``number`` is that of the line in its file, from 1."""

    number: int
    custom_id: str
    body: Body


@dataclass(frozen=True)
class Mistake:
    """Why a file is no batch."""

    code: str
    message: str
    line: int | None = None
    param: str | None = None

    def as_dict(self) -> Body:
        """Plain values, as the API lists them."""
        return asdict(self)


def read_lines(pieces: Iterable[bytes], check: Callable[[Body], None]) -> Iterator[Line | Mistake]:
    """Every create of a file, or what is wrong with it; empty lines are passed over.

    Args:
        pieces: the bytes of the file, cut anywhere.
        check: raises InputError for a body that is no create.
    """
    count, seen = 0, set[str]()
    for number, raw in enumerate(_split(pieces), 1):
        if not raw.strip():
            continue
        count += 1
        if count > MOST_LINES:
            yield Mistake("too_many_lines", f"A batch has at most {MOST_LINES:,} lines.", number)
            return
        try:
            line = _line(number, raw)
            if line.custom_id in seen:
                allowed = "one that no line before has"
                raise InputError("custom_id", line.custom_id, allowed)
            seen.add(line.custom_id)
            check(line.body)
        except InputError as error:
            yield Mistake("invalid_line", str(error), number, error.field)
        else:
            yield line
    if not count:
        yield Mistake("empty_file", "The file has no lines; each line is one request.")


def outcome(
    batch_id: str, line: tuple[int, str, Body | None], video: Body | None, *, reason: str
) -> tuple[bool, Body]:
    """What became of a line, and whether it had a video: such a line belongs in the output file.

    Args:
        batch_id: of its batch.
        line: its number, its ``custom_id``, and how it was refused, if it was.
        video: as the API tells of it, if there is one.
        reason: key of `REASONS`, for a line that has neither.
    """
    number, custom_id, refused = line
    # The same line has the same names however often its file is written.
    name = hashlib.sha256(f"{batch_id}/{number}".encode()).hexdigest()[:32]
    told: Body = {"id": f"batch_req_{name}", "custom_id": custom_id, "response": None}
    answer = refused if video is None else {"status_code": 200, "body": video}
    if answer:
        told["response"] = {
            "status_code": answer["status_code"],
            "request_id": f"req_{name}",
            "body": answer["body"],
        }
        return video is not None, told | {"error": None}
    return False, told | {"error": {"code": reason, "message": REASONS[reason]}}


def _split(pieces: Iterable[bytes]) -> Iterator[bytes]:
    begun: list[bytes] = []
    for piece in pieces:
        *ends, rest = piece.split(b"\n")
        for end in ends:
            yield b"".join([*begun, end])
            begun = []
        begun.append(rest)
    yield b"".join(begun)


def _line(number: int, raw: bytes) -> Line:
    try:
        fields = json.loads(raw, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        got = raw[:60].decode("utf-8", "replace")
        raise InputError("line", got, "one JSON object in each line") from error
    if not isinstance(fields, dict):
        raise InputError("line", fields, "one JSON object in each line")
    custom_id = fields.get("custom_id")
    if not isinstance(custom_id, str) or not 1 <= len(custom_id) <= MOST_ID:
        raise InputError("custom_id", custom_id, f"text of 1 to {MOST_ID} characters")
    if not custom_id.isprintable():
        raise InputError("custom_id", custom_id, "characters that can be printed")
    for name, allowed in (("method", "POST"), ("url", ENDPOINT)):
        if fields.get(name) != allowed:
            raise InputError(name, fields.get(name), allowed)
    body = fields.get("body")
    if not isinstance(body, dict):
        raise InputError("body", body, "an object, as the request would have it")
    if unknown := set(fields) - {"custom_id", "method", "url", "body"}:
        raise InputError(min(unknown), fields[min(unknown)], "custom_id, method, url, body")
    return Line(number, custom_id, body)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
