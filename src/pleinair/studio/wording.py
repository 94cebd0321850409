"""Below the box for a prompt: have it filled in, or said in other words."""

from collections.abc import Callable, Collection

from pleinair.studio.parts import Button, Tag, inside
from pleinair.studio.prompt import Prompt
from pleinair.studio.visitor import Visitor


class Wording(Tag):
    """A switch to fill in what a prompt leaves unsaid, and a button to rewrite it.

    Args:
        visitor: who writes.
        prompt: the box.
        model: gives the id of the model that will read it.
    """

    def __init__(self, visitor: Visitor, prompt: Prompt, model: Callable[[], str]) -> None:
        super().__init__("div")
        self.visitor, self.t = visitor, visitor.tongue
        self.prompt, self.model = prompt, model
        self.fills = False
        self.original = self.said = ""  # before and after it was rewritten
        with self:
            with inside("label", "check") as self.filling:
                box = Tag("input", type="checkbox")
                Tag("span", self.t("Fill in what is left unsaid"))
            box.on("change", self._turn, args=[])
            self.rewriting = Button(self.t("Rewrite"), self._rewrite, "plain")
            self.before = Tag("div", role="status")

    def fit(self, able: Collection[str], *, alone: bool) -> None:
        """Show what the model and the server can do.

        Args:
            able: abilities of the model.
            alone: whether the video begins with the prompt and nothing else.
        """
        self.able = "complete" in able and alone
        self.filling.hide(not self.able)
        self.rewriting.hide("rewrite" not in able)

    def asked(self) -> dict[str, object]:
        """The fields of a create that these are."""
        fields: dict[str, object] = {"complete": True} if self.fills and self.able else {}
        if self.original and self.prompt.value == self.said:
            fields["original_prompt"] = self.original
        return fields

    def _turn(self) -> None:
        self.fills = not self.fills

    async def _rewrite(self) -> None:
        if not self.prompt.value:
            self.prompt.field.blame(self.t("Say what is to be seen."))
            return
        body = {"prompt": self.prompt.value, "model": self.model()}
        found = await self.visitor.api.post("/v1/rewrites", body)
        if self.prompt.value != self.said:
            self.original = self.prompt.value
        self.said = found["prompt"]
        self._put(self.said)
        self.before.clear()
        with self.before:
            told = self.t("Before it was rewritten: {words}", words=self.original)
            Tag("p", told, "small quiet")
            Button(self.t("As it was"), self._back, "plain")

    async def _back(self) -> None:
        self._put(self.original)
        self.original = self.said = ""
        self.before.clear()

    def _put(self, text: str) -> None:
        self.prompt.field.fill(text)
        self.prompt.check(text)
