"""The dialog in which a decision gets its reason and its words."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from pleinair.review.states import MOST_WORDS, REASONS
from pleinair.studio.client import RefusedError
from pleinair.studio.parts import Act, Button, Dialog, Field, inside
from pleinair.studio.tongue import Tongue

Decide: TypeAlias = Callable[[str | None, str], Awaitable[None]]


class Decision(Dialog):
    """Asks for what belongs to a decision; Enter confirms.

    Args:
        tongue: of the page.
        title: of the dialog.
        confirm: on its button.
        decide: called with the reason and the words; what the API refuses is said in here.
        done: called once it is decided and the dialog is closed.
        label: of the words.
        reasons: one must be chosen.
        required: there must be words.
    """

    def __init__(
        self,
        tongue: Tongue,
        title: str,
        confirm: str,
        decide: Decide,
        done: Act,
        *,
        label: str = "",
        reasons: bool = False,
        required: bool = False,
    ) -> None:
        super().__init__(title, tongue)
        t = self.t = tongue
        self.decide, self.done, self.required = decide, done, required
        self.reason: Field | None = None
        with self:
            if reasons:
                offered = {"": t("Choose one")} | {reason: t(reason) for reason in REASONS}
                self.reason = Field(t("Reason"), "select", options=offered, autofocus=True)
            self.words = Field(
                label or t("Words to the owner"),
                "textarea",
                hint=t("Enter confirms, Shift+Enter begins a new line."),
                maxlength=MOST_WORDS,
                autofocus=required and not reasons,
            )
            with inside("div", "row"):
                plain = not (reasons or required)
                Button(confirm, self.confirm, "first", data_confirm=True, autofocus=plain)
                Button(t("Cancel"), self.shut)

    async def confirm(self) -> None:
        """Decide, if nothing is missing."""
        reason = self.reason.value if self.reason else None
        words = self.words.value.strip()
        if self.reason and not reason:
            self.reason.blame(self.t("Choose a reason."))
            return
        if self.required and not words:
            self.words.blame(self.t("Say it in words: they are told to the owner."))
            return
        try:
            await self.decide(reason, words)
        except RefusedError as error:
            blamed = {"reason": self.reason, "words": self.words}.get(error.param or "")
            if blamed:
                blamed.blame(str(error))
                return
            await self.shut()
            raise
        await self.shut()
        await self.done()
