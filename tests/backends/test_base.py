import pytest

from pleinair.backends.base import check_model, open_backend
from pleinair.errors import ModelError
from pleinair.request import VideoRequest
from pleinair.settings import Settings


def test_an_unknown_model_is_told_with_those_there_are() -> None:
    with pytest.raises(ModelError, match=r"'sora-9'; there are: pleinair-1"):
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
