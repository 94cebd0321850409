"""The open letter itself: a file of plain text, or of a little Markdown."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pleinair.errors import InputError

MOST_BYTES = 200_000


@dataclass(frozen=True)
class Block:
    """A part of the text: a ``heading``, a ``paragraph``, or a ``list`` with its items."""

    kind: str
    lines: Sequence[str]


@dataclass(frozen=True)
class Letter:
    """A letter to be read and signed.

    Attributes:
        title: its first line.
        blocks: what follows, in order.
    """

    title: str
    blocks: Sequence[Block]

    @classmethod
    def read(cls, path: str) -> "Letter | None":
        """The letter of a file, None for an empty path.

        Raises:
            InputError: the file cannot be read, is too long, or does not begin with ``# Title``.
        """
        if not path:
            return None
        try:
            data = Path(path).read_bytes()
            text = data.decode().replace("\r\n", "\n").lstrip("\ufeff")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError("letter", path, f"a text file that can be read ({error})") from error
        first, _, rest = text.partition("\n")
        title = first.removeprefix("# ").strip()
        if not first.startswith("# ") or not title or len(data) > MOST_BYTES:
            allowed = f"up to {MOST_BYTES:,} bytes of text whose first line is `# Title`"
            raise InputError("letter", first[:60], allowed)
        return cls(title, [_block(part) for part in re.split(r"\n\s*\n", rest) if part.strip()])


def _block(text: str) -> Block:
    lines = [line.strip() for line in text.strip().splitlines()]
    if len(lines) == 1 and re.match(r"#{1,6} ", lines[0]):
        return Block("heading", [lines[0].lstrip("#").strip()])
    if lines[0].startswith(("- ", "* ")):
        joined = re.sub(r"\n(?![-*] )", " ", "\n".join(lines))
        return Block("list", [line[2:].strip() for line in joined.splitlines()])
    return Block("paragraph", [" ".join(lines)])
