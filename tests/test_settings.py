from dataclasses import replace
from pathlib import Path

import pytest

from pleinair.errors import InputError
from pleinair.settings import (
    DEFAULT_MODEL,
    SHIPPED_WEIGHTS,
    ServiceSettings,
    Settings,
    digest_of_key,
    variables,
)


def test_the_environment_is_read() -> None:
    environment = {
        "PLEINAIR_WEIGHTS": "/models",
        "PLEINAIR_DEVICE": "cuda:1",
        "PLEINAIR_THREADS": "3",
        "PLEINAIR_SPEED": "fast,compile=on",
        "HOME": "/",
    }
    assert Settings.read(environment) == Settings(Path("/models"), "cuda:1", 3, "fast,compile=on")


def test_a_bare_environment_gives_the_shipped_weights() -> None:
    assert Settings.read({}) == Settings(SHIPPED_WEIGHTS, "auto", None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PLEINAIR_DEVICE", "gpu"),
        ("PLEINAIR_THREADS", "0"),
        ("PLEINAIR_THREADS", "many"),
        ("PLEINAIR_SPEED", "quick"),
        ("PLEINAIR_SPEED", "fast,compile"),
        ("PLEINAIR_PARALLEL", "sequence"),
        ("PLEINAIR_PARALLEL", "sequence:1"),
        ("PLEINAIR_PARALLEL", "sequence:two"),
        ("PLEINAIR_PARALLEL", "guidance:4"),
        ("PLEINAIR_PARALLEL", "layers:2"),
        ("PLEINAIR_WIEGHTS", "/models"),
    ],
)
def test_a_bad_variable_is_refused(name: str, value: str) -> None:
    with pytest.raises(InputError):
        Settings.read({name: value})


def test_ranks_are_read_and_take_their_own_gpus() -> None:
    assert Settings.read({}).ranks == 1
    assert Settings.read({"PLEINAIR_PARALLEL": "sequence:4"}).ranks == 4
    with pytest.raises(InputError, match="parallel: got 'sequence:0'; allowed: off, guidance:2"):
        Settings(parallel="sequence:0")
    with pytest.raises(InputError, match="each rank takes its own GPU"):
        Settings(parallel="guidance:2", device="cuda:1")


def test_the_server_reads_its_own_variables() -> None:
    environment = {
        "PLEINAIR_HOME": "/srv/pleinair",
        "PLEINAIR_MODELS": "test-card, pleinair-1",
        "PLEINAIR_ALIASES": "sora-2=test-card,film=pleinair-1",
        "PLEINAIR_MAX_QUEUED": "50",
        "PLEINAIR_LEASE": "2.5",
        "PLEINAIR_RATE": "0",
        "PLEINAIR_WEBHOOK_ALLOW": "10.0.0.0/8,::1/128",
        "PLEINAIR_DEVICE": "cpu",
    }
    settings = ServiceSettings.read(environment)
    assert settings.home == Path("/srv/pleinair")
    assert settings.models == ("test-card", "pleinair-1")
    assert (settings.max_queued, settings.lease, settings.rate) == (50, 2.5, 0)
    assert settings.webhook_allow == ("10.0.0.0/8", "::1/128")
    assert settings.resolve("film") == "pleinair-1"
    assert settings.resolve("test-card") == "test-card"
    assert Settings.read(environment).device == "cpu"


def test_a_bare_environment_gives_a_server_for_one_machine() -> None:
    settings = ServiceSettings.read({})
    assert settings == ServiceSettings()
    assert settings.resolve("sora-2") == settings.models[0] == DEFAULT_MODEL
    assert not settings.keys


@pytest.mark.parametrize("name", ["PLEINAIR_MAXQUEUED", "PLEINAIR_KEY", "PLEINAIR_"])
def test_a_typo_is_refused_whoever_reads(name: str) -> None:
    for part in (Settings, ServiceSettings):
        with pytest.raises(InputError, match=f"{name}.*PLEINAIR_MAX_QUEUED"):
            part.read({name: "1"})


def test_every_field_has_a_variable_of_its_name() -> None:
    assert variables()["PLEINAIR_DEVICE"] == "device"
    assert variables()["PLEINAIR_KEEP_HOURS"] == "keep_hours"


def test_keys_are_kept_as_digests_and_never_shown() -> None:
    settings = ServiceSettings.read({"PLEINAIR_KEYS": "ana:sk-one, bo:sk-two"})
    assert settings.keys == {"ana": digest_of_key("sk-one"), "bo": digest_of_key("sk-two")}
    assert len(digest_of_key("sk-one")) == 64
    shown = repr(replace(settings, secret="sesame"))
    assert "sk-one" not in shown
    assert digest_of_key("sk-one") not in shown
    assert "sesame" not in shown
    with pytest.raises(InputError) as caught:
        ServiceSettings.read({"PLEINAIR_KEYS": "sk-very-secret"})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("database", "url"),
    [
        ("", "sqlite:////srv/pleinair.db"),
        ("sqlite:////tmp/a.db", "sqlite:////tmp/a.db"),
        ("postgres://u:p@db/x", "postgresql+psycopg://u:p@db/x"),
        ("postgresql://u:p@db/x", "postgresql+psycopg://u:p@db/x"),
        ("postgresql+psycopg://db/x", "postgresql+psycopg://db/x"),
    ],
)
def test_the_url_of_the_database(database: str, url: str) -> None:
    assert ServiceSettings(home=Path("/srv"), database=database).database_url == url


def test_videos_are_kept_at_home_or_where_it_says() -> None:
    assert ServiceSettings(home=Path("/srv")).storage_url == "/srv/media"
    assert ServiceSettings(storage="s3://bucket/videos").storage_url == "s3://bucket/videos"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAX_QUEUED", "0"),
        ("MAX_QUEUED", "-1"),
        ("MAX_QUEUED_EACH", "1.5"),
        ("RATE", "many"),
        ("KEEP_HOURS", "0"),
        ("LEASE", "0"),
        ("STALL", "nan"),
        ("GRACE", "-1"),
        ("MEMORY_GB", "1e9"),
        ("MODELS", " , "),
        ("ALIASES", "sora-2"),
        ("ALIASES", "=pleinair-1"),
        ("WEBHOOK_ALLOW", "localhost"),
        ("WEBHOOK_ALLOW", "10.0.0.1/8"),
    ],
)
def test_a_bad_variable_of_the_server_is_refused(name: str, value: str) -> None:
    with pytest.raises(InputError, match=f"(?i){name}"):
        ServiceSettings.read({f"PLEINAIR_{name}": value})
