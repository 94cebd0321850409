"""One's own API keys: made and shown once, replaced, ended; a stopped one says why."""

from typing import Any

from pleinair.access.actor import DEFAULT_SCOPES, SCOPES
from pleinair.studio.parts import Button, Dialog, Field, Tag, inside
from pleinair.studio.visitor import Visitor

ENDED = ("revoked", "stopped")


class Keys:
    """The part of a page that is about one's keys.

    Args:
        visitor: whose they are.
    """

    def __init__(self, visitor: Visitor) -> None:
        self.visitor, self.t = visitor, visitor.tongue

    async def begin(self) -> None:
        """Draw it."""
        t = self.t
        Tag("h2", t("Keys"))
        Tag("p", t("For programs: OPENAI_API_KEY, with OPENAI_BASE_URL of this server."), "hint")
        self.list = Tag("ul", "", "notices")
        self._new()
        self.shown = Dialog(t("Your new key"), t)
        with self.shown:
            Tag("p", t("Keep it now: it is shown this once and kept nowhere here."))
            self.secret = Tag("code", "", "secret", tabindex="0")
            Button(t("I have it"), self.shown.shut, "first")
        await self.refresh()

    def _new(self) -> None:
        t = self.t
        with inside("details"):
            Tag("summary", t("A new key"))
            name = Field(t("Name"), maxlength=80, placeholder=t("my laptop"))
            days = Field(t("Days until it expires"), type="number", min=1, placeholder=t("never"))
            chosen = set(DEFAULT_SCOPES)
            with inside("fieldset", "scopes"):
                Tag("legend", t("Good for"))
                for scope in SCOPES:
                    with inside("label", "check"):
                        box = Tag("input", type="checkbox", checked=scope in chosen)
                        Tag("span", scope)

                    async def turn(scope: str = scope) -> None:
                        chosen.symmetric_difference_update({scope})

                    box.on("change", turn, args=[])

            async def make() -> None:
                made = await self.visitor.api.post(
                    "/access/v1/keys",
                    {
                        "name": name.value or t("key"),
                        "scopes": sorted(chosen),
                        "days": days.number,
                    },
                )
                await self._show(made)

            Button(t("Make it"), make, "first")

    async def _show(self, made: dict[str, Any]) -> None:
        """Tell a secret, this once."""
        self.secret.text = made["secret"]
        await self.shown.show()
        await self.refresh()

    async def refresh(self) -> None:
        """Show the keys as they are now."""
        found = (await self.visitor.api.get("/access/v1/keys"))["data"]
        self.list.clear()
        with self.list:
            for key in found:
                self._key(key)

    def _key(self, key: dict[str, Any]) -> None:
        t = self.t
        with inside("li", "unread" if key["state"] == "stopped" else ""):
            with inside("div"):
                with inside("p"):
                    Tag("span", key["name"])
                    Tag("code", key["hint"])
                    kind = {"active": "good", "stopped": "bad", "limited": "now"}
                    Tag("span", t(key["state"]), f"tag {kind.get(key['state'], '')}")
                if key["reason"]:
                    Tag("p", key["reason"], "small")
                used = t("never used")
                if key["used_at"]:
                    used = t("last used {when}", when=t.date(key["used_at"]))
                Tag("span", used, "small quiet")
            with inside("div", "row"):
                self._acts(key)

    def _acts(self, key: dict[str, Any]) -> None:
        t, path = self.t, f"/access/v1/keys/{key['id']}"

        async def rotate() -> None:
            await self._show(await self.visitor.api.post(f"{path}/rotate"))

        async def revoke() -> None:
            await self.visitor.api.delete(path)
            await self.refresh()

        async def replace() -> None:
            made = await self.visitor.api.post(
                "/access/v1/keys", {"name": key["name"], "scopes": key["scopes"]}
            )
            await self._show(made)

        if key["state"] == "stopped":
            if not key["replaced_by"]:
                Button(t("Make a new one"), replace, "first")
        elif key["state"] not in ENDED:
            Button(t("Replace"), rotate, title=t("The old one goes on for a day"))
            Button(t("End it"), revoke, "plain danger")
