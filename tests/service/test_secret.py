from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pleinair.errors import InputError, StorageError
from pleinair.service.secret import server_secret
from pleinair.settings import ServiceSettings


def test_the_secret_of_the_settings_comes_first(tmp_path: Path) -> None:
    settings = ServiceSettings(home=tmp_path, secret="sixteen letters.")
    assert server_secret(settings) == b"sixteen letters."
    assert list(tmp_path.iterdir()) == []


def test_a_secret_is_made_once_and_is_nobody_elses(tmp_path: Path) -> None:
    settings = ServiceSettings(home=tmp_path / "new" / "home")
    secret = server_secret(settings)
    assert len(secret) == 64
    assert server_secret(settings) == secret
    assert [path.name for path in settings.home.iterdir()] == ["secret"]
    assert (settings.home / "secret").stat().st_mode & 0o777 == 0o600
    assert server_secret(ServiceSettings(home=tmp_path / "other")) != secret


def test_servers_that_start_together_agree(tmp_path: Path) -> None:
    for i in range(20):
        settings = ServiceSettings(home=tmp_path / str(i))
        with ThreadPoolExecutor(8) as pool:
            found = set(pool.map(lambda _, s=settings: server_secret(s), range(8)))
        assert len(found) == 1


def test_a_secret_that_can_be_guessed_is_refused_and_not_shown(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        server_secret(ServiceSettings(home=tmp_path, secret="hunter2"))
    assert "hunter2" not in str(caught.value)
    (tmp_path / "secret").touch()
    with pytest.raises(StorageError, match="too short"):
        server_secret(ServiceSettings(home=tmp_path))


def test_a_home_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot be made"):
        server_secret(ServiceSettings(home=tmp_path / "file"))
