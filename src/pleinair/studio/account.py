"""One's own account: terms, limits, keys, what the programme says, money, and the end of it."""

import json
from typing import Any

from nicegui import ui

from pleinair.studio.keys import Keys
from pleinair.studio.pages import Pages
from pleinair.studio.parts import Button, Dialog, Field, Tag, choices, facts, inside, link, tell
from pleinair.studio.shell import frame
from pleinair.studio.visitor import Visitor

QUOTAS = {
    "rate": "Videos a minute",
    "concurrent": "Videos at once",
    "seconds_each": "Seconds of video",
    "seconds_all": "Seconds of video, of all members",
    "spend_each": "Cost",
    "spend_all": "Cost, of all members",
}


def install(pages: Pages) -> None:
    """Add the page."""

    @pages.page("/account")
    async def account(visitor: Visitor) -> None:
        t = visitor.tongue
        with frame(visitor, t("Account"), "/account"):
            if visitor.me is None:
                Tag("p", t("This server has one user and no accounts."), "empty")
                return
            await Account(visitor, visitor.me).begin()


class Account:
    """The account of one member.

    Args:
        visitor: the member.
        me: what the API tells of them.
    """

    def __init__(self, visitor: Visitor, me: dict[str, Any]) -> None:
        self.visitor, self.t, self.me = visitor, visitor.tongue, me

    async def begin(self) -> None:
        """Draw it."""
        if self.visitor.must_accept:
            self._terms()
        with inside("div", "columns"):
            with inside("div"):
                await self._notices()
                with inside("section", "sheet", aria_label=self.t("Keys")):
                    await Keys(self.visitor).begin()
                if self.visitor.shares:
                    await self._contributions()
            with inside("div"):
                self._myself()
                if self.me["programme_id"]:
                    await self._quotas()
                self._money()
                self._password()
                self._end()

    def _terms(self) -> None:
        t, me = self.t, self.me
        with inside("section", "sheet", aria_label=t("Terms")):
            Tag(
                "h2",
                t(
                    "Terms of {programme}, version {n}",
                    programme=me["programme"],
                    n=me["terms_version"],
                ),
            )
            Tag("p", me["terms"], "terms")

            async def accept() -> None:
                await self.visitor.api.post("/access/v1/terms", {"version": me["terms_version"]})
                ui.navigate.reload()

            Button(t("Accept"), accept, "first")

    def _myself(self) -> None:
        t, me = self.t, self.me
        with inside("section", "sheet", aria_label=t("You")):
            Tag("h2", me["name"])
            rows = [(t("Role"), t(me["role"].replace("_", " ")))]
            if me["email"]:
                rows.append((t("Address"), me["email"]))
            if me["programme"]:
                rows.append((t("Programme"), me["programme"]))
                rows.append((t("State"), t(me["programme_state"])))
            rows.append((t("Since"), t.date(me["created_at"])))
            facts(rows)

            async def sign_out() -> None:
                await ui.run_javascript(
                    "return await pleinair.ask('/access/v1/sign-out', {})", timeout=10.0
                )
                ui.navigate.to("/sign-in")

            Button(t("Sign out"), sign_out)

    async def _notices(self) -> None:
        t = self.t
        found = (await self.visitor.api.get("/access/v1/notices"))["data"]
        with inside("section", "sheet", aria_label=t("What the programme says")):
            Tag("h2", t("What the programme says"))
            if not found:
                Tag("p", t("Nothing yet."), "quiet")
            with inside("ul", "notices"):
                for notice in found[:20]:
                    self._notice(notice)

    def _notice(self, notice: dict[str, Any]) -> None:
        t = self.t
        with inside("li") as item:
            with inside("div"):
                Tag("span", t.date(notice["created_at"]), "small quiet")
                Tag("p", notice["text"])
            if notice["read_at"] is None:
                item.classes("unread")

                async def read() -> None:
                    await self.visitor.api.post(f"/access/v1/notices/{notice['id']}/read")
                    item.classes(remove="unread")
                    button.hide()

                button = Button(t("Read"), read, "plain")

    async def _quotas(self) -> None:
        t = self.t
        found = await self.visitor.api.get("/access/v1/quotas")
        with inside("section", "sheet", aria_label=t("Limits")):
            Tag("h2", t("Limits"))
            Tag("p", t("A period is {time}.", time=t.span(3600 * found["period_hours"])), "hint")
            for quota in found["data"]:
                name = t(QUOTAS.get(quota["name"], quota["name"]))
                limit = quota["limit"]
                of = t("no limit") if limit is None else _plain(limit)
                with inside("div", "field"):
                    Tag(
                        "span",
                        t(
                            "{name}: {used} of {limit}",
                            name=name,
                            used=_plain(quota["used"]),
                            limit=of,
                        ),
                        "small",
                    )
                    if limit is not None and float(limit) > 0:
                        Tag(
                            "progress",
                            max=float(limit),
                            value=float(quota["used"]),
                            aria_label=name,
                        )

    def _money(self) -> None:
        t = self.t
        with inside("section", "sheet", aria_label=t("Money")):
            Tag("h2", t("Money"))
            Tag("p", t("What you earned, were paid, and what your videos cost."), "hint")
            with inside("div", "row"):
                address = "/access/v1/statement?format="
                link(t("Statement"), f"{address}html", "button", target="_blank")
                link(t("As a table (CSV)"), f"{address}csv", "button", download="statement.csv")

    async def _contributions(self) -> None:
        t = self.t
        found = (await self.visitor.api.get("/access/v1/contributions"))["data"]
        with inside("section", "sheet", aria_label=t("Contributions")):
            Tag("h2", t("Contributions"))
            for one in found[:10]:
                Tag("p", f"{one['title']}: {t(one['state'])}", "small")
            kind = {"now": "feedback"}
            if self.visitor.role == "red_teamer":
                kinds = {"feedback": t("Feedback"), "report": t("Report")}
                choices(t("What it is"), kinds, "feedback", lambda one: kind.update(now=one))
            title = Field(t("Title"), maxlength=120)
            words = Field(t("What you found"), "textarea")
            minutes = Field(t("Minutes it took"), type="number", value="30", min=0, max=6000)

            async def file() -> None:
                took = minutes.whole or 0
                await self.visitor.api.post(
                    "/access/v1/contributions",
                    {
                        "kind": kind["now"],
                        "title": title.value,
                        "words": words.value,
                        "minutes": took if kind["now"] == "feedback" else 0,
                    },
                )
                tell(t("Filed. An administrator decides about it."))
                title.fill("")
                words.fill("")

            Button(t("File it"), file)

    def _password(self) -> None:
        t = self.t
        with inside("section", "sheet", aria_label=t("Password")):
            Tag("h2", t("Password"))
            old = Field(t("Until now"), type="password", autocomplete="current-password")
            new = Field(
                t("New"),
                type="password",
                autocomplete="new-password",
                hint=t("12 characters or more"),
            )

            async def change() -> None:
                said = {"old": old.value or None, "new": new.value}
                asked = f"pleinair.ask('/access/v1/password', {json.dumps(said)})"
                refused = await ui.run_javascript(f"return await {asked}", timeout=30.0)
                if refused:
                    new.blame(refused)
                else:
                    ui.navigate.to("/sign-in")

            Button(t("Change it"), change)

    def _end(self) -> None:
        t = self.t
        with inside("section", "sheet", aria_label=t("Everything of yours")):
            Tag("h2", t("Everything of yours"))
            link(t("Export (ZIP)"), "/access/v1/export", "button", download="pleinair.zip")
            dialog = Dialog(t("Leave for good?"), t)
            with dialog:
                Tag(
                    "p",
                    t(
                        "Access ends, your videos are deleted and what is shared is withdrawn. "
                        "Nothing of it can be undone."
                    ),
                )

                async def leave() -> None:
                    await self.visitor.api.post("/access/v1/leave", {"confirm": "leave"})
                    ui.navigate.to("/sign-in")

                with inside("div", "row"):
                    Button(t("Leave"), leave, "danger")
                    Button(t("Stay"), dialog.shut, "first")
            Button(t("Leave the programme"), dialog.show, "plain danger")


def _plain(amount: float | str) -> str:
    """An amount as people write it: 17 and not 17.0; money stays as it is told."""
    return amount if isinstance(amount, str) else f"{amount:g}"
