"""The check ``words``: phrases that a prompt should not pass with unseen.

One phrase a line, ``label: phrase`` or the phrase alone; a line that begins with ``!`` holds the
video, one that begins with ``#`` is a remark. Whole words count, in any case, with or without
their accents.
"""

from collections.abc import Sequence
from pathlib import Path

from pleinair.errors import InputError
from pleinair.review.found import Found
from pleinair.words import split_words

SHIPPED = Path(__file__).parent / "words.txt"
LABEL = "words"


class Phrases:
    """Looks for phrases in prompts; pictures it leaves to others.

    Args:
        lines: as the file has them.
    """

    def __init__(self, lines: Sequence[str]) -> None:
        self._phrases = [found for line in lines if (found := _read(line))]

    @classmethod
    def read(cls, file: str = "") -> "Phrases":
        """Those of a file, of the shipped one if empty; raises InputError if it cannot be read."""
        path = Path(file) if file else SHIPPED
        try:
            return cls(path.read_text(encoding="utf-8").splitlines())
        except (OSError, ValueError) as error:
            raise InputError("words", file, "a text file in UTF-8") from error

    def prompt(self, text: str) -> list[Found]:
        """Each phrase that stands in a prompt."""
        said = _fold(text)
        return [found for words, found in self._phrases if words in said]

    def video(self, prompt: str, thumbnail: bytes) -> list[Found]:
        """Nothing: the prompt was looked at when it came."""
        return []


def _read(line: str) -> tuple[str, Found] | None:
    line = line.strip()
    if not line or line.startswith("#"):
        return None
    label, colon, phrase = line.lstrip("! ").partition(":")
    if not colon:
        label, phrase = LABEL, label
    words = _fold(phrase)
    hold = line.startswith("!")
    return (words, Found(label.strip(), phrase.strip(), hold)) if words.strip() else None


def _fold(text: str) -> str:
    """The words of a text between single spaces, so that whole ones are found."""
    return f" {' '.join(word.normal for word in split_words(text))} "
