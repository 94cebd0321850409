"""The Videos API: ask for videos, look at them, get their files."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse

from pleinair.api.body import body_of, documented
from pleinair.api.content import serve_artifact, told_of
from pleinair.api.events import stream
from pleinair.api.identity import Caller
from pleinair.api.inputs import (
    clip_of,
    draft_of_connection,
    draft_of_create,
    draft_of_edit,
    draft_of_extension,
    draft_of_remix,
    draft_of_retake,
    fingerprint,
    rewritten,
)
from pleinair.api.services import Services, Use, base_of
from pleinair.api.shapes import (
    REFUSALS,
    CharacterObject,
    ConnectVideos,
    CreateCharacter,
    CreateVideo,
    EditVideo,
    ExtendVideo,
    FolderList,
    FolderObject,
    MarkVideo,
    RemixVideo,
    RetakeVideo,
    Status,
    VideoDeleted,
    VideoLink,
    VideoList,
    VideoObject,
    video_object,
)
from pleinair.errors import NotFoundError, WithheldError
from pleinair.service.artifacts import FILES
from pleinair.service.library import MOST_FOLDER, Wanted
from pleinair.service.tables import ACTIVE, Artifact, Video
from pleinair.service.videos import Call, Draft, Receipt

router = APIRouter(prefix="/v1", tags=["videos"], responses=REFUSALS)
Variant = Literal["video", "thumbnail", "spritesheet"]
Index = Annotated[int, Query(ge=0, le=15, description="Extra: which of the variations.")]
LINK_SECONDS = 3600.0
POLL_MS = (500, 5_000)
CONTENT = told_of("video/mp4", "image/webp", "image/jpeg")


def call_headers(
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=255)] = None,
    x_stainless_retry_count: Annotated[int, Header(ge=0)] = 0,
) -> Call:
    """What the headers of a create tell of its being a repetition."""
    return Call(key=idempotency_key, retry=x_stainless_retry_count)


Calling = Annotated[Call, Depends(call_headers)]


@router.post("/videos", openapi_extra=documented(CreateVideo))
def create(
    body: Annotated[CreateVideo, Depends(body_of(CreateVideo))],
    owner: Caller,
    use: Use,
    call: Calling,
    response: Response,
) -> VideoObject:
    """Queue a video from a description; it is done when its status is `completed`."""
    call = replace(call, fingerprint=fingerprint("create", body))

    def draft() -> Draft:
        made = draft_of_create(use, owner, body)
        return rewritten(use, owner, made) if body.rewrite else made

    return _queue(use, owner, call, draft, response)


@router.post("/videos/edits", openapi_extra=documented(EditVideo))
def edit(
    body: Annotated[EditVideo, Depends(body_of(EditVideo))],
    owner: Caller,
    use: Use,
    call: Calling,
    response: Response,
) -> VideoObject:
    """Queue a video like another one, changed as the prompt says."""
    call = replace(call, fingerprint=fingerprint("edit", body))
    return _queue(use, owner, call, lambda: draft_of_edit(use, owner, body), response)


@router.post("/videos/extensions", openapi_extra=documented(ExtendVideo))
def extend(
    body: Annotated[ExtendVideo, Depends(body_of(ExtendVideo))],
    owner: Caller,
    use: Use,
    call: Calling,
    response: Response,
) -> VideoObject:
    """Queue a video that is another one and what comes after it, in one file."""
    call = replace(call, fingerprint=fingerprint("extend", body))
    return _queue(use, owner, call, lambda: draft_of_extension(use, owner, body), response)


@router.post("/videos/connections", openapi_extra=documented(ConnectVideos))
def connect(
    body: Annotated[ConnectVideos, Depends(body_of(ConnectVideos))],
    owner: Caller,
    use: Use,
    call: Calling,
    response: Response,
) -> VideoObject:
    """Extra: queue a video that is two others and what leads from one to the other."""
    call = replace(call, fingerprint=fingerprint("connect", body))
    return _queue(use, owner, call, lambda: draft_of_connection(use, owner, body), response)


@router.post("/videos/retakes", openapi_extra=documented(RetakeVideo))
def retake(
    body: Annotated[RetakeVideo, Depends(body_of(RetakeVideo))],
    owner: Caller,
    use: Use,
    call: Calling,
    response: Response,
) -> VideoObject:
    """Extra: queue a video that is another one but for a part, which is made anew."""
    call = replace(call, fingerprint=fingerprint("retake", body))
    return _queue(use, owner, call, lambda: draft_of_retake(use, owner, body), response)


@router.post("/videos/{video_id}/remix", openapi_extra=documented(RemixVideo))
def remix(
    video_id: str,
    body: Annotated[RemixVideo, Depends(body_of(RemixVideo))],
    owner: Caller,
    use: Use,
    call: Calling,
    response: Response,
) -> VideoObject:
    """Queue a finished video made anew with another prompt."""
    call = replace(call, fingerprint=fingerprint(f"remix {video_id}", body))
    return _queue(use, owner, call, lambda: draft_of_remix(use, owner, video_id, body), response)


@router.post("/videos/characters", openapi_extra=documented(CreateCharacter))
def create_character(
    body: Annotated[CreateCharacter, Depends(body_of(CreateCharacter))], owner: Caller, use: Use
) -> CharacterObject:
    """Keep a name and a clip, to be named in prompts."""
    clip, _ = clip_of(use, owner, body.video)
    made = use.characters.create(owner, body.name, clip)
    return CharacterObject(id=made.id, name=made.name, created_at=int(made.created_at))


@router.get("/videos/characters/{character_id}")
def get_character(character_id: str, owner: Caller, use: Use) -> CharacterObject:
    """One character."""
    found = use.characters.get(owner, character_id)
    return CharacterObject(id=found.id, name=found.name, created_at=int(found.created_at))


@router.get("/videos")
def list_videos(
    owner: Caller,
    use: Use,
    after: str | None = None,
    limit: Annotated[int, Query(ge=0, le=100)] = 20,
    order: Literal["asc", "desc"] = "desc",
    favourite: Annotated[bool | None, Query(description="Extra: favourites, or others.")] = None,
    folder: Annotated[
        str | None, Query(max_length=MOST_FOLDER, description="Extra: in it; empty: in none.")
    ] = None,
    search: Annotated[
        str | None, Query(max_length=400, description="Extra: words that are in the prompt.")
    ] = None,
    status: Annotated[Status | None, Query(description="Extra: of the video.")] = None,
) -> VideoList:
    """Videos by age, newest first unless told otherwise."""
    wanted = Wanted(favourite, folder, search, status)
    found = use.videos.list(owner, after, limit, order, *wanted.conditions())
    return VideoList(
        data=[video_object(video, use.standings.of(video)) for video in found.items],
        first_id=found.first_id,
        last_id=found.last_id,
        has_more=found.has_more,
    )


@router.get("/videos/{video_id}")
def retrieve(video_id: str, owner: Caller, use: Use, response: Response) -> VideoObject:
    """One video; a failed one is told of with its reason."""
    return _told(use, use.videos.get(owner, video_id), response)


@router.delete("/videos/{video_id}")
def delete(video_id: str, owner: Caller, use: Use) -> VideoDeleted:
    """Forget a video and its files; one that is not finished is cancelled."""
    use.videos.delete(owner, video_id)
    return VideoDeleted(id=video_id)


@router.post("/videos/{video_id}/restore")
def restore(video_id: str, owner: Caller, use: Use, response: Response) -> VideoObject:
    """Extra: bring back a video that was deleted within the last ten minutes; it is not shared."""
    return _told(use, use.library.restore(owner, video_id), response)


@router.post("/videos/{video_id}/mark", openapi_extra=documented(MarkVideo, files=False))
def mark(
    video_id: str,
    body: Annotated[MarkVideo, Depends(body_of(MarkVideo, nulls=True))],
    owner: Caller,
    use: Use,
    response: Response,
) -> VideoObject:
    """Extra: make it a favourite, or put it into a folder; what is left out stays."""
    said = body.model_dump(exclude_unset=True)
    if said.get("favourite", False) is None:
        del said["favourite"]
    return _told(use, use.library.mark(owner, video_id, **said), response)


@router.get("/folders")
def list_folders(owner: Caller, use: Use) -> FolderList:
    """Extra: the folders that videos are in, by name."""
    found = use.library.folders(owner)
    return FolderList(data=[FolderObject(name=one.name, videos=one.videos) for one in found])


@router.post("/videos/{video_id}/cancel")
def cancel(video_id: str, owner: Caller, use: Use, response: Response) -> VideoObject:
    """Extra: end a video that waits or is being made, within one step of its model."""
    return _told(use, use.videos.cancel(owner, video_id), response)


@router.head("/videos/{video_id}/content", **CONTENT)
@router.get("/videos/{video_id}/content", **CONTENT)
def content(
    request: Request,
    video_id: str,
    owner: Caller,
    use: Use,
    variant: Variant = "video",
    index: Index = 0,
) -> Response:
    """The file of a finished video, or its thumbnail (WebP) or spritesheet (JPEG)."""
    artifact = _artifact(use, owner, video_id, variant, index)
    return serve_artifact(use.storage, artifact, request.headers, head=request.method == "HEAD")


@router.get("/videos/{video_id}/link")
def link(
    request: Request,
    video_id: str,
    owner: Caller,
    use: Use,
    variant: Variant = "video",
    index: Index = 0,
    seconds: Annotated[float, Query(gt=0, le=86_400, allow_inf_nan=False)] = LINK_SECONDS,
) -> VideoLink:
    """Extra: an address under which the file can be had without a key, for a while.

    Where there is an access programme it is the public one, as long as the video is shared.
    """
    base = base_of(use, request)
    if use.admission.has_members():
        return _public_link(use, owner, video_id, variant, index, base)
    artifact = _artifact(use, owner, video_id, variant, index)
    url = use.storage.link(
        artifact.key,
        seconds,
        base,
        content_type=artifact.content_type,
        filename=f"{video_id}.{artifact.key.rpartition('.')[2]}",
    )
    return VideoLink(url=url, expires_at=int(use.database.time() + seconds))


@router.get(
    "/videos/{video_id}/events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}}},
)
def events(video_id: str, owner: Caller, use: Use, request: Request) -> StreamingResponse:
    """Extra: progress as server-sent events, with pictures of how far it is."""
    use.videos.get(owner, video_id)
    return stream(request.app.state.watchers, owner, video_id)


def _queue(
    use: Services, owner: str, call: Call, draft: Callable[[], Draft], response: Response
) -> VideoObject:
    """Queue what a draft says, unless this create came before."""
    receipt = use.videos.known(owner, call) or use.videos.create(owner, draft(), call)
    _limits(receipt, response)
    return _told(use, receipt.video, response)


def _told(use: Services, video: Video, response: Response) -> VideoObject:
    """A video on the wire; while it is not done, when to look again."""
    standing = use.standings.of(video)
    if video.state in ACTIVE:
        least, most = POLL_MS
        wait = least if standing.eta is None else round(1000 * standing.eta / 4)
        response.headers["openai-poll-after-ms"] = str(min(most, max(least, wait)))
    return video_object(video, standing)


def _limits(receipt: Receipt, response: Response) -> None:
    left = receipt.allowance
    if not left.limit:
        return
    headers = response.headers
    headers["x-ratelimit-limit-requests"] = str(left.limit)
    headers["x-ratelimit-remaining-requests"] = str(left.remaining)
    headers["x-ratelimit-reset-requests"] = _duration(left.reset)


def _duration(seconds: float) -> str:
    """A time as OpenAI writes it: 12ms, 3s, 1m0s."""
    if seconds < 1:
        return f"{math.ceil(seconds * 1000)}ms"
    minutes, rest = divmod(math.ceil(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


def _public_link(
    use: Services, owner: str, video_id: str, variant: str, index: int, base: str
) -> VideoLink:
    use.videos.get(owner, video_id)
    try:
        shown = use.gallery.of_video(video_id)
    except NotFoundError as error:
        raise WithheldError("A video has an address once it is approved for sharing.") from error
    if shown.file(variant, index) is None:
        raise NotFoundError(f"Video {video_id} has no {variant} with index {index}.")
    name, _ = FILES[variant]
    query = f"?index={index}" if index else ""
    return VideoLink(url=f"{base}/shared/{shown.share.id}/{name}{query}", expires_at=None)


def _artifact(use: Services, owner: str, video_id: str, variant: str, index: int) -> Artifact:
    for artifact in use.videos.artifacts(owner, video_id):
        if (artifact.variant, artifact.number) == (variant, index):
            return artifact
    raise NotFoundError(f"Video {video_id} has no {variant} with index {index}.")
