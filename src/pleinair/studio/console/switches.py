"""Switches: what is off now, putting it on again, and putting something off."""

from typing import Any

from pleinair.studio.console import words
from pleinair.studio.console.form import Form, options
from pleinair.studio.console.keys import LIVE, MOST
from pleinair.studio.console.names import Names
from pleinair.studio.console.room import Room, Thing
from pleinair.studio.pages import Pages
from pleinair.studio.parts import Button, Tag, facts, inside, tell
from pleinair.studio.visitor import Visitor


def install(pages: Pages) -> None:
    """Add the page."""

    @pages.page("/console/switches")
    async def switches(visitor: Visitor) -> None:
        await Switches(visitor).open()


class Switches(Room):
    """What is off, the form, and what was off."""

    here = "/console/switches"

    async def load(self) -> None:
        """Ask for switches, and for all that could be put off."""
        get = self.api.get
        self.found = (await get("/admin/v1/switches"))["data"]
        self.names = await Names.of(self.visitor)
        self.keys = (await get("/admin/v1/keys", limit=MOST))["data"]
        self.models = (await get("/v1/models"))["data"]

    def draw(self) -> None:
        """What is off comes first."""
        t = self.t
        off = [switch for switch in self.found if switch["state"] == "off"]
        was = [switch for switch in self.found if switch["state"] != "off"]
        Tag("h2", t("Off now"))
        if not off:
            self.empty(t("Nothing is off."))
        with inside("div", "sheets"):
            for switch in off:
                self._card(switch)
        with inside("section", "sheet"):
            Tag("h2", t("Put something off"))
            OffForm(self).draw()
        Tag("h2", t("What was off"))
        heads = (t("What"), t("Message"), t("Off"), t("On again"))
        rows = [self._cells(switch) for switch in was]
        self.longer(t("What was off"), heads, rows, t("Nothing was off before."))

    def _card(self, switch: Thing) -> None:
        t = self.t

        async def on() -> None:
            async def send() -> None:
                await self.api.post(f"/admin/v1/switches/{switch['id']}/on")
                tell(t("It is on again."))
                await self.refresh()

            said = t("Videos can be asked for again, what waited goes on, and people are told.")
            title = t("Put on again: {name}?", name=self._target(switch))
            self.ask(title, said, t("Put it on"), send, danger=False)

        with inside("section", "sheet off"):
            with inside("div", "row spread"):
                Tag("h3", self._target(switch))
                self.tag("off")
            Tag("p", switch["message"])
            until = (
                self.when(switch["until"]) if switch["until"] else t("until somebody puts it on")
            )
            facts(
                [
                    (t("Since"), self.when(switch["off_at"])),
                    (t("By"), self.names.member(switch["off_by"])),
                    (t("Until"), until),
                    (t("Videos that were being made"), t(words.RUNNING[switch["running"]])),
                    (t("People"), f"{switch['members']:,}"),
                    (t("Videos that wait"), f"{switch['videos_waiting']:,}"),
                ]
            )
            Button(t("Put on again"), on, "first")

    def _cells(self, switch: Thing) -> tuple[Any, ...]:
        on = switch["on_at"] or switch["until"]
        by = self.names.member(switch["on_by"]) if switch["on_by"] else self.t("by itself")
        return (
            self._target(switch),
            switch["message"],
            f"{self.when(switch['off_at'])}, {self.names.member(switch['off_by'])}",
            f"{self.when(on)}, {by}",
        )

    def _target(self, switch: Thing) -> str:
        return self.names.target(switch["kind"], self.called(switch["kind"], switch["target"]))

    def called(self, kind: str, target: str) -> str:
        """What a key is called; what else is put off has its own names."""
        if kind != "key":
            return target
        found = next((key for key in self.keys if key["id"] == target), None)
        return f"{found['name']} {found['hint']}" if found else target


class OffForm:
    """What is put off, what people hear, until when; and what it stops, before it does.

    Args:
        room: on whose page.
    """

    def __init__(self, room: Switches) -> None:
        self.room, self.t, self.form = room, room.t, Form(room.t)

    def draw(self) -> None:
        """All fields. Which one is to be put off depends on what kind of thing it is."""
        t, form = self.t, self.form
        with inside("div", "pair"):
            form.add(
                "kind",
                t("What"),
                "select",
                value="everyone",
                options=options(words.KINDS, t),
                said=self._choose,
            )
            self.which = Tag("div")
        form.add(
            "message",
            t("Message"),
            "textarea",
            rows=3,
            hint=t("Told to everybody who is shut out."),
        )
        with inside("div", "pair"):
            form.add(
                "hours",
                t("Hours until it is on again"),
                inputmode="decimal",
                hint=t("Empty: until somebody puts it on."),
            )
            form.add(
                "running",
                t("Videos that are being made"),
                "select",
                value="pause",
                options=options(words.RUNNING, t),
            )
        form.button(t("Put off…"), self._check, "danger")

    def _choose(self, kind: str) -> None:
        self.which.clear()
        self.form.fields.pop("target", None)
        things = self._things(kind)
        if things is None:
            return
        with self.which:
            if things:
                first = next(iter(things))
                self.form.add("target", self.t("Which one"), "select", value=first, options=things)
            else:
                Tag("p", self.t("There is none."), "hint")

    def _things(self, kind: str) -> dict[str, str] | None:
        """What of a kind there is, id to name; None if the kind says it all."""
        room, names = self.room, self.room.names
        if kind == "everyone":
            return None
        if kind == "programme":
            return {key: one["name"] for key, one in names.programmes.items()}
        if kind == "role":
            return options(words.ROLES, self.t)
        if kind == "member":
            return {
                key: f"{one['name']} ({room.role(one['role'])})"
                for key, one in names.members.items()
                if one["state"] == "active"
            }
        if kind == "key":
            return {
                key["id"]: f"{key['name']} {key['hint']} ({names.member(key['member_id'])})"
                for key in room.keys
                if key["state"] in LIVE and not key["decoy"]
            }
        return {model["id"]: model["id"] for model in room.models}

    async def _check(self) -> None:
        """Say what it will stop, and ask."""
        t, form, room = self.t, self.form, self.room
        kind = form.text("kind") or ""
        target = form.text("target") or "" if "target" in form.fields else ""
        body = {
            "kind": kind,
            "target": target,
            "message": form.text("message") or "",
            "hours": form.number("hours"),
            "running": form.text("running"),
        }
        if not body["message"]:
            form.fields["message"].blame(t("Say what people will hear."))
            return
        reach = await room.api.get("/admin/v1/switches/reach", kind=kind, target=target)

        async def send() -> None:
            await room.api.post("/admin/v1/switches", body)

        async def put_off() -> None:
            if await form.attempt(send):
                tell(t("It is off."))
                await room.refresh()

        called = room.names.target(kind, room.called(kind, target))
        room.ask(
            t("Put off: {name}?", name=called), self._told(reach, body), t("Put it off"), put_off
        )

    def _told(self, reach: Thing, body: Thing) -> list[str]:
        """What it will stop, in words."""
        t = self.t
        waiting, running = reach["videos_waiting"], reach["videos_running"]
        people = t(
            "It stops {people}.", people=t.count(reach["members"], "{n} person", "{n} people")
        )
        if reach["keys"]:
            people = t(
                "It stops {people} and {keys}.",
                people=t.count(reach["members"], "{n} person", "{n} people"),
                keys=t.count(reach["keys"], "{n} key", "{n} keys"),
            )
        able = t("Looking, downloading, cancelling and deleting go on.")
        said = [people, able]
        if waiting:
            said.append(
                t.count(
                    waiting,
                    "{n} video that waits goes on waiting.",
                    "{n} videos that wait go on waiting.",
                )
            )
        if running and body["running"] == "cancel":
            said.append(
                t.count(
                    running,
                    "{n} video that is being made is cancelled.",
                    "{n} videos that are being made are cancelled.",
                )
            )
        elif running:
            said.append(
                t.count(
                    running,
                    "{n} video that is being made pauses, and begins anew later.",
                    "{n} videos that are being made pause, and begin anew later.",
                )
            )
        if not waiting and not running:
            said.append(t("No video waits or is being made."))
        return [*said, t("They hear: “{message}”", message=body["message"])]
