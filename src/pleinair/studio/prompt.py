"""The box for a prompt: what the model knows is offered, what it does not know is marked."""

from collections.abc import Callable

from nicegui import ui

from pleinair.diffusion.model.vocabulary import Vocabulary
from pleinair.diffusion.worlds.suggestions import suggestions
from pleinair.studio.parts import Button, Field, Says, Tag, inside
from pleinair.studio.tongue import Tongue

OFFERED = ("things", "places", "hours", "weathers", "cameras")
TITLES = {
    "things": "Things",
    "places": "Places",
    "hours": "Hour",
    "weathers": "Weather",
    "cameras": "Camera",
}


class Prompt(Tag):
    """A box for a prompt.

    Args:
        tongue: of the page.
        vocabulary: words of the model, or None for one that reads anything.
        value: at first.
        typed: called at once with what is written.
        said: called with it after a pause.
    """

    def __init__(
        self,
        tongue: Tongue,
        vocabulary: Vocabulary | None,
        value: str = "",
        typed: Callable[[str], None] | None = None,
        said: Says | None = None,
    ) -> None:
        super().__init__("div")
        self.t, self.vocabulary, self.said = tongue, vocabulary, said
        with self:
            self.field = Field(
                tongue("What is to be seen"),
                "textarea",
                value=value,
                typed=typed,
                said=self._changed,
                placeholder=tongue("two red balloons over a lake at dawn, pan left"),
                spellcheck="false",
                maxlength=32_000,
            )
            box = Tag("div", "", "prompt")
            self.field.control.move(box, 0)
            box.move(self.field, 1)
            with box:
                Tag("div", "", "mirror", aria_hidden="true").move(box, 0)
            self.notes = Tag("div", "", "words", role="status")
            self._offer()
        ui.timer(0, lambda: self.check(self.field.value), once=True)

    @property
    def value(self) -> str:
        """What is written in it."""
        return self.field.value.strip()

    def use(self, vocabulary: Vocabulary | None) -> None:
        """Ask another model's words."""
        self.vocabulary = vocabulary
        self.check(self.field.value)

    async def _changed(self, text: str) -> None:
        self.check(text)
        if self.said and (waiting := self.said(text)) is not None:
            await waiting

    def check(self, text: str) -> None:
        """Mark the words that the model does not know, each with one like it to take instead."""
        self.offer.hide(self.vocabulary is None)
        unknown = self.vocabulary.encode(text).unknown if self.vocabulary else ()
        ui.run_javascript(f"pleinair.mark({self.field.control.html_id!r}, {list(unknown)!r})")
        self.notes.clear()
        if not unknown or not self.vocabulary:
            return
        with self.notes:
            Tag("span", self.t("Not known to the model:"), "small quiet")
            for word in unknown:
                near = self.vocabulary.suggest(word)
                if near:
                    self._word(f"{word} → {near}", self._swap(word, near))
                else:
                    Tag("span", word, "tag bad")

    def _offer(self) -> None:
        with inside("details") as self.offer:
            Tag("summary", self.t("What it knows"))
            for group in OFFERED:
                Tag("h3", self.t(TITLES[group]), "small quiet")
                with inside("div", "words"):
                    for words in suggestions(self.t.name)[group].values():
                        self._word(words, self._add(words))

    def _word(self, text: str, act: Callable[[], None]) -> None:
        async def do() -> None:
            act()

        Button(text, do).classes(replace="word")

    def _add(self, words: str) -> Callable[[], None]:
        def add() -> None:
            before = self.field.value.rstrip(" ,")
            self.field.fill(f"{before}, {words}" if before else words)
            self.check(self.field.value)

        return add

    def _swap(self, word: str, near: str) -> Callable[[], None]:
        def swap() -> None:
            self.field.fill(self.field.value.replace(word, near))
            self.check(self.field.value)

        return swap
