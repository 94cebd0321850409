"""The whole schema: import `Base` from here where all tables are meant."""

from pleinair.service import letter_tables, programme_tables
from pleinair.service.tables import Base

__all__ = ["Base", "letter_tables", "programme_tables"]
