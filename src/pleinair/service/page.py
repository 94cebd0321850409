"""Lists in pages: each begins after the last row of the page before, so none is seen twice."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from pleinair.errors import InputError
from pleinair.service.board_tables import Board
from pleinair.service.tables import Batch, Character, Endpoint, Event, File, Video

T = TypeVar("T")
Listed = TypeVar("Listed", Batch, Board, Character, Endpoint, Event, File, Video)

ORDERS = ("asc", "desc")


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some rows of a list, the ids of the first and the last, and whether more come after."""

    items: tuple[T, ...]
    first_id: str | None
    last_id: str | None
    has_more: bool


def page(
    session: Session,
    table: type[Listed],
    owner: str,
    after: str | None = None,
    limit: int = 20,
    order: str = "desc",
    *where: ColumnElement[bool],
    most: int = 100,
) -> Page[Listed]:
    """One page of an owner's rows by the time they were made.

    Args:
        session: of the transaction that looks.
        table: what is listed.
        owner: whose rows.
        after: id of the last row of the page before; None is the first page. A row that ``where``
            leaves out will do, so that a list can be read on while its rows are deleted.
        limit: rows at most, 0 to ``most``.
        order: ``desc``, the newest first, or ``asc``.
        where: what else must hold for a row.
        most: the largest limit.

    Raises:
        InputError: ``after`` is no row of the owner, or ``limit`` or ``order`` is not allowed.
    """
    if not 0 <= limit <= most:
        raise InputError("limit", limit, f"0 to {most:,}")
    if order not in ORDERS:
        raise InputError("order", order, ", ".join(ORDERS))
    down = order == "desc"
    made, name = table.created_at, table.id
    query = select(table).where(table.owner == owner, *where)
    if after is not None:
        last = session.scalars(select(table).where(name == after, table.owner == owner)).first()
        if last is None:
            raise InputError("after", after, "the id of the last item of the page before")
        beyond = made < last.created_at if down else made > last.created_at
        further = name < last.id if down else name > last.id
        query = query.where(beyond | ((made == last.created_at) & further))
    query = query.order_by(*((made.desc(), name.desc()) if down else (made, name)))
    rows = session.scalars(query.limit(limit + 1)).all()
    items = tuple(rows[:limit])
    return Page(
        items,
        items[0].id if items else None,
        items[-1].id if items else None,
        len(rows) > limit,
    )
