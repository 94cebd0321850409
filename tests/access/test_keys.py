"""API keys: their form, what they are good for, and how they end."""

import zlib

import pytest
from sqlalchemy import update

from pleinair.access.actor import AT_THE_MACHINE, DEFAULT_SCOPES, SCOPES, Actor, Role
from pleinair.access.keys import MOST_KEYS, PREFIX, is_key, mint
from pleinair.errors import (
    AccessError,
    ConflictError,
    ForbiddenError,
    InputError,
    NotFoundError,
    StoppedKeyError,
)
from pleinair.service import audit
from pleinair.service.programme_tables import Key
from pleinair.settings import digest_of_key
from tests.access.conftest import House, Open


def by(house: House, secret: str) -> Actor:
    """Who is let in with a key."""
    return house.use.admission.actor(f"Bearer {secret}")


def expire(house: House, key_id: str) -> None:
    with house.use.database.write() as session:
        session.execute(update(Key).where(Key.id == key_id).values(expires_at=1.0))


def test_a_key_is_a_prefix_thirty_random_characters_and_a_checksum() -> None:
    keys = {mint() for _ in range(1000)}
    assert len(keys) == 1000
    for key in keys:
        assert key.startswith(PREFIX)
        assert key.isascii()
        assert len(key) == len(PREFIX) + 36
        assert is_key(key)


def test_the_checksum_is_what_scanners_expect() -> None:
    """CRC-32 of what stands before it, in base 62 of digits, capitals, small letters."""
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    key = mint()
    number = zlib.crc32(key[:-6].encode())
    assert key[-6:] == "".join(digits[number // 62**place % 62] for place in range(5, -1, -1))


@pytest.mark.parametrize(
    "text",
    ["", "pa_", "sk-abc", "pa_short", "PA_" + "a" * 36, "pa_" + "é" * 36, "pa_" + "a" * 36 + "\n"],
)
def test_what_is_no_key_is_known_without_asking(text: str) -> None:
    assert not is_key(text)


def test_a_key_is_told_once_and_only_its_digest_is_kept(house: House) -> None:
    ann = house.member()
    key, secret = house.use.keys.create(ann, " laptop ")
    assert key.digest == digest_of_key(secret)
    assert (key.hint, key.state) == (secret[-4:], "active")
    assert key.scopes == list(DEFAULT_SCOPES)
    assert all(secret not in repr(vars(found)) for found in house.use.keys.list(ann.id))
    actor = by(house, secret)
    assert (actor.id, actor.via, actor.key_id) == (ann.id, "key", key.id)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("name", {"name": " "}),
        ("name", {"name": "x" * 81}),
        ("scopes", {"scopes": ["everything"]}),
        ("scopes", {"scopes": []}),
        ("days", {"days": 0}),
        ("days", {"days": 3651}),
    ],
)
def test_what_is_not_allowed_is_named(house: House, field: str, values: dict[str, object]) -> None:
    asked: dict[str, object] = {"name": "k", **values}
    with pytest.raises(InputError, match=f"^{field}: "):
        house.use.keys.create(house.member(), **asked)  # type: ignore[arg-type]


def test_a_key_makes_no_key_that_may_more(house: House) -> None:
    narrow = by(house, house.key(house.member(), scopes=("account", "videos.read"))[1])
    with pytest.raises(ForbiddenError, match=r"videos\.write"):
        house.use.keys.create(narrow, "wider", ["videos.read", "videos.write"])
    _, secret = house.use.keys.create(narrow, "as wide", ["videos.read"])
    assert by(house, secret).scopes == frozenset({"videos.read"})
    wide = house.key(Actor(narrow.id, Role.TESTER))[0]
    with pytest.raises(ForbiddenError, match="lacks the scope"):
        house.use.keys.rotate(narrow, wide)


def test_scopes_beside_the_role_decide(open_house: Open) -> None:
    actor = open_house.house.member(Role.ADMINISTRATOR)
    looks = open_house.client(open_house.house.key(actor, scopes=("videos.read",))[1])
    assert looks.get("/v1/videos").status_code == 200
    for method, path, scope in (
        ("POST", "/v1/videos", "videos.write"),
        ("GET", "/v1/files", "files"),
        ("GET", "/access/v1/keys", "account"),
        ("GET", "/admin/v1/members", "admin"),
        ("GET", "/admin/v1/reviews", "review"),
    ):
        answer = looks.request(method, path)
        assert answer.status_code == 403
        assert answer.json()["error"]["message"] == f"This key lacks the scope {scope!r}."
    assert set(SCOPES) >= {"videos.read", "admin", "review", "account"}


def test_an_expired_key_says_so(house: House) -> None:
    key, secret = house.use.keys.create(house.member(), "k", days=1)
    assert key.expires_at is not None
    assert by(house, secret).key_id == key.id
    expire(house, key.id)
    with pytest.raises(StoppedKeyError, match=rf"…{key.hint}\) has expired\.$"):
        by(house, secret)


def test_two_keys_work_while_one_replaces_the_other(house: House) -> None:
    ann = house.member()
    old, first = house.use.keys.create(ann, "k", ["videos.read"], days=10)
    new, second = house.use.keys.rotate(ann, old.id, overlap=2)
    assert by(house, first).id == by(house, second).id == ann.id
    assert (new.name, new.scopes) == (old.name, ["videos.read"])
    listed = {key.id: key for key in house.use.keys.list(ann.id)}
    assert listed[old.id].replaced_by == new.id
    assert listed[old.id].expires_at == pytest.approx(new.created_at + 2 * 3600, abs=5)
    assert new.expires_at == pytest.approx(new.created_at + 10 * 86_400, abs=5)
    with pytest.raises(ConflictError, match="was replaced already"):
        house.use.keys.rotate(ann, old.id)
    expire(house, old.id)
    with pytest.raises(StoppedKeyError, match="use the one that replaced it"):
        by(house, first)
    assert by(house, second).key_id == new.id


def test_an_overlap_never_makes_a_key_live_longer(house: House) -> None:
    ann = house.member()
    old, _ = house.use.keys.create(ann, "k", days=0.1)
    house.use.keys.rotate(ann, old.id, overlap=168)
    (kept,) = [key for key in house.use.keys.list(ann.id) if key.id == old.id]
    assert kept.expires_at == old.expires_at


@pytest.mark.parametrize("overlap", [-1, 169])
def test_an_overlap_has_its_limits(house: House, overlap: float) -> None:
    ann = house.member()
    with pytest.raises(InputError, match="0 to 168"):
        house.use.keys.rotate(ann, house.key(ann)[0], overlap)


def test_without_an_overlap_the_old_one_ends_at_once(house: House) -> None:
    ann = house.member()
    key_id, secret = house.key(ann)
    house.use.keys.rotate(ann, key_id, overlap=0)
    with pytest.raises(StoppedKeyError):
        by(house, secret)


def test_a_revoked_key_stays_revoked(house: House) -> None:
    ann = house.member()
    key_id, secret = house.key(ann)
    assert house.use.keys.revoke(ann.id, key_id).state == "revoked"
    with pytest.raises(StoppedKeyError, match="was revoked: revoked by its owner"):
        by(house, secret)
    house.use.keys.stop(AT_THE_MACHINE, key_id, "it was found in public")
    with pytest.raises(StoppedKeyError, match="revoked by its owner"):
        by(house, secret)
    with pytest.raises(ConflictError):
        house.use.keys.rotate(ann, key_id)


def test_one_s_keys_are_one_s_own(house: House) -> None:
    ann, bob = house.member(), house.member()
    key_id, secret = house.key(ann)
    with pytest.raises(NotFoundError):
        house.use.keys.revoke(bob.id, key_id)
    with pytest.raises(NotFoundError):
        house.use.keys.rotate(bob, key_id)
    assert house.use.keys.list(bob.id) == []
    assert by(house, secret).id == ann.id


def test_an_administrator_stops_anybody_s_key_with_the_reason(house: House) -> None:
    boss, ann = house.member(Role.ADMINISTRATOR), house.member()
    key_id, secret = house.key(ann)
    house.use.keys.stop(boss, key_id, "it was found in public")
    with pytest.raises(StoppedKeyError, match="was stopped: it was found in public"):
        by(house, secret)
    record = audit.read(house.use.database)[0]
    assert (record.actor, record.act, record.subject) == (boss.id, "keys.stop", key_id)


def test_a_member_has_so_many_keys_and_rotating_needs_no_more(house: House) -> None:
    ann = house.member()
    made = [house.key(ann)[0] for _ in range(MOST_KEYS)]
    with pytest.raises(ConflictError, match=f"{MOST_KEYS} keys already"):
        house.use.keys.create(ann, "one more")
    house.use.keys.rotate(ann, made[0])
    house.use.keys.revoke(ann.id, made[0])
    house.use.keys.revoke(ann.id, made[1])
    house.use.keys.create(ann, "one more")


def test_keys_that_have_expired_leave_room_for_others(house: House) -> None:
    ann = house.member()
    made = [house.key(ann)[0] for _ in range(MOST_KEYS)]
    with house.use.database.write() as session:
        session.execute(update(Key).where(Key.id == made[0]).values(expires_at=1.0))
    house.use.keys.create(ann, "one more")


def test_a_decoy_lets_nobody_in_and_looks_like_any_key(house: House) -> None:
    house.member()
    key, secret = house.use.keys.issue(AT_THE_MACHINE, None, "in a drawer")
    assert key.decoy
    assert is_key(secret)
    assert by(house, secret).via == "decoy"


def test_with_members_only_their_keys_open(house: House) -> None:
    house.member()
    for wrong in (mint(), "sk-of-ann-000001", "", "pa_"):
        with pytest.raises(AccessError):
            by(house, wrong or "x")
    assert house.use.admission.actor(None).via == "nobody"
    assert house.use.admission.actor("Basic eDp5").via == "nobody"


def test_a_limited_key_does_not_make_one_that_is_not(house: House) -> None:
    actor = house.member()
    key_id, secret = house.key(actor)
    with house.use.database.write() as session:
        limited = update(Key).where(Key.id == key_id)
        session.execute(limited.values(state="limited", share=0.2, reason="new hands"))
    thief = by(house, secret)
    made, _ = house.use.keys.create(thief, "another")
    rotated, _ = house.use.keys.rotate(thief, key_id)
    assert [(key.state, key.share) for key in (made, rotated)] == [("limited", 0.2)] * 2
    owner, _ = house.use.keys.create(actor, "by the owner, signed in")
    assert (owner.state, owner.share) == ("active", 1.0)
