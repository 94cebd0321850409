"""What anybody may see: shared videos, and the programme in numbers."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel

from pleinair.api.content import serve, told_of
from pleinair.api.pages import Reader, Reading, page
from pleinair.api.services import Services, Use, base_of
from pleinair.api.shapes import REFUSALS
from pleinair.errors import InputError, NotFoundError
from pleinair.review.gallery import NOTHING, Shown
from pleinair.review.states import POLICY
from pleinair.review.transparency import Figures
from pleinair.service.artifacts import FILES
from pleinair.service.books import MICRO
from pleinair.service.programme_tables import Publication, Share

router = APIRouter(tags=["public"], responses=REFUSALS)
VARIANTS = {name: variant for variant, (name, _) in FILES.items()}
CONTENT = told_of("video/mp4", "image/webp", "image/jpeg")
FEED = "application/feed+json"
HTML: dict[str, Any] = {"content": {"text/html": {}}}
PAGE: dict[str, Any] = {"response_class": Response, "responses": {200: HTML, 404: HTML}}
A_PAGE = 24
ORIGINS = {
    "create": "words",
    "remix": "another video, made anew",
    "edit": "another video, changed",
    "extend": "another video, continued",
    "connect": "two other videos, connected",
    "retake": "another video, made anew in part",
}
Index = Annotated[int, Query(ge=0, le=15, description="Which of the variations.")]


class AuditHead(BaseModel):
    """The newest record of the audit."""

    number: int
    digest: str


class TransparencyObject(BaseModel):
    """The programme in numbers; `pleinair.review.transparency` says what each is."""

    object: Literal["transparency"] = "transparency"
    at: int
    asked: int
    waiting: int
    decided: dict[str, int]
    approved_by_policy: int
    refused_by_reason: dict[str, int]
    median_hours_to_decision: float | None
    public: int
    withdrawn_by: dict[str, int]
    appeals: dict[str, int]
    suspensions_by_cause: dict[str, int]
    earned_micro: dict[str, int]
    incidents: dict[str, int]
    switches_off: dict[str, int]
    audit: AuditHead | None


@router.get(
    "/shared/feed.json",
    response_class=Response,
    responses={200: {"content": {FEED: {}}}},
)
def feed(
    request: Request,
    use: Use,
    after: str | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> JSONResponse:
    """What became public last, as a JSON Feed 1.1; `next_url` leads to what is older."""
    base = base_of(use, request)
    found = use.gallery.feed(after, limit)
    told: dict[str, Any] = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "Pleinair",
        "description": "Videos that their makers share; each was approved before.",
        "feed_url": f"{base}/shared/feed.json",
        "items": [_item(base, shown) for shown in found.items],
    }
    if found.following:
        told["next_url"] = f"{base}/shared/feed.json?limit={limit}&after={found.following}"
    return JSONResponse(told, headers={"cache-control": "no-cache"}, media_type=FEED)


@router.get("/gallery", **PAGE)
def gallery(request: Request, use: Use, reader: Reading, after: str | None = None) -> HTMLResponse:
    """A page with what is public, the newest first; `after` is where its link More leads."""
    base = base_of(use, request)
    try:
        found = use.gallery.feed(after, A_PAGE)
    except InputError:  # a place that no page gave
        return nothing(reader, "There is no such page.")
    items = [
        {
            "path": f"/shared/{shown.share.id}",
            "url": f"{base}/shared/{shown.share.id}",
            "title": _title(shown, reader),
            "maker": shown.maker,
            **_sides(shown),
        }
        for shown in found.items
    ]
    values = {
        "items": items,
        "url": f"{base}/gallery",
        "paged": after is not None,
        "more": f"/gallery?after={found.following}" if found.following else None,
    }
    return page("gallery.html", values, reader)


@router.get("/shared/{share_id}", **PAGE)
def watch(share_id: str, request: Request, use: Use, reader: Reading) -> HTMLResponse:
    """A page with a shared video, and where it comes from."""
    return _shown(share_id, request, use, reader, "shared.html")


@router.get("/shared/{share_id}/embed", **PAGE)
def embed(share_id: str, request: Request, use: Use, reader: Reading) -> HTMLResponse:
    """The video alone, for pages of others to show inside theirs."""
    return _shown(share_id, request, use, reader, "embed.html", framed=True)


@router.head("/shared/{share_id}/{file}", **CONTENT)
@router.get("/shared/{share_id}/{file}", **CONTENT)
def file(share_id: str, file: str, request: Request, use: Use, index: Index = 0) -> Response:
    """A file of a shared video: video.mp4, thumbnail.webp or spritesheet.jpg."""
    found = use.gallery.file(share_id, VARIANTS.get(file, ""), index)
    try:
        response = serve_public(use, found, request)
    except NotFoundError as error:  # withdrawn between the two questions
        raise NotFoundError(NOTHING) from error
    # Asked again each time, so that a withdrawal is effective at once.
    response.headers["cache-control"] = "no-cache"
    return response


@router.get("/transparency", **PAGE)
def transparency_page(use: Use, reader: Reading) -> HTMLResponse:
    """What the programme decides, in numbers, for people."""
    figures = use.transparency.figures()
    sections = [
        {
            "title": reader.tongue(title),
            "rows": [(reader.tongue.known(name), number) for name, number in rows.items()],
            "otherwise": reader.tongue.known(otherwise),
        }
        for title, rows, otherwise in _sections(figures, reader)
    ]
    date = reader.tongue.date(figures.at)
    values = {"date": date, "sections": sections, "head": figures.head}
    return page("transparency.html", values, reader)


@router.get("/transparency.json")
def transparency(use: Use) -> TransparencyObject:
    """What the programme decides, in numbers, for programs."""
    found = use.transparency.figures()
    head = AuditHead(number=found.head.number, digest=found.head.digest) if found.head else None
    return TransparencyObject(
        at=int(found.at),
        asked=found.asked,
        waiting=found.waiting,
        decided=found.decided,
        approved_by_policy=found.by_policy,
        refused_by_reason=found.refused,
        median_hours_to_decision=found.hours,
        public=found.public,
        withdrawn_by=found.withdrawn,
        appeals=found.appeals,
        suspensions_by_cause=found.suspensions,
        earned_micro=found.earned,
        incidents=found.incidents,
        switches_off=found.switches,
        audit=head,
    )


def serve_public(use: Services, found: Publication, request: Request) -> Response:
    """A public copy, or the range of it that is asked for."""
    return serve(
        use.storage,
        found.key,
        found.size,
        found.content_type,
        f"{found.share_id}.{found.key.rpartition('.')[2]}",
        request.headers,
        tag=f'"{found.sha256}"',
        head=request.method == "HEAD",
    )


def nothing(reader: Reader, words: str = NOTHING) -> HTMLResponse:
    """The page where there is none."""
    return page("nothing.html", {"words": words}, reader, status=404)


def _shown(
    share_id: str,
    request: Request,
    use: Services,
    reader: Reader,
    template: str,
    *,
    framed: bool = False,
) -> HTMLResponse:
    try:
        shown = use.gallery.get(share_id)
    except NotFoundError:
        return nothing(reader)
    url = f"{base_of(use, request)}/shared/{share_id}"
    model = shown.video.backend
    values: dict[str, object] = {
        "id": share_id,
        "title": _title(shown, reader),
        "about": reader.tongue(
            "by {maker}, made with the model {model}", maker=shown.maker, model=model
        ),
        "maker": shown.maker,
        "model": model,
        "origin": ORIGINS[shown.video.kind],
        "signed": (shown.video.made or {}).get("signed", False),
        "approved": _approved(shown.share),
        "made": _day(shown.video.completed_at, reader),
        "public": _day(shown.share.published_at, reader),
        "url": url,
        "secure": url.startswith("https://"),
        "films": [item for item in shown.files if item.variant == "video"],
        **_sides(shown),
    }
    return page(template, values, reader, framed=framed)


def _approved(share: Share) -> str:
    return "by the rules of its programme" if share.decided_by == POLICY else "by a person"


def _sides(shown: Shown) -> dict[str, str]:
    width, height = shown.video.size.split("x")
    return {"width": width, "height": height}


def _day(time: float | None, reader: Reader) -> dict[str, str]:
    """A day for people, and for programs."""
    time = time or 0.0
    return {
        "words": reader.tongue.date(time),
        "iso": datetime.fromtimestamp(time, UTC).date().isoformat(),
    }


def _item(base: str, shown: Shown) -> dict[str, Any]:
    address = f"{base}/shared/{shown.share.id}"
    published = datetime.fromtimestamp(shown.share.published_at or 0.0, UTC)
    films = [item for item in shown.files if item.variant == "video"]
    return {
        "id": shown.share.id,
        "url": address,
        "title": _title(shown),
        "content_text": f"{_title(shown)}, by {shown.maker}",
        "image": f"{address}/thumbnail.webp",
        "date_published": published.isoformat(timespec="seconds"),
        "authors": [{"name": shown.maker}],
        "attachments": [
            {
                "url": f"{address}/video.mp4?index={item.number}",
                "mime_type": item.content_type,
                "size_in_bytes": item.size,
            }
            for item in films
        ],
    }


def _sections(found: Figures, reader: Reader) -> list[tuple[str, Mapping[str, object], str]]:
    """Titles, rows, and what is said where there are none."""
    hours = reader.tongue("none yet") if found.hours is None else f"{found.hours:g}"
    sharing = {
        "asked": found.asked,
        "waiting for the team": found.waiting,
        "approved by a person": found.decided["approved"],
        "approved by policy": found.by_policy,
        "refused": found.decided["refused"],
        "changes asked": found.decided["changes_asked"],
        "public now": found.public,
        "withdrawn by their owners": found.withdrawn["owner"],
        "withdrawn by the team": found.withdrawn["team"],
        "median hours to a decision": hours,
    }
    earned = {currency: f"{amount / MICRO:,.2f}" for currency, amount in found.earned.items()}
    return [
        ("Videos to be shared", sharing, ""),
        ("Refused, by reason", found.refused, "Nothing was refused."),
        ("Appeals", found.appeals, ""),
        ("Suspended members, by cause", found.suspensions, "Nobody was suspended."),
        ("Earned by members", earned, "Nothing was earned yet."),
        ("Keys in other hands", found.incidents, "None was found."),
        ("Access switched off", found.switches, "It never was."),
    ]


def _title(shown: Shown, reader: Reader | None = None) -> str:
    return shown.share.title or (reader or Reader()).tongue("Untitled")
