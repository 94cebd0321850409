"""The house of `tests.access`, for reviewers."""

from tests.access.conftest import ask, house, house_settings, open_house

__all__ = ["ask", "house", "house_settings", "open_house"]
