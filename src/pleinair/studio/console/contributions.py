"""Contributions that wait: what each says, and accepting or refusing it."""

from collections.abc import Sequence

from pleinair.studio.console import words
from pleinair.studio.console.names import Names
from pleinair.studio.console.room import Room, Thing
from pleinair.studio.parts import Button, Tag, inside, tell


def show(room: Room, found: Sequence[Thing], names: Names) -> None:
    """Show them, the newest first.

    Args:
        room: on whose page.
        found: as the API tells of them.
        names: of who filed them.
    """
    if not found:
        room.empty(room.t("Nothing waits for a decision."))
        return
    with inside("div", "sheets"):
        for one in found:
            _card(room, one, names)


def _card(room: Room, one: Thing, names: Names) -> None:
    t = room.t
    name = names.member(one["member_id"])

    async def accept() -> None:
        await _decide(room, one, "accept", name)

    async def refuse() -> None:
        await _decide(room, one, "refuse", name)

    with inside("section", "sheet"):
        Tag("h3", one["title"])
        kind = t(words.word(words.CONTRIBUTIONS, one["kind"]))
        said = [kind, name, room.when(one["created_at"])]
        if one["minutes"]:
            said.insert(1, t.count(one["minutes"], "{n} minute", "{n} minutes"))
        if one["video_id"]:
            said.append(one["video_id"])
        Tag("p", " · ".join(said), "small quiet")
        Tag("p", one["words"], "prose")
        with inside("div", "row"):
            Button(t("Accept"), accept, "first")
            Button(t("Refuse"), refuse, "danger")


async def _decide(room: Room, one: Thing, decision: str, name: str) -> None:
    """Ask, with an answer to the member."""
    t, accepted = room.t, decision == "accept"

    async def send() -> None:
        body = {"decision": decision, "answer": ask.form.text("answer") or ""}
        await room.api.post(f"/admin/v1/contributions/{one['id']}/decision", body)
        tell(t("Accepted.") if accepted else t("Refused."))
        await room.refresh()

    if accepted:
        title = t("Accept “{title}”?", title=one["title"])
        said = t(
            "It is then owed to {name}, at the rates that their programme has today.", name=name
        )
    else:
        title = t("Refuse “{title}”?", title=one["title"])
        said = t("{name} is told why, and earns nothing for it.", name=name)
    label = t("Accept it") if accepted else t("Refuse it")
    ask = room.ask(title, said, label, send, danger=not accepted)
    with ask.fields:
        hint = t("If you like.") if accepted else t("A refusal needs one.")
        ask.form.add("answer", t("Answer"), "textarea", hint=hint)
