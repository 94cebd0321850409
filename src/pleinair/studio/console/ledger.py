"""The ledger: contributions to be decided, what members are owed, payouts, and all postings."""

from typing import Any

from pleinair.studio.console import contributions, words
from pleinair.studio.console.names import Names
from pleinair.studio.console.room import Cell, Room, Thing
from pleinair.studio.pages import Pages
from pleinair.studio.parts import Button, Field, Tag, inside, link, tell
from pleinair.studio.visitor import Visitor

PAGE = 50


def install(pages: Pages) -> None:
    """Add the page."""

    @pages.page("/console/ledger")
    async def ledger(visitor: Visitor) -> None:
        await Ledger(visitor).open()


class Ledger(Room):
    """Contributions, balances and postings."""

    here = "/console/ledger"

    def __init__(self, visitor: Visitor) -> None:
        super().__init__(visitor)
        self.account = ""

    async def load(self) -> None:
        """Ask for all of it."""
        get = self.api.get
        self.names = await Names.of(self.visitor)
        self.open_ones = (await get("/admin/v1/contributions", state="open", limit=1000))["data"]
        self.balances = (await get("/admin/v1/ledger/balances"))["data"]
        await self._first()

    async def _first(self) -> None:
        page = await self.api.get("/admin/v1/ledger", account=self.account, limit=PAGE)
        self.postings, self.more = page["data"], page["has_more"]

    def draw(self) -> None:
        """What waits comes first."""
        t = self.t
        Tag("h2", t("Contributions that wait"))
        contributions.show(self, self.open_ones, self.names)
        owed = [one for one in self.balances if one["account"].endswith(":owed")]
        Tag("h2", t("What members are owed"))
        heads = (t("Member"), t("Owed"), t("Statement"), t("Acts"))
        rows = [self._owed(one) for one in owed]
        self.longer(t("What members are owed"), heads, rows, t("Nobody is owed anything."))
        rest = [one for one in self.balances if one not in owed]
        if rest:
            with inside("details"):
                Tag("summary", t("All other accounts"))
                rows = [(self.names.account(one["account"]), _money(one)) for one in rest]
                self.table(t("All other accounts"), (t("Account"), t("Balance")), rows)
        Tag("h2", t("Latest entries"))
        accounts = {one["account"]: self.names.account(one["account"]) for one in self.balances}
        with inside("div", "filters"):
            Field(
                t("Account"),
                "select",
                value=self.account,
                options={"": t("every account")} | accounts,
                said=self._choose,
            )
        self.list = Tag("div")
        self._show()

    def _owed(self, balance: Thing) -> tuple[Cell, ...]:
        t, member_id = self.t, balance["account"].split(":")[1]
        path = f"/admin/v1/members/{member_id}/statement"

        def statement() -> None:
            with inside("div", "row"):
                link(t("To print"), f"{path}?format=html", target="_blank")
                link("CSV", f"{path}?format=csv", download=True)

        async def pay() -> None:
            await self._pay(member_id, balance)

        buttons = [(t("Pay out"), pay, "plain")] if float(balance["amount"]) > 0 else []
        return self.names.to_member(member_id), _money(balance), statement, self.acts(*buttons)

    async def _pay(self, member_id: str, balance: Thing) -> None:
        t, name = self.t, self.names.member(member_id)

        async def send() -> None:
            body = {
                "member_id": member_id,
                "amount": ask.form.text("amount") or "",
                "currency": balance["currency"],
                "reference": ask.form.text("reference") or "",
            }
            made = await self.api.post("/admin/v1/payouts", body)
            tell(t("Noted: {amount} to {name}.", amount=_money(made), name=name))
            await self.refresh()

        said = (
            t("{name} is owed {amount}.", name=name, amount=_money(balance)),
            t("No money moves here: transfer it first, then note it. What is noted stays."),
        )
        ask = self.ask(
            t("Note a payout to {name}?", name=name), said, t("Note it"), send, danger=False
        )
        with ask.fields:
            ask.form.add(
                "amount",
                t("Amount in {currency}", currency=balance["currency"]),
                value=balance["amount"],
                inputmode="decimal",
            )
            ask.form.add("reference", t("Reference of the transfer"), hint=t("Each is paid once."))

    async def _choose(self, account: str) -> None:
        self.account = account
        await self._first()
        self._show()

    def _show(self) -> None:
        t = self.t
        self.list.clear()
        with self.list:
            if not self.postings:
                self.empty(t("Nothing is in the books yet."))
                return
            heads = (t("What"), t("When"), t("About"), t("Sides"))
            rows = [self._cells(posting) for posting in self.postings]
            self.table(t("Latest entries"), heads, rows)
            if self.more:
                Button(t("Show more"), self._more)

    async def _more(self) -> None:
        last = self.postings[-1]["id"]
        page = await self.api.get("/admin/v1/ledger", account=self.account, after=last, limit=PAGE)
        self.postings, self.more = self.postings + page["data"], page["has_more"]
        self._show()

    def _cells(self, posting: Thing) -> tuple[Any, ...]:
        def sides() -> None:
            with inside("div"):
                for entry in posting["entries"]:
                    account = self.names.account(entry["account"])
                    said = self.t("{account}: {amount}", account=account, amount=_money(entry))
                    Tag("div", said, "small")

        return (
            self.t(words.word(words.POSTINGS, posting["kind"])),
            self.when(posting["created_at"]),
            posting["memo"] or posting["subject"],
            sides,
        )


def _money(entry: Thing) -> str:
    return f"{entry['amount']} {entry['currency']}"
