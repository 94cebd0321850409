"""Money in words: the books keep whole millionths of a currency, people read decimals."""

import re
from decimal import Decimal

from pleinair.errors import InputError
from pleinair.service.books import MICRO

_AMOUNT = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?")


def show(micro: int) -> str:
    """Millionths as decimal text with two places or as many more as it takes, up to six."""
    whole, part = divmod(abs(micro), MICRO)
    places = f"{part:06}".rstrip("0").ljust(2, "0")
    return f"{'-' if micro < 0 else ''}{whole}.{places}"


def read(field: str, amount: str) -> int:
    """Decimal text such as ``12.50`` in millionths; raises InputError for what is none."""
    if not _AMOUNT.fullmatch(amount):
        raise InputError(field, amount, "a decimal number such as 12.50, with up to six places")
    return int(Decimal(amount) * MICRO)


def check_currency(currency: str) -> None:
    """Raise InputError unless it is three letters."""
    if not re.fullmatch(r"[A-Z]{3}", currency):
        raise InputError("currency", currency, "three letters such as EUR")
