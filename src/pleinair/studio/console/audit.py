"""The audit: the newest acts of power, and whether all of them are as they were written."""

from pleinair.studio.console import words
from pleinair.studio.console.form import options
from pleinair.studio.console.names import Names
from pleinair.studio.console.record import list_records
from pleinair.studio.console.room import Room
from pleinair.studio.pages import Pages
from pleinair.studio.parts import Button, Field, Tag, inside
from pleinair.studio.visitor import TEAM, Visitor

PAGE = 50


def install(pages: Pages) -> None:
    """Add the page."""

    @pages.page("/console/audit")
    async def audit(visitor: Visitor) -> None:
        await Audit(visitor).open()


class Audit(Room):
    """Filters, records, and the check."""

    here = "/console/audit"

    def __init__(self, visitor: Visitor) -> None:
        super().__init__(visitor)
        self.wanted = {"actor": "", "act": "", "subject": ""}

    async def load(self) -> None:
        """Ask for the newest records."""
        self.names = await Names.of(self.visitor)
        await self._first()

    async def _first(self) -> None:
        page = await self.api.get("/admin/v1/audit", **self.wanted, limit=PAGE)
        self.records, self.more, self.last = page["data"], page["has_more"], page["last_id"]

    def draw(self) -> None:
        """The check first."""
        t = self.t
        with inside("section", "sheet"):
            with inside("div", "row spread"):
                said = t("Each record is sealed with the one before it and anchored elsewhere.")
                Tag("p", said)
                Button(t("Verify all of it"), self._verify, "first")
            self.result = Tag("div", role="status")
        with inside("div", "filters"):
            team = {
                key: member["name"]
                for key, member in self.names.members.items()
                if member["role"] in TEAM
            }
            others = {name: self.names.member(name) for name in ("server", "operator")}
            self._filter("actor", t("Who"), {"": t("everybody")} | team | others)
            self._filter("act", t("What"), options(words.ACTS, t, t("every act")))
            Field(
                t("About"),
                value=self.wanted["subject"],
                placeholder=t("an id"),
                said=lambda subject: self._choose("subject", subject.strip()),
            )
        self.list = Tag("div")
        self._show()

    def _filter(self, name: str, label: str, of: dict[str, str]) -> None:
        async def choose(value: str) -> None:
            await self._choose(name, value)

        Field(label, "select", value=self.wanted[name], options=of, said=choose)

    async def _choose(self, name: str, value: str) -> None:
        self.wanted[name] = value
        await self._first()
        self._show()

    def _show(self) -> None:
        self.list.clear()
        with self.list:
            list_records(self, self.records, self.names)
            if self.more:
                Button(self.t("Older"), self._older)

    async def _older(self) -> None:
        page = await self.api.get("/admin/v1/audit", **self.wanted, after=self.last, limit=PAGE)
        self.records, self.more, self.last = page["data"], page["has_more"], page["last_id"]
        self._show()

    async def _verify(self) -> None:
        t = self.t
        found = await self.api.get("/admin/v1/audit/verify")
        records = t.count(found["records"], "{n} record", "{n} records")
        self.result.clear()
        with self.result:
            if found["whole"]:
                said = t("The record is whole: {records}, each as it was written.", records=records)
                Tag("p", said, "notice")
            else:
                said = t.count(
                    found["found"],
                    "The record is not whole: {n} thing is not as it was written.",
                    "The record is not whole: {n} things are not as they were written.",
                )
                Tag("p", said, "notice bad")
                heads = (t("Record"), t("What is wrong"))
                rows = [
                    (str(one["number"]) if one["number"] else t("the anchor"), one["words"])
                    for one in found["findings"]
                ]
                self.table(t("What is wrong"), heads, rows)
            Tag("p", self._anchored(found["anchored"]), "small quiet")

    def _anchored(self, heads: int) -> str:
        t = self.t
        if not heads:
            return t("Nothing is in the anchor: an end that was cut off would not show.")
        return t.count(
            heads,
            "{n} digest is kept outside the database, in the anchor, and was compared.",
            "{n} digests are kept outside the database, in the anchor, and were compared.",
        )
