"""The pages that anybody sees: the gallery, a video with where it comes from, two languages."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import update

from pleinair.access import programmes
from pleinair.access.actor import Role
from pleinair.api import letter, pages, public
from pleinair.api.tongues import FRENCH, TONGUES, tongue_of
from pleinair.review.gallery import NOTHING
from pleinair.service.programme_tables import Share
from pleinair.service.tables import Video
from pleinair.settings import ServiceSettings
from tests.access.conftest import House, Open
from tests.api.conftest import serve
from tests.review.films import film
from tests.review.test_api import shared

FR = {"accept-language": "fr"}


def test_an_empty_gallery_says_so(open_house: Open) -> None:
    web = open_house.client()
    page = web.get("/gallery")
    assert page.status_code == 200
    assert "Nothing is public yet." in page.text
    assert "Rien n’est encore public." in web.get("/gallery", headers=FR).text


def test_the_gallery_shows_what_is_public_the_newest_first(open_house: Open) -> None:
    use = open_house.live.services
    ids = [shared(open_house, f"Film <{number}>")[2] for number in range(2)]
    owner = open_house.house.member()
    waits = use.shares.ask(owner.id, film(use, owner), "Not yet")
    web = open_house.client()
    page = web.get("/gallery").text
    assert re.findall(r'<a href="/shared/(share_\w+)">', page) == ids[::-1]
    assert f'src="/shared/{ids[0]}/thumbnail.webp" alt="Still of Film &lt;0&gt;"' in page
    assert "by tester " in page
    assert waits.id not in page
    assert "Not yet" not in page
    assert 'rel="next"' not in page


@pytest.mark.parametrize("how", ["withdrawn", "deleted", "quarantined"])
def test_what_is_taken_back_is_gone_at_once(open_house: Open, how: str) -> None:
    use = open_house.live.services
    owner, video_id, share_id = shared(open_house)
    web = open_house.client()
    assert share_id in web.get("/gallery").text
    if how == "withdrawn":
        use.shares.withdraw(owner.id, video_id)
    else:
        with use.database.write() as session:
            field = Video.deleted_at if how == "deleted" else Video.quarantined_at
            session.execute(update(Video).where(Video.id == video_id).values({field: 1.0}))
    assert share_id not in web.get("/gallery").text


def test_the_gallery_has_pages(open_house: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(public, "A_PAGE", 2)
    ids = [shared(open_house)[2] for _ in range(5)]
    with open_house.live.services.database.write() as session:  # two at the same moment
        session.execute(update(Share).where(Share.id.in_(ids[1:3])).values(published_at=2.0))
        session.execute(update(Share).where(Share.id == ids[0]).values(published_at=1.0))
    web, seen = open_house.client(), []
    path = "/gallery?lang=fr"
    for _ in range(3):
        page = web.get(path).text
        seen += re.findall(r'<a href="/shared/(share_\w+)\?lang=fr">', page)
        path = "".join(re.findall(r'rel="next" href="([^"]+)"', page)).replace("&amp;", "&")
    assert path == ""
    assert sorted(seen) == sorted(ids)
    assert seen[:2] == ids[:2:-1]
    assert seen[-1] == ids[0]
    assert "Depuis le début" in page
    assert web.get("/gallery?after=x").status_code == 404
    assert "Nothing older is public." in web.get("/gallery?after=0.5_x").text


def test_a_video_says_where_it_comes_from(open_house: Open) -> None:
    _, _, share_id = shared(open_house, variations=2)
    web = open_house.client()
    page = web.get(f"/shared/{share_id}").text
    files = open_house.live.services.gallery.get(share_id).files
    digests = {item.sha256 for item in files if item.variant == "video"}
    assert digests
    for words in ("test-card", "by a person", "words", *digests):
        assert f">{words}<" in page
    assert page.count("<time datetime=") == 2
    assert f'href="/shared/{share_id}/embed"' in page
    for name in ("title", "type", "url", "image", "video", "video:type", "video:width"):
        assert f'property="og:{name}"' in page
    french = web.get(f"/shared/{share_id}", headers=FR).text
    assert "par une personne" in french


def test_a_player_is_offered_where_it_can_be_shown(house_settings: ServiceSettings) -> None:
    with serve(replace(house_settings, url="https://films.example")) as live:
        with live.services.database.write() as session:
            programme = programmes.add(session, name="Early access")
        opened = Open(live, House(live.services, programme))
        share_id = shared(opened)[2]
        page = opened.client().get(f"/shared/{share_id}").text
        opened.clients[0].close()
    player = f"https://films.example/shared/{share_id}/embed"
    assert f'name="twitter:player" content="{player}"' in page
    assert 'name="twitter:card" content="player"' in page


def test_a_title_stays_a_title_also_in_what_is_copied(open_house: Open) -> None:
    title = '"><script>alert(1)</script>'
    share_id = shared(open_house, title)[2]
    page = open_house.client().get(f"/shared/{share_id}").text
    assert "<script" not in page
    shown = page.partition("&lt;iframe")[2].partition("allowfullscreen")[0]
    assert "&amp;lt;script&amp;gt;" in shown  # so that what is copied is escaped in its turn


def test_every_page_is_whole_in_both_languages(open_house: Open) -> None:
    share_id = shared(open_house)[2]
    web = open_house.client()
    open_house.as_role(Role.ADMINISTRATOR)
    for path in ("/gallery", f"/shared/{share_id}", "/transparency", "/shared/none"):
        for code in TONGUES:
            page = web.get(path, headers={"accept-language": code})
            assert f'<html lang="{code}">' in page.text
            assert (page.headers["content-language"], page.headers["vary"]) == (
                code,
                "accept-language",
            )
            assert page.text.count("<h1>") == 1
            assert page.text.count('<main id="content">') == 1
            policy = page.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "form-action 'none'" in policy
    assert "Vidéos à partager" in web.get("/transparency?lang=fr").text


def test_whatever_the_pages_say_is_in_french_too() -> None:
    folder = Path(pages.__file__).parent
    texts = [path.read_text() for path in (folder / "templates").glob("*.html")]
    said = set(re.findall(r"""\bt\("([^"]+)\"""", "".join(texts)))
    said |= set(re.findall(r"""\bt\('([^']+)'""", "".join(texts)))
    said |= {letter.USED, letter.NONE, letter.SENT, letter.BUSY, letter.CLOSED, letter.NO_PAGE}
    said |= {*public.ORIGINS.values(), NOTHING}
    said |= set(re.findall(r'_said\(\s*reader,\s*"([^"]+)"', Path(letter.__file__).read_text()))
    assert len(said) > 60
    assert said <= FRENCH.keys()
    for english, french in FRENCH.items():
        assert set(re.findall(r"{\w+}", english)) == set(re.findall(r"{\w+}", french)), english


@pytest.mark.parametrize(
    ("chosen", "accepted", "code"),
    [
        (None, "", "en"),
        (None, "fr", "fr"),
        (None, "fr-CA, en;q=0.9", "fr"),
        (None, "en, fr", "en"),
        (None, "fr;q=0.5, en;q=0.8", "en"),
        (None, "de, *;q=0.1", "en"),
        (None, "fr;q=0", "en"),
        (None, "fr;q=x, ;;,", "en"),
        ("en", "fr", "en"),
        ("fr", "en", "fr"),
        ("xx", "fr", "fr"),
    ],
)
def test_a_reader_gets_the_language_that_they_want(
    chosen: str | None, accepted: str, code: str
) -> None:
    assert tongue_of(chosen, accepted).code == code
