"""The promises are kept on the same databases as the service."""

from tests.service.conftest import database as database
