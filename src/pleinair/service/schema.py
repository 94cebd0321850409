"""The whole schema: import `Base` from here where all tables are meant."""

from pleinair.service import board_tables, letter_tables, origin_tables, programme_tables
from pleinair.service.tables import Base

__all__ = ["Base", "board_tables", "letter_tables", "origin_tables", "programme_tables"]
