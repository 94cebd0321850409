"""What the studio says: English in the code, other languages beside it."""

from collections.abc import Mapping
from datetime import UTC, datetime

from pleinair.studio.french import FRENCH
from pleinair.studio.french_console import FRENCH_CONSOLE
from pleinair.studio.french_review import FRENCH_REVIEW

LANGUAGES: Mapping[str, Mapping[str, str]] = {
    "en": {},
    "fr": FRENCH_CONSOLE | FRENCH_REVIEW | FRENCH,
}
NAMES = {"en": "English", "fr": "Français"}
MONTHS = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre"


class Tongue:
    """A language.

    Args:
        name: one of `LANGUAGES`.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._told = LANGUAGES[name]

    def __call__(self, english: str, **values: object) -> str:
        """What is said in English, in this language, with its ``{values}`` filled in."""
        said = self._told.get(english, english)
        return said.format(**values) if values else said

    def count(self, number: int, one: str, many: str) -> str:
        """A number of things: ``{n} video`` or ``{n} videos``; French counts 0 as one."""
        single = number <= 1 if self.name == "fr" else number == 1
        return self(one if single else many, n=f"{number:,}")

    def date(self, time: float) -> str:
        """A day and its time, in UTC: 3 May 2026, 14:05."""
        at = datetime.fromtimestamp(time, UTC)
        if self.name == "fr":
            return f"{at.day} {MONTHS.split()[at.month - 1]} {at.year}, {at:%H:%M}"
        return f"{at.day} {at:%B} {at.year}, {at:%H:%M}"

    def span(self, seconds: float) -> str:
        """How long something takes, in the largest unit that fits."""
        for unit, one, many in (
            (86_400, "{n} day", "{n} days"),
            (3_600, "{n} hour", "{n} hours"),
            (60, "{n} minute", "{n} minutes"),
        ):
            if seconds >= unit:
                return self.count(round(seconds / unit), one, many)
        return self.count(max(1, round(seconds)), "{n} second", "{n} seconds")
