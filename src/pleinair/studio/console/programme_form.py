"""The form of a programme: what it says, and what of it somebody has changed."""

from typing import Any

from pleinair.studio.client import RefusedError
from pleinair.studio.console import words
from pleinair.studio.console.form import MICRO, Form, options
from pleinair.studio.console.room import Thing
from pleinair.studio.parts import Tag, inside
from pleinair.studio.tongue import Tongue

WHOLE = ("rate", "concurrent", "seconds_each", "seconds_all", "new_videos")
MONEY = ("spend_each", "spend_all", "price", "pay_share", "pay_report", "pay_hour")
NUMBERS = ("period_hours", "review_hours", "appeal_days")
LIMITS = ("rate", "concurrent", "seconds_each", "seconds_all", "spend_each", "spend_all")
"""Fields that may be empty, which is no limit."""


class ProgrammeForm(Form):
    """All that can be said of a programme.

    Args:
        tongue: what it says.
        programme: as it is now.
    """

    def __init__(self, tongue: Tongue, programme: Thing) -> None:
        super().__init__(tongue)
        self.programme = programme
        t = tongue
        with inside("div", "sheets"):
            with inside("section", "sheet"):
                Tag("h2", t("What it is"))
                self._field("name")
                self._choice(
                    "state", {name: words.STATES[name] for name in ("open", "paused", "closed")}
                )
                self._field(
                    "terms",
                    "textarea",
                    hint=t(
                        "New words are a new version: members must accept it before they create."
                    ),
                    rows=8,
                )
            with inside("section", "sheet"):
                Tag("h2", t("Limits"))
                Tag("p", t("An empty field is no limit; 0 is nothing."), "hint")
                with inside("div", "pair"):
                    for name in LIMITS:
                        self._field(name)
                    self._field("period_hours")
            with inside("section", "sheet"):
                Tag("h2", t("Review"))
                self._choice("review", words.REVIEWS)
                with inside("div", "pair"):
                    for name in ("new_videos", "review_hours", "appeal_days"):
                        self._field(name)
                self._choice("own_download", words.YES)
            with inside("section", "sheet"):
                Tag("h2", t("Money"))
                with inside("div", "pair"):
                    for name in ("currency", "price", "pay_share", "pay_report", "pay_hour"):
                        self._field(name)

    def changes(self) -> dict[str, Any]:
        """What was changed, as the API takes it; raises RefusedError for what is no number."""
        body: dict[str, Any] = {}
        none = []
        for name, field in self.fields.items():
            if field.value.strip() == self._before(name).strip():
                continue
            value = self._value(name)
            if value is None and name in LIMITS:
                none.append(name)
            elif value is None and name in (*WHOLE, *MONEY, *NUMBERS):
                raise RefusedError(self.t("A number, please."), 400, "", name, None)
            else:
                body[name] = value if value is not None else ""
        return body | ({"no_limit": none} if none else {})

    def told(self, body: dict[str, Any]) -> list[str]:
        """The changes in words, one a line."""
        t = self.t
        lines = []
        for name in [*body.get("no_limit", ()), *(key for key in body if key != "no_limit")]:
            called = t(words.FIELDS[name])
            if name == "terms":
                lines.append(t("New terms: members must accept them before they create again."))
                continue
            before, after = (
                self._shown(name, self._before(name)),
                self._shown(name, self.fields[name].value),
            )
            lines.append(t("{field}: {before} → {after}", field=called, before=before, after=after))
        return lines

    def _field(self, name: str, tag: str = "input", **how: Any) -> None:  # noqa: ANN401
        decimal = name in MONEY or name in NUMBERS
        mode = "decimal" if decimal else "numeric" if name in WHOLE else None
        label = self.t(words.FIELDS[name])
        self.add(name, label, tag, value=self._before(name), inputmode=mode, **how)

    def _choice(self, name: str, said: dict[str, str]) -> None:
        label = self.t(words.FIELDS[name])
        self.add(name, label, "select", value=self._before(name), options=options(said, self.t))

    def _before(self, name: str) -> str:
        """How a field stands in the programme now."""
        value = self.programme[name]
        if value is None:
            return ""
        if isinstance(value, bool):
            return str(value).lower()
        if name in MONEY:
            value = value / MICRO
        return f"{value:.10g}" if isinstance(value, float) else str(value)

    def _value(self, name: str) -> Any:  # noqa: ANN401
        if name in WHOLE:
            return self.whole(name)
        if name in MONEY:
            return self.micro(name)
        if name in NUMBERS:
            return self.number(name)
        if name == "own_download":
            return self.fields[name].value == "true"
        return self.text(name)

    def _shown(self, name: str, value: str) -> str:
        table = {"state": words.STATES, "review": words.REVIEWS, "own_download": words.YES}.get(
            name
        )
        if table is not None:
            return self.t(table[value])
        return value.strip() or self.t("no limit")
