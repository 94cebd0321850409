"""From what clients send to drafts: pictures and clips become materials, ids their videos."""

import base64
import binascii
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pydantic import BaseModel

from pleinair.api.body import Upload
from pleinair.api.services import Services
from pleinair.api.shapes import (
    ConnectVideos,
    CreateVideo,
    Drawing,
    EditVideo,
    ExtendVideo,
    Keyframe,
    PictureReference,
    RemixVideo,
    RetakeVideo,
    VideoReference,
)
from pleinair.backends.assigning import assigned
from pleinair.backends.base import MODELS
from pleinair.errors import InputError, ModelError
from pleinair.request import Given, VideoRequest, digest_of, draw_seed, parse_size
from pleinair.scenes.scene import Scene
from pleinair.service.fetch import fetch
from pleinair.service.rewriting import need
from pleinair.service.tables import BATCH, NORMAL, Character, Material, Video
from pleinair.service.videos import Draft

MOST_PICTURE = 20 * 2**20
MOST_EXTENSIONS = 6
MOST_EXTENDED = 120.0
EDIT, REMIX = 0.88, 0.95
"""How much may change where the caller does not say."""
FIELDS = {
    "frame": "input_reference",
    "edit": "video",
    "extend": "video",
    "character": "characters",
}
"""Where a body says what each role of `Given` is given."""
_DATA = re.compile(r"data:[\w.+-]+/[\w.+-]+(?:;[\w=.+-]+)*;base64,", re.IGNORECASE)


def fingerprint(route: str, body: BaseModel) -> str:
    """Digest of what a create asks for, files by their content, before anything is filled in."""
    return digest_of([route, _plain(body)])


def draft_of_create(use: Services, owner: str, body: CreateVideo) -> Draft:
    """A video from a description.

    Raises:
        InputError: a field is not allowed.
        ModelError: there is no such model.
        NotFoundError: a file or a character is not there.
    """
    model, backend = model_of(use, body.model)
    width, height = parse_size(body.size)
    cast = use.characters.cast(owner, [item.id for item in body.characters], body.prompt)
    request = VideoRequest(
        prompt=body.prompt,
        model=backend,
        seconds=body.seconds,
        width=width,
        height=height,
        fps=body.fps,
        variations=body.n,
        loop=body.loop,
        original=body.original_prompt or "",
        **_scene(body),
    )
    request = replace(request, given=_given(use, owner, body, cast), complete=body.complete)
    model, request = _assigned(use, request, model, body.model)
    lane = BATCH if body.priority == "low" else NORMAL
    return Draft("create", model, request, request.seconds, lane=lane)


def rewritten(use: Services, owner: str, draft: Draft) -> Draft:
    """The draft with its prompt in the words of the server's endpoint.

    Raises:
        InputError: this server has none.
        UnavailableError: it gives no prompt.
        BusyError: it is asked too often.
    """
    request = draft.request
    said = need(use.rewriter).rewrite(request.prompt, request.model, owner)
    return replace(draft, request=replace(request, prompt=said, original=request.prompt))


def draft_of_remix(use: Services, owner: str, video_id: str, body: RemixVideo) -> Draft:
    """A finished video, made anew with another prompt: its model, size and length stay."""
    return _redraw(use, owner, "remix", VideoReference(id=video_id), None, body, REMIX)


def draft_of_edit(use: Services, owner: str, body: EditVideo) -> Draft:
    """A video changed as the prompt says: its shot, size and length stay."""
    return _redraw(use, owner, "edit", body.video, body.model, body, EDIT)


def draft_of_extension(use: Services, owner: str, body: ExtendVideo) -> Draft:
    """A video continued from its end or begun earlier; the draft's length is that of the whole."""
    clip, source = clip_of(use, owner, body.video)
    model, backend = _model_beside(use, source, body.model)
    before = clip.frames / clip.fps
    whole = _whole(body.seconds, before)
    role = "extend" if body.direction == "forward" else "before"
    if source and use.videos.chain(owner, source.id, "extend") >= MOST_EXTENSIONS:
        raise InputError("video", source.id, f"videos extended up to {MOST_EXTENSIONS} times")
    request = VideoRequest(
        prompt=body.prompt,
        model=backend,
        seconds=body.seconds,
        given=(Given(role, clip.sha256), *_frames(use, owner, body.keyframes)),
        **_frame_of(source, clip),
        **_drawing(body, source),
    )
    model, request = _assigned(use, request, model, body.model)
    return Draft("extend", model, request, whole, remixed_from=source.id if source else None)


def draft_of_connection(use: Services, owner: str, body: ConnectVideos) -> Draft:
    """What leads from one video to another, between both; size and rate are those of the first."""
    first, source = clip_of(use, owner, body.first, "first")
    second, other = clip_of(use, owner, body.second, "second")
    model, backend = _model_beside(use, source or other, body.model)
    whole = _whole(body.seconds, first.frames / first.fps + second.frames / second.fps)
    request = VideoRequest(
        prompt=body.prompt,
        model=backend,
        seconds=body.seconds,
        given=(
            Given("extend", first.sha256),
            Given("before", second.sha256),
            *_frames(use, owner, body.keyframes),
        ),
        **_frame_of(source, first),
        **_drawing(body, source),
    )
    model, request = _assigned(use, request, model, body.model)
    return Draft("connect", model, request, whole, remixed_from=source.id if source else None)


def draft_of_retake(use: Services, owner: str, body: RetakeVideo) -> Draft:
    """A video of which a part is made anew; what is drawn is that part, with a new seed."""
    clip, source = clip_of(use, owner, body.video)
    model, backend = _model_beside(use, source, body.model)
    whole = clip.frames / clip.fps
    if not body.start < body.end <= whole + 1 / clip.fps:
        allowed = f"after the start, {body.start:g}, and within the video, {whole:g} seconds"
        raise InputError("end", body.end, allowed)
    item = Given("retake", clip.sha256, at=body.start, strength=body.strength or EDIT)
    seed = draw_seed() if body.seed is None else body.seed
    request = VideoRequest(
        prompt=body.prompt,
        model=backend,
        seconds=body.end - body.start,
        given=(item, *_frames(use, owner, body.keyframes)),
        **_frame_of(source, clip),
        **_drawing(body, source) | {"seed": seed},
    )
    if request.frames >= round(whole * request.fps):
        raise InputError("end", body.end, "a part of the video; an edit makes all of it anew")
    model, request = _assigned(use, request, model, body.model)
    return Draft("retake", model, request, whole, remixed_from=source.id if source else None)


def _whole(added: float, clips: float) -> float:
    """Seconds of clips with what is added to them; raises InputError when they are too many."""
    if clips + added > MOST_EXTENDED:
        allowed = f"at most {MOST_EXTENDED:g} seconds in all; what is there has {clips:g}"
        raise InputError("seconds", added, allowed)
    return clips + added


def clip_of(
    use: Services, owner: str, video: Upload | VideoReference, field: str = "video"
) -> tuple[Material, Video | None]:
    """The clip that was sent or named, and the video that it is, if it was named."""
    if isinstance(video, Upload):
        return use.materials.take(video.read(), kind="video", field=field), None
    source, artifact = use.videos.source(owner, video.id)
    return use.materials.adopt(artifact), source


def _redraw(
    use: Services,
    owner: str,
    kind: str,
    video: Upload | VideoReference,
    asked: str | None,
    body: RemixVideo,
    strength: float,
) -> Draft:
    clip, source = clip_of(use, owner, video)
    model, backend = _model_beside(use, source, asked)
    seconds = clip.frames / clip.fps
    request = VideoRequest(
        prompt=body.prompt,
        model=backend,
        seconds=seconds,
        given=(Given("edit", clip.sha256, strength=body.strength or strength),),
        **_frame_of(source, clip),
        **_drawing(body, source),
    )
    model, request = _assigned(use, request, model, asked)
    return Draft(kind, model, request, seconds, remixed_from=source.id if source else None)


def _given(
    use: Services, owner: str, body: CreateVideo, cast: list[Character]
) -> tuple[Given, ...]:
    given = []
    if body.input_reference is not None:
        picture = picture_of(use, owner, body.input_reference, "input_reference")
        given.append(Given("frame", picture.sha256))
    given += _frames(use, owner, body.keyframes)
    given += [Given("character", item.sha256, name=item.name) for item in cast]
    return tuple(given)


def _frames(use: Services, owner: str, keyframes: Sequence[Keyframe]) -> list[Given]:
    given = []
    for i, frame in enumerate(keyframes):
        picture = picture_of(use, owner, frame, f"keyframes.{i}")
        given.append(Given("frame", picture.sha256, at=frame.at))
    return given


def picture_of(
    use: Services, owner: str, reference: Upload | PictureReference, field: str
) -> Material:
    """The picture that was sent or named.

    Raises:
        InputError: it is none, too large, or not exactly one is named.
        NotFoundError: there is no such file.
    """
    if isinstance(reference, Upload):
        data = reference.read()
    elif (reference.image_url is None) == (reference.file_id is None):
        raise InputError(field, "both or neither", "exactly one of image_url and file_id")
    elif reference.file_id is not None:
        data = use.files.content(owner, reference.file_id)
    else:
        data = _at_address(use, str(reference.image_url), f"{field}.image_url")
    if len(data) > MOST_PICTURE:
        raise InputError(field, f"{len(data):,} bytes", f"at most {MOST_PICTURE:,} bytes")
    return use.materials.take(data, kind="image", field=field)


def _at_address(use: Services, address: str, field: str) -> bytes:
    if not address.lower().startswith("data:"):
        return fetch(address, use.guard, MOST_PICTURE, field)
    start = _DATA.match(address)
    allowed = "http(s) addresses and data URLs such as data:image/png;base64,…"
    if start is None:
        raise InputError(field, address, allowed)
    try:
        return base64.b64decode(address[start.end() :], validate=True)
    except binascii.Error as error:
        raise InputError(field, address, f"{allowed} ({error})") from error


def model_of(use: Services, asked: str | None) -> tuple[str, str]:
    """The model as asked for and the one behind that name; raises ModelError."""
    offered = {model: model for model in use.settings.models if model in MODELS}
    known = {name: model for name, model in use.settings.aliases.items() if model in offered}
    named = {**known, **offered}
    name = asked or next(iter(named), "")
    if name not in named:
        there = ", ".join([*offered, *known])
        raise ModelError(f"The model {name[:60]!r} does not exist here; there are: {there}.")
    return name, named[name]


def _model_beside(use: Services, source: Video | None, asked: str | None) -> tuple[str, str]:
    """The model of the video that it begins from; for an upload that names none, the default.

    The SDKs' own types have no ``model`` beside an upload.
    """
    return model_of(use, asked or (source.model if source else None))


def _drawing(body: Drawing, source: Video | None = None) -> dict[str, Any]:
    """The fields of a request that say how to draw; what is not said is as in the source."""
    before = source.request if source else {}
    told = body.model_dump(include={"seed", "steps", "guidance", "negative_prompt"})
    fields = {name: before.get(name) if value is None else value for name, value in told.items()}
    fields = {name: value for name, value in fields.items() if value is not None}
    return {"seed": draw_seed(), **fields}


def _frame_of(source: Video | None, clip: Material) -> dict[str, Any]:
    """Size and rate: those of the video that it begins from."""
    if source is not None:
        return {name: source.request[name] for name in ("width", "height", "fps")}
    return {
        "width": clip.width // 2 * 2,
        "height": clip.height // 2 * 2,
        "fps": min(60, max(1, round(clip.fps))),
    }


def _scene(body: CreateVideo) -> dict[str, Any]:
    """The fields of `_drawing`, with the scene that is given, and its seed if none is."""
    drawing = _drawing(body)
    if body.scene is None:
        return drawing
    scene = Scene.from_dict(body.scene, "scene")
    return {**drawing, "scene": scene, "seed": scene.seed if body.seed is None else body.seed}


def _assigned(
    use: Services, request: VideoRequest, name: str, asked: str | None
) -> tuple[str, VideoRequest]:
    """The name of the model that makes a request, and the request with it.

    Args:
        use: say which models there are.
        request: its model is the one that was chosen.
        name: of the model as the answer tells it.
        asked: as the body has it.

    Raises:
        InputError: no model here can do it; the error has the name that the body has for it.
    """
    by_name = asked == request.model
    try:
        made = assigned(request, by_name=by_name, offered=use.settings.models)
    except InputError as error:
        if error.field == "at":
            raise InputError("keyframes", error.got, error.allowed) from error
        if error.field != "given":
            raise
        weights = MODELS[request.model].weights
        role = error.got if error.got in FIELDS else weights.needs if weights else ""
        raise InputError(FIELDS[str(role)], error.got, error.allowed) from error
    return made.model if name == request.model else name, made


def _plain(value: Any) -> Any:  # noqa: ANN401
    """Plain values of a body, uploads by their digest."""
    if isinstance(value, Upload):
        return {"sha256": value.sha256()}
    if isinstance(value, BaseModel):
        return {name: _plain(getattr(value, name)) for name in sorted(value.model_fields_set)}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return json.loads(json.dumps(value))
