"""Forms of the console: fields by the names that the API gives them, and asking before an act."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from pleinair.studio.client import RefusedError
from pleinair.studio.parts import Button, Dialog, Field, Tag, inside
from pleinair.studio.tongue import Tongue

MICRO = 1_000_000
Sent: TypeAlias = Callable[[], Awaitable[None]]


class Form:
    """Fields of one act. What the API refuses is said at the field that it names.

    Args:
        tongue: what it says.
    """

    def __init__(self, tongue: Tongue) -> None:
        self.t = tongue
        self.fields: dict[str, Field] = {}
        self.wrong: Tag | None = None

    def add(self, name: str, label: str, tag: str = "input", **how: Any) -> Field:  # noqa: ANN401
        """A field of that name in the API."""
        self.fields[name] = Field(label, tag, **how)
        return self.fields[name]

    def text(self, name: str) -> str | None:
        """What stands in a field, None if nothing does."""
        return self.fields[name].value.strip() or None

    def number(self, name: str) -> float | None:
        """A number, None if nothing stands there; raises RefusedError for what is none."""
        field = self.fields[name]
        if field.value.strip() and field.number is None:
            raise RefusedError(self.t("A number, please."), 400, "", name, None)
        return field.number

    def whole(self, name: str) -> int | None:
        """A whole number, likewise."""
        found = self.number(name)
        if found is not None and found != int(found):
            raise RefusedError(self.t("A whole number, please."), 400, "", name, None)
        return None if found is None else int(found)

    def micro(self, name: str) -> int | None:
        """An amount of money in millionths, likewise."""
        found = self.number(name)
        return None if found is None else round(found * MICRO)

    def button(self, text: str, act: Sent, classes: str = "first") -> Button:
        """What sends it, and above that room for what is wrong with no field in particular."""
        self.wrong = Tag("p", "", "wrong", hidden=True, role="alert")

        async def send() -> None:
            await self.attempt(act)

        return Button(text, send, classes)

    async def attempt(self, act: Sent) -> bool:
        """Do something with it; whether it was done."""
        self._say("")
        for field in self.fields.values():
            field.blame(None)
        try:
            await act()
        except RefusedError as error:
            blamed = self.fields.get(error.param or "")
            if blamed is not None:
                blamed.blame(str(error))
            elif self.wrong is not None:
                self._say(str(error))
            else:
                raise
            return False
        return True

    def _say(self, message: str) -> None:
        if self.wrong is not None and not self.wrong.is_deleted:
            self.wrong.text = message
            self.wrong.hide(not message)


class Ask(Dialog):
    """Asks before an act of power: what it does in words, and the act as a second click.

    Args:
        tongue: what it says.
        title: the question.
        words: what will happen, a paragraph each.
        label: of the button that does it.
        act: what is done; the dialog then closes.
        danger: whether something is taken away.
    """

    def __init__(
        self,
        tongue: Tongue,
        title: str,
        words: tuple[str, ...],
        label: str,
        act: Sent,
        *,
        danger: bool = True,
    ) -> None:
        super().__init__(title, tongue)
        self.form = Form(tongue)
        self.act = act
        self.on("close", self.delete, args=[])
        with self:
            for paragraph in words:
                Tag("p", paragraph)
            self.fields = Tag("div")
            with inside("div", "foot"):
                done = self.form.button(label, self._do, "danger" if danger else "first")
                back = Button(tongue("Cancel"), self.shut)
            done.classes("sure")
            back.move(target_index=1)

    async def _do(self) -> None:
        await self.act()
        await self.shut()


def options(words: Mapping[str, str], tongue: Tongue, empty: str | None = None) -> dict[str, str]:
    """Options of a select from a table of words; ``empty`` is what choosing none is called."""
    none = {} if empty is None else {"": empty}
    return none | {key: tongue(text) for key, text in words.items()}
