from dataclasses import replace

import pytest

from pleinair.backends.base import MODELS, Entry, check_model, memory_full, open_backend
from pleinair.errors import InputError, ModelError
from pleinair.request import Given, VideoRequest
from pleinair.settings import Settings


def test_an_unknown_model_is_told_with_those_there_are() -> None:
    with pytest.raises(ModelError, match=r"'sora-9'; there are: pleinair-2"):
        check_model("sora-9")


def test_a_model_is_opened_once(card: list[Settings]) -> None:
    first = open_backend("pleinair-1", Settings())
    assert open_backend("pleinair-1", Settings()) is first
    assert len(card) == 1


@pytest.mark.usefixtures("card")
def test_metadata_are_plain_values(request_of_card: VideoRequest) -> None:
    made = open_backend("pleinair-1", Settings()).generate(request_of_card)
    record = made.metadata.as_dict()
    assert record["request"]["prompt"] == "a lake at dusk"
    assert record["digest"] == request_of_card.digest
    assert record["notes"] == ()


def test_a_model_refuses_what_it_cannot_do(request_of_card: VideoRequest) -> None:
    plain = Entry("a card", "", MODELS["test-card"].open, longest=1)
    plain.check(request_of_card)
    refused = {
        "seconds": replace(request_of_card, seconds=2),
        "negative_prompt": replace(request_of_card, negative_prompt="snow"),
        "given": replace(request_of_card, given=(Given("frame", "a" * 64),)),
        "loop": replace(request_of_card, loop=True),
    }
    for field, request in refused.items():
        with pytest.raises(InputError, match=field):
            plain.check(request)
    with pytest.raises(InputError, match="complete: got True; allowed: false with this model"):
        plain.check(replace(request_of_card, complete=True))
    able = replace(plain, abilities=frozenset({"edit"}))
    with pytest.raises(InputError, match="got 'frame'; allowed: edit"):
        able.check(refused["given"])
    for name in ("pleinair-1", "test-card"):
        for request in refused.values():
            MODELS[name].check(request)


def test_a_full_memory_is_told_in_one_line_with_what_was_asked(
    request_of_card: VideoRequest,
) -> None:
    error = memory_full(request_of_card, "no room:\n" + "x" * 1000)
    assert "96x64, 12 frames" in str(error)
    assert "no room: xxx" in str(error)
    assert len(str(error)) < 300
