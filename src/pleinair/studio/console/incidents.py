"""Leaks: keys that seem to be in other hands, why, what was done, and what it turned out to be."""

from typing import Any

from pleinair.studio.console import evidence, words
from pleinair.studio.console.form import options
from pleinair.studio.console.keys import MOST
from pleinair.studio.console.names import Names
from pleinair.studio.console.record import list_records
from pleinair.studio.console.room import Room, Thing
from pleinair.studio.pages import Pages
from pleinair.studio.parts import Button, Field, Tag, facts, inside, link, tell
from pleinair.studio.visitor import Visitor


def install(pages: Pages) -> None:
    """Add the pages."""

    @pages.page("/console/incidents")
    async def incidents(visitor: Visitor) -> None:
        await Incidents(visitor).open()

    @pages.page("/console/incidents/{incident_id}")
    async def incident(visitor: Visitor, incident_id: str) -> None:
        await Incident(visitor, incident_id).open()


class Incidents(Room):
    """All of them, the newest first."""

    here = "/console/incidents"

    def __init__(self, visitor: Visitor) -> None:
        super().__init__(visitor)
        self.chosen = ""

    async def load(self) -> None:
        """Ask for them, and for what to call keys and members."""
        get = self.api.get
        self.found = (await get("/admin/v1/incidents", state=self.chosen, limit=MOST))["data"]
        self.names = await Names.of(self.visitor)
        keys = (await get("/admin/v1/keys", limit=MOST))["data"]
        self.keys = {key["id"]: key for key in keys}

    def draw(self) -> None:
        """A table."""
        t = self.t

        async def choose(state: str) -> None:
            self.chosen = state
            await self.load()
            self._show()

        states = {name: words.STATES[name] for name in ("limited", "stopped", "closed")}
        with inside("div", "filters"):
            Field(
                t("State"),
                "select",
                value=self.chosen,
                options=options(states, t, t("every state")),
                said=choose,
            )
        self.list = Tag("div")
        self._show()

    def _show(self) -> None:
        t = self.t
        self.list.clear()
        with self.list:
            heads = (t("Key"), t("Owner"), t("What"), t("State"), t("Score"), t("Noticed"))
            rows = [self._cells(found) for found in self.found]
            self.longer(t("Leaks"), heads, rows, t("No key seems to be in other hands."))

    def _cells(self, found: Thing) -> tuple[Any, ...]:
        def state() -> None:
            with inside("div"):
                self.tag(found["state"])
                if found["verdict"]:
                    Tag("p", self.t(words.VERDICTS[found["verdict"]]), "small quiet")

        key = called(self.keys.get(found["key_id"]), found["key_id"])
        return (
            self.to(key, f"/console/incidents/{found['id']}"),
            self.names.to_member(found["member_id"]),
            self.t(words.word(words.LEAKS, found["kind"])),
            state,
            f"{found['score']:.1f}",
            self.when(found["created_at"]),
        )


class Incident(Room):
    """One of them.

    Args:
        visitor: who opened it.
        incident_id: which.
    """

    here = "/console/incidents"

    def __init__(self, visitor: Visitor, incident_id: str) -> None:
        super().__init__(visitor)
        self.path = f"/admin/v1/incidents/{incident_id}"

    async def load(self) -> None:
        """Ask for it, its key, and what is on record about both."""
        get = self.api.get
        self.found = await get(self.path)
        self.names = await Names.of(self.visitor)
        key_id = self.found["key_id"]
        keys = (await get("/admin/v1/keys", limit=MOST))["data"]
        self.key = next((key for key in keys if key["id"] == key_id), None)
        self.title = self.t("Leak of {name}", name=called(self.key, key_id))
        of_key = (await get("/admin/v1/audit", subject=key_id))["data"]
        of_it = (await get("/admin/v1/audit", subject=self.found["id"]))["data"]
        self.history = sorted([*of_key, *of_it], key=lambda record: -record["number"])

    def draw(self) -> None:
        """Evidence, what was done, and how it was or can be closed."""
        t, found = self.t, self.found
        with inside("p", "row"):
            self.tag(found["state"])
            Tag("span", t(words.word(words.LEAKS, found["kind"])))
        with inside("section", "sheet"):
            Tag("h2", t("Evidence"))
            evidence.show(self, found)
        with inside("div", "sheets"):
            with inside("section", "sheet"):
                Tag("h2", t("What was done"))
                self._done()
            with inside("section", "sheet"):
                Tag("h2", t("What it was"))
                self._verdict()
        Tag("h2", t("On record"))
        list_records(self, self.history, self.names)

    def _done(self) -> None:
        t, found = self.t, self.found
        since = [one for one in reversed(self.history) if one["at"] >= found["created_at"]]
        with inside("ul", "sentences"):
            for record in since:
                date, details = self.when(record["at"]), record["details"]
                if "already" in details or record["outcome"] != "done":
                    continue
                if record["act"] == "incidents.limit":
                    Tag("li", t("{date}: the key was limited to a fifth of its limits.", date=date))
                if "quarantined" in details:
                    Tag("li", t("{date}: the key was stopped.", date=date))
                    for said in self._stopped(details["cancelled"], details["quarantined"]):
                        Tag("li", said)
                if details.get("released"):
                    said = t.count(
                        details["released"], "{n} video was released.", "{n} videos were released."
                    )
                    Tag("li", said)
            if found["kind"] == "decoy":
                Tag("li", t("Nothing: a decoy opens nothing."))
            elif found["member_id"]:
                Tag("li", t("The owner and the team were told."))
            else:
                Tag("li", t("The team was told."))
        rows = [(t("Seems to have begun"), self.when(found["began_at"]))]
        if self.key:
            rows.append((t("The key is now"), t(words.STATES[self.key["state"]])))
        facts(rows)
        if found["member_id"] in self.names.members:
            name = self.names.member(found["member_id"])
            link(t("To {name}", name=name), f"/console/members/{found['member_id']}", "button")

    def _stopped(self, cancelled: int, quarantined: int) -> list[str]:
        t, said = self.t, []
        if cancelled:
            said.append(
                t.count(
                    cancelled,
                    "{n} video that waited was cancelled.",
                    "{n} videos that waited were cancelled.",
                )
            )
        if quarantined:
            said.append(
                t.count(
                    quarantined,
                    "{n} finished video was put out of reach until somebody has looked.",
                    "{n} finished videos were put out of reach until somebody has looked.",
                )
            )
        return said or [t("Nothing waited, and nothing had been made since it began.")]

    def _verdict(self) -> None:
        t, found = self.t, self.found
        if found["state"] == "closed":
            Tag("p", t(words.VERDICTS[found["verdict"]]))
            if found["words"]:
                Tag("blockquote", found["words"])
            closed = t(
                "Closed {date} by {name}.",
                date=self.when(found["closed_at"]),
                name=self.names.member(found["closed_by"]),
            )
            Tag("p", closed, "small quiet")
            return
        Tag("p", t("Ask the owner if you can. Then close it."))
        with inside("div", "row"):
            Button(t(words.VERDICTS["leak"]), lambda: self._close("leak"), "danger")
            Button(t(words.VERDICTS["honest"]), lambda: self._close("honest"))

    async def _close(self, verdict: str) -> None:
        t = self.t

        async def send() -> None:
            body = {"verdict": verdict, "words": ask.form.text("words")}
            await self.api.post(f"{self.path}/close", body)
            tell(t("Closed."))
            await self.refresh()

        stopped = self.key is not None and self.key["state"] == "stopped"
        if verdict == "leak":
            said = [t("What was put out of reach stays there, for the reviewers to look at.")]
            if not stopped and self.found["kind"] != "decoy":
                said.insert(0, t("The key is stopped, and what it waits for is cancelled."))
        else:
            said = [
                t("The key stays stopped, to be safe; what it made is released.")
                if stopped
                else t("The key has all of its limits again, and what it made is released."),
                t("What was seen counts as usual for this key from now on."),
            ]
        title = t("Close it as a leak?") if verdict == "leak" else t("Close it as honest use?")
        ask = self.ask(title, said, t("Close it"), send, danger=verdict == "leak")
        with ask.fields:
            ask.form.add("words", t("Words"), "textarea", hint=t("For the owner, if you like."))


def called(key: Thing | None, key_id: str) -> str:
    """What a key is called."""
    return f"{key['name']} {key['hint']}" if key else key_id
