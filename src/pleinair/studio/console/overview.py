"""What needs somebody now, each leading to its page, and what the team was told."""

from pleinair.studio.console.room import Room, Thing
from pleinair.studio.pages import Pages
from pleinair.studio.parts import Button, Tag, inside, link
from pleinair.studio.visitor import Visitor

WHERE = {
    "incident": "/console/incidents/{subject}",
    "contribution": "/console/ledger",
    "member": "/console/members/{subject}",
    "review": "/review",
    "video": "/review",
}
"""Where a notice leads, by the first part of its kind."""


def install(pages: Pages) -> None:
    """Add the page."""

    @pages.page("/console")
    async def overview(visitor: Visitor) -> None:
        await Overview(visitor).open()


class Overview(Room):
    """Counts of what waits, and the team's unread notices."""

    here = "/console"

    async def load(self) -> None:
        """Ask for all that could wait."""
        get = self.api.get
        limited = (await get("/admin/v1/incidents", state="limited", limit=1000))["data"]
        stopped = (await get("/admin/v1/incidents", state="stopped", limit=1000))["data"]
        switches = (await get("/admin/v1/switches", limit=1000))["data"]
        programmes = (await get("/admin/v1/programmes"))["data"]
        contributions = (await get("/admin/v1/contributions", state="open", limit=1000))["data"]
        reviews = (await get("/admin/v1/reviews", limit=100))["data"]
        self.notices = (await get("/admin/v1/notices", unread=True))["data"]
        t = self.t
        off = [switch for switch in switches if switch["state"] == "off"]
        paused = [programme for programme in programmes if programme["state"] == "paused"]
        leaks = len(limited) + len(stopped)
        self.waits = [
            (leaks, t.count(leaks, "{n} open leak", "{n} open leaks"), "/console/incidents", True),
            (
                len(off),
                t.count(len(off), "{n} switch is off", "{n} switches are off"),
                "/console/switches",
                True,
            ),
            (
                len(paused),
                t.count(len(paused), "{n} programme is paused", "{n} programmes are paused"),
                "/console/programmes",
                True,
            ),
            (
                len(contributions),
                t.count(
                    len(contributions),
                    "{n} contribution waits for a decision",
                    "{n} contributions wait for a decision",
                ),
                "/console/ledger",
                False,
            ),
            (
                len(reviews),
                t.count(
                    len(reviews), "{n} video waits for a review", "{n} videos wait for a review"
                ),
                "/review",
                False,
            ),
        ]

    def draw(self) -> None:
        """What waits first, then the notices."""
        t = self.t
        Tag("h2", t("What needs somebody now"))
        waits = [wait for wait in self.waits if wait[0]]
        if not waits and not self.notices:
            self.empty(t("Nothing needs you now."))
            return
        if waits:
            with inside("ul", "cares"):
                for _, said, address, urgent in waits:
                    with inside("li"):
                        link(said, address, "care urgent" if urgent else "care")
        if self.notices:
            Tag("h2", t.count(len(self.notices), "{n} unread notice", "{n} unread notices"))
            with inside("ul", "notes"):
                for notice in self.notices:
                    self._note(notice)

    def _note(self, notice: Thing) -> None:
        async def read() -> None:
            await self.api.post(f"/admin/v1/notices/{notice['id']}/read")
            await self.refresh()

        with inside("li", "note"):
            with inside("div"):
                Tag("p", notice["text"])
                Tag("span", self.t.date(notice["created_at"]), "small quiet")
            with inside("div", "row"):
                where = WHERE.get(notice["kind"].split(".")[0])
                if where:
                    link(self.t("See it"), where.format(subject=notice["subject"]), "button plain")
                Button(self.t("Mark as read"), read, "plain")
