"""What the studio says in French, by what it says in English."""

FRENCH: dict[str, str] = {}
