"""The console: where administrators run the programme. One noun a page."""

from pleinair.studio.console import (
    audit,
    incidents,
    invitations,
    keys,
    ledger,
    member,
    members,
    overview,
    programmes,
    switches,
)
from pleinair.studio.pages import Pages

NOUNS = (
    overview,
    programmes,
    invitations,
    members,
    member,
    keys,
    switches,
    incidents,
    ledger,
    audit,
)


def install(pages: Pages) -> None:
    """Add the pages."""
    for noun in NOUNS:
        noun.install(pages)
