"""What ids are called on a page: members, programmes, and who acts without being one."""

from collections.abc import Callable

from pleinair.studio.console import words
from pleinair.studio.console.room import Thing
from pleinair.studio.parts import Tag, link
from pleinair.studio.visitor import Visitor

MOST = 1000
"""Members that a list of the API holds at most."""


class Names:
    """Members and programmes by their ids.

    Args:
        members, programmes: as the API tells of them.
        visitor: in whose language others are named.
    """

    def __init__(self, members: list[Thing], programmes: list[Thing], visitor: Visitor) -> None:
        self.members = {member["id"]: member for member in members}
        self.programmes = {programme["id"]: programme for programme in programmes}
        t = self.t = visitor.tongue
        self._others = {
            "server": t("the server"),
            "operator": t("whoever runs the server"),
            "local": t("whoever runs the server"),
        }

    @classmethod
    async def of(cls, visitor: Visitor) -> "Names":
        """As the API tells of them now."""
        members = await visitor.api.get("/admin/v1/members", limit=MOST)
        programmes = await visitor.api.get("/admin/v1/programmes")
        return cls(members["data"], programmes["data"], visitor)

    def member(self, member_id: str | None) -> str:
        """The name of a member, or of what acts in their place; a dash for nobody."""
        if not member_id:
            return "–"
        found = self.members.get(member_id)
        return found["name"] if found else self._others.get(member_id, member_id)

    def programme(self, programme_id: str | None) -> str:
        """The name of a programme; a dash for none."""
        found = self.programmes.get(programme_id or "")
        return found["name"] if found else programme_id or "–"

    def to_member(self, member_id: str | None) -> Callable[[], Tag]:
        """A link to a member, for a cell of a table; only their name for what is none."""
        name = self.member(member_id)
        if member_id in self.members:
            return lambda: link(name, f"/console/members/{member_id}")
        return lambda: Tag("span", name)

    def account(self, account: str) -> str:
        """An account of the ledger, in words."""
        kind, _, rest = account.partition(":")
        name, _, part = rest.partition(":")
        said = words.ACCOUNTS.get(part or kind)
        if said is None:
            return account
        called = self.programme(name) if kind == "programme" else self.member(name)
        return self.t(said, name=called) if rest else self.t(said)

    def target(self, kind: str, target: str) -> str:
        """What a switch is about, in words."""
        t = self.t
        if kind == "everyone":
            return t("Everyone")
        if kind == "role":
            return t("Everybody with the role {role}", role=t(words.word(words.ROLES, target)))
        if kind == "programme":
            return t("The programme {name}", name=self.programme(target))
        if kind == "member":
            return t("The member {name}", name=self.member(target))
        if kind == "key":
            return t("The key {name}", name=target)
        return t("The model {name}", name=target)
