"""Models over HTTP, through the official SDK."""

from pathlib import Path

import httpx
import openai
import pytest
from openai import OpenAI

from pleinair.settings import ServiceSettings
from tests.api.conftest import Live


@pytest.fixture
def server_settings(tmp_path: Path) -> ServiceSettings:
    """Two models, one of them under another name too, and a name that leads nowhere."""
    aliases = {"sora-2": "test-card", "dead": "no-such-model"}
    models = ("test-card", "pleinair-1", "no-such-model")
    return ServiceSettings(home=tmp_path, models=models, aliases=aliases)


def test_models_and_their_other_names_are_told(client: OpenAI) -> None:
    models = client.models.list().data
    assert [model.id for model in models] == ["test-card", "pleinair-1", "sora-2"]
    assert {(model.object, model.owned_by) for model in models} == {("model", "pleinair")}


def test_one_model_tells_what_it_can_do(http: httpx.Client) -> None:
    told = http.get("/models/sora-2").json()
    assert told["alias_of"] == "test-card"
    assert told["longest_seconds"] == 60
    assert {"frame", "extend", "negative_prompt"} <= set(told["abilities"])
    assert "4096" in told["sizes"]
    assert http.get("/models/test-card").json()["alias_of"] is None


@pytest.mark.parametrize("name", ["gpt-6", "no-such-model", "dead"])
def test_a_model_that_is_not_offered_is_not_found(client: OpenAI, name: str) -> None:
    with pytest.raises(openai.NotFoundError, match=r"test-card, pleinair-1, sora-2\."):
        client.models.retrieve(name)


def test_what_is_listed_can_be_asked_for_and_nothing_else(
    live_server: Live, http: httpx.Client
) -> None:
    for name in ("test-card", "sora-2", "no-such-model", "dead"):
        listed = http.get(f"/models/{name}").is_success
        body = {"model": name, "prompt": "a lake", "size": "64x48", "seconds": "1"}
        assert http.post("/videos", json=body).is_success is listed
