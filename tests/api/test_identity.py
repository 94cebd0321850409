"""Who is calling."""

import pytest

from pleinair.access.actor import LOCAL
from pleinair.access.admission import user_of
from pleinair.errors import AccessError
from pleinair.settings import digest_of_key

KEYS = {"ann": digest_of_key("sk-of-ann-000001"), "bob": digest_of_key("sk-of-bob-000002")}


def test_a_server_without_keys_has_one_user() -> None:
    assert user_of({}, None).id == user_of({}, "Bearer anything").id == LOCAL


@pytest.mark.parametrize("header", ["Bearer sk-of-bob-000002", "bearer  sk-of-bob-000002 "])
def test_a_key_tells_its_user(header: str) -> None:
    assert user_of(KEYS, header).id == "bob"


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic sk-of-bob-000002"])
def test_without_a_key_it_says_how_to_send_one(header: str | None) -> None:
    with pytest.raises(AccessError, match="Authorization: Bearer YOUR_KEY"):
        user_of(KEYS, header)


def test_an_unknown_key_is_never_told_whole() -> None:
    with pytest.raises(AccessError, match=r"Incorrect API key provided: sk-…99\.") as caught:
        user_of(KEYS, "Bearer sk-wrong-secret-99")
    assert "wrong" not in str(caught.value)


def test_a_short_unknown_key_is_not_told_at_all() -> None:
    with pytest.raises(AccessError, match=r"provided: …\."):
        user_of(KEYS, "Bearer secret")


def test_the_digest_of_a_key_is_no_key() -> None:
    with pytest.raises(AccessError):
        user_of(KEYS, f"Bearer {KEYS['ann']}")
