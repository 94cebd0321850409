from pathlib import Path

import pytest

from pleinair.errors import InputError
from pleinair.settings import SHIPPED_WEIGHTS, Settings


def test_the_environment_is_read() -> None:
    environment = {
        "PLEINAIR_WEIGHTS": "/models",
        "PLEINAIR_DEVICE": "cuda:1",
        "PLEINAIR_THREADS": "3",
        "HOME": "/",
    }
    assert Settings.read(environment) == Settings(Path("/models"), "cuda:1", 3)


def test_a_bare_environment_gives_the_shipped_weights() -> None:
    assert Settings.read({}) == Settings(SHIPPED_WEIGHTS, "auto", None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PLEINAIR_DEVICE", "gpu"),
        ("PLEINAIR_THREADS", "0"),
        ("PLEINAIR_THREADS", "many"),
        ("PLEINAIR_WIEGHTS", "/models"),
    ],
)
def test_a_bad_variable_is_refused(name: str, value: str) -> None:
    with pytest.raises(InputError):
        Settings.read({name: value})
