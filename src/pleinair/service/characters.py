"""Characters: a name and a clip, to be named in prompts."""

import secrets
from collections.abc import Sequence

from sqlalchemy import select

from pleinair.errors import InputError, NotFoundError
from pleinair.service.db import Database, now
from pleinair.service.tables import Character, Material

SECONDS = (1.0, 8.0)
MOST_NAME = 80


class Characters:
    """The characters of a server; every call is on behalf of an owner, who sees only their own."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def create(self, owner: str, name: str, clip: Material) -> Character:
        """Keep a character; raises InputError for a name or a clip that cannot be one."""
        name = name.strip()
        if not 1 <= len(name) <= MOST_NAME:
            raise InputError("name", name, f"1 to {MOST_NAME} characters")
        seconds = clip.frames / clip.fps
        if clip.kind != "video" or not SECONDS[0] <= seconds <= SECONDS[1]:
            got = f"{clip.kind} of {seconds:.3g} seconds"
            raise InputError("video", got, f"clips of {SECONDS[0]:g} to {SECONDS[1]:g} seconds")
        with self.database.write() as session:
            character = Character(
                id=f"char_{secrets.token_hex(16)}",
                owner=owner,
                name=name,
                sha256=clip.sha256,
                created_at=session.scalars(select(now())).one(),
            )
            session.add(character)
        return character

    def get(self, owner: str, character_id: str) -> Character:
        """One character; raises NotFoundError."""
        with self.database.read() as session:
            found = session.get(Character, character_id)
        if found is None or found.owner != owner:
            raise NotFoundError(f"No character has the id {character_id!r}.")
        return found

    def cast(self, owner: str, ids: Sequence[str], prompt: str) -> list[Character]:
        """The characters of a video; raises InputError when a name is not in the prompt."""
        found = [self.get(owner, character_id) for character_id in ids]
        for character in found:
            if character.name not in prompt:
                allowed = f"prompts that name each character; {character.name!r} is missing"
                raise InputError("prompt", prompt, allowed)
        return found
