"""What a check tells of."""

from dataclasses import dataclass

UNCHECKED = "unchecked"
"""Label of what could not be looked at, so that a person does."""


@dataclass(frozen=True)
class Found:
    """Something for a person to look at.

    Attributes:
        label: a kind, such as ``violence``.
        detail: what it was, in few words.
        hold: nobody gets the video, its owner included, before a person has looked.
    """

    label: str
    detail: str = ""
    hold: bool = False
