"""The case in hand: a video that is to be shared, what is known of it, and what is decided."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from pleinair.review.states import POLICY
from pleinair.studio.film import shape
from pleinair.studio.parts import Tag, choices, facts, inside, link, tell
from pleinair.studio.review_decision import Decide, Decision
from pleinair.studio.review_queue import STATES as NAMES
from pleinair.studio.review_queue import Json, due, entry_of, hindrance, title_of
from pleinair.studio.tongue import Tongue
from pleinair.studio.visitor import Visitor

EARLIER = 8


class Player(Tag):
    """A video that plays, and its frames in a sheet beneath.

    Args:
        tongue: of the page.
        address: of its content.
        label: what is seen, for who does not see.
        size: in pixels, ``640x360``.
        variations: of which one is shown.
    """

    def __init__(
        self, tongue: Tongue, address: str, label: str, size: str = "16x9", variations: int = 1
    ) -> None:
        super().__init__("div")
        self.t, self.address, self.label, self.size = tongue, address, label, size
        with self:
            self.place = Tag("div")
            with inside("div", "row spread playing"):
                key_button(self.t("Play or pause"), "p", data_key="p space", data_plays=True)
                if variations > 1:
                    numbers = {str(number): str(number + 1) for number in range(variations)}
                    choices(
                        self.t("Variation"), numbers, "0", lambda number: self.show(int(number))
                    )
            self.sheet = Tag(
                "img",
                "",
                "frames",
                alt=self.t("25 frames from the first to the last"),
                title=self.t("A click goes to that frame"),
                data_seeks=True,
            )
            self.show(0)

    def show(self, index: int) -> None:
        """Show one of the variations."""
        end = f"&index={index}"
        self.place.clear()
        with self.place, inside("div", "screen") as screen:
            screen.style(shape({"size": self.size}))
            Tag(
                "video",
                src=f"{self.address}?variant=video{end}",
                poster=f"{self.address}?variant=thumbnail{end}",
                controls=True,
                autoplay=True,
                loop=True,
                muted=True,
                playsinline=True,
                aria_label=self.label,
            )
        self.sheet.put(src=f"{self.address}?variant=spritesheet{end}")


class CaseView:
    """Draws a share.

    Args:
        visitor: who decides.
        case: as the API told of it.
        earlier: other decided shares of its owner.
        done: called after a decision.
    """

    def __init__(
        self,
        visitor: Visitor,
        case: Json,
        earlier: Sequence[Json],
        done: Callable[[], Awaitable[None]],
    ) -> None:
        self.visitor, self.t = visitor, visitor.tongue
        self.case, self.earlier, self.done = case, earlier, done
        self.hindrance = hindrance(visitor, case)
        self.mine = case["owner"] == (visitor.me or {}).get("id")

    def draw(self) -> None:
        """Draw it all; the heading was drawn before."""
        case, t = self.case, self.t
        tags = entry_of(self.visitor, case).tags
        if tags:
            with inside("p", "tags"):
                for text, look in tags:
                    Tag("span", text, f"tag {look}")
        if self.mine or case["state"] == "withdrawn":
            gone = t("It is withdrawn: the video is its owner's alone.")
            with inside("div", "screen") as screen:
                screen.style(shape(case))
                Tag("p", self.hindrance if self.mine else gone, "waiting")
        else:
            address = f"/admin/v1/reviews/{case['id']}/content"
            Player(t, address, case["prompt"], case["size"], case["variations"])
        flags(t, case["flags"])
        self._story()
        self._facts()
        self._acts()

    # What is known

    def _facts(self) -> None:
        case, t = self.case, self.t
        Tag("h3", t("The video"))
        made = [case["model"], case["size"], f"{case['seconds']} s"]
        if case["variations"] > 1:
            made.append(t.count(case["variations"], "{n} variation", "{n} variations"))
        asked = t.date(case["asked_at"])
        if case["state"] in ("asked", "appealed"):
            asked += f" · {due(t, case)}"
        facts(
            [
                (t("Prompt"), case["prompt"]),
                (t("Made with"), " · ".join(made)),
                (t("Asked by"), f"{case['owner_name']} ({t(_words(case['owner_role']))})"),
                (t("Asked"), asked),
                (t("Their shares"), history(t, case["history"])),
            ]
        )
        if self.earlier:
            with inside("details"):
                Tag("summary", t("Earlier cases of this member"))
                with inside("ul", "earlier"):
                    for other in self.earlier:
                        with inside("li", "row"):
                            link(title_of(other), f"/review?show=decided&case={other['id']}")
                            Tag("span", t(NAMES[other["state"]]), "tag")

    def _story(self) -> None:
        """What was decided before, and why somebody asks again."""
        case, t = self.case, self.t
        if case["decided_at"] and case["state"] != "asked":
            Tag("h3", t("The decision"))
            refused = case["reason"] or case["state"] in ("refused", "appealed")
            what = t("Approved")
            if refused:
                what = t("Changes asked") if case["state"] == "changes_asked" else t("Refused")
            rows = [(what, f"{t.date(case['decided_at'])}, {self._by(case['decided_by'])}")]
            if case["reason"]:
                rows.append((t("Reason"), t(case["reason"])))
            if case["words"]:
                rows.append((t("Words"), case["words"]))
            facts(rows)
        if case["appealed_at"]:
            Tag("h3", t("The appeal"))
            rows = [(t.date(case["appealed_at"]), case["appeal_words"])]
            if case["appeal_decided_at"]:
                by = self._by(case["appeal_decided_by"])
                rows.append((t("Decided"), f"{t.date(case['appeal_decided_at'])}, {by}"))
                rows.append((t("Answer"), case["appeal_answer"]))
            facts(rows)

    def _by(self, member: str | None) -> str:
        if member == POLICY:
            return self.t("by the rules of the programme")
        mine = member == (self.visitor.me or {}).get("id")
        return self.t("by you") if mine else self.t("by somebody else of the team")

    # What is decided

    def _acts(self) -> None:
        """The buttons that this state has; those that are another person's are out of reach."""
        t, state = self.t, self.case["state"]
        if state not in ("asked", "appealed", "approved"):
            return
        blocked = self.hindrance if state != "approved" else ""
        with inside("div", "acts"):
            why = Tag("p", blocked, "notice", hidden=not blocked)
            common: dict[str, object] = {
                "disabled": bool(blocked),
                "aria_describedby": why.html_id if blocked else None,
            }
            with inside("div", "row"):
                if state == "approved":
                    self._act(t("Withdraw"), "w", self._withdraw(), "danger", **common)
                    return
                dialogs = self._appeal() if state == "appealed" else self._decisions()
                for (text, key, look), dialog in dialogs.items():
                    self._act(text, key, dialog, look, **common)

    def _act(self, text: str, key: str, dialog: Decision, look: str, **more: object) -> None:
        key_button(
            text, key, look, data_key=key, aria_haspopup="dialog", data_opens=dialog.html_id, **more
        )

    def _decisions(self) -> Mapping[tuple[str, str, str], Decision]:
        t, name = self.t, title_of(self.case)
        return {
            (t("Approve"), "a", "first"): Decision(
                t,
                t("Approve: {title}", title=name),
                t("Approve"),
                self._post("decision", "approve"),
                self._told(t("Approved, and public now: {title}", title=name)),
            ),
            (t("Refuse"), "r", "danger"): Decision(
                t,
                t("Refuse: {title}", title=name),
                t("Refuse"),
                self._post("decision", "refuse"),
                self._told(t("Refused: {title}", title=name)),
                reasons=True,
            ),
            (t("Ask for changes"), "c", ""): Decision(
                t,
                t("Ask for changes: {title}", title=name),
                t("Ask for changes"),
                self._post("decision", "changes"),
                self._told(t("Sent back for changes: {title}", title=name)),
                reasons=True,
            ),
        }

    def _appeal(self) -> Mapping[tuple[str, str, str], Decision]:
        t, name = self.t, title_of(self.case)
        return {
            (t("Approve"), "a", "first"): Decision(
                t,
                t("Approve after the appeal: {title}", title=name),
                t("Approve"),
                self._post("appeal", "approve"),
                self._told(t("Approved, and public now: {title}", title=name)),
                label=t("Answer to the owner"),
                required=True,
            ),
            (t("Refuse"), "r", "danger"): Decision(
                t,
                t("Refuse for good: {title}", title=name),
                t("Refuse for good"),
                self._post("appeal", "refuse"),
                self._told(t("Refused for good: {title}", title=name)),
                label=t("Answer to the owner"),
                required=True,
            ),
        }

    def _withdraw(self) -> Decision:
        t, name = self.t, title_of(self.case)
        return Decision(
            t,
            t("Withdraw: {title}", title=name),
            t("Withdraw"),
            self._post("withdraw", None),
            self._told(t("Withdrawn, its address is dead: {title}", title=name)),
            required=True,
        )

    def _post(self, route: str, decision: str | None) -> Decide:
        async def decide(reason: str | None, words: str) -> None:
            said = {"decision": decision, "reason": reason, "words": words}
            await self.visitor.api.post(f"/admin/v1/reviews/{self.case['id']}/{route}", said)

        return decide

    def _told(self, message: str) -> Callable[[], Awaitable[None]]:
        async def done() -> None:
            tell(message)
            await self.done()

        return done


def flags(t: Tongue, found: Sequence[Json]) -> None:
    """What checks found, with what each says of it."""
    if not found:
        return
    Tag("h3", t("What checks found"))
    with inside("ul", "flags"):
        for flag in found:
            with inside("li", "row"):
                Tag("span", f"⚑ {t(flag['label'])}", "tag flag")
                Tag("span", flag["detail"])
                said = [t(flag["source"])]
                if flag["hold"]:
                    said.append(t("holds the video"))
                if flag["cleared_at"]:
                    said.append(t("looked at on {date}", date=t.date(flag["cleared_at"])))
                Tag("span", " · ".join(said), "small quiet")


def history(t: Tongue, counts: Mapping[str, int]) -> str:
    """How many shares of a member are in which state, in words."""
    said = [t("{state}: {n}", state=t(NAMES[state]), n=n) for state, n in counts.items()]
    return ", ".join(said) or t("none")


def key_button(text: str, key: str, look: str = "", **attributes: Any) -> Tag:  # noqa: ANN401
    """A button that the browser itself answers to, with the key that presses it."""
    attributes = {"type": "button", "aria_keyshortcuts": key} | attributes
    with inside("button", f"button {look}".strip(), **attributes) as made:
        Tag("span", text)
        Tag("kbd", key, aria_hidden="true")
    return made


def _words(role: str) -> str:
    return role.replace("_", " ")
