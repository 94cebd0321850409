"""Wire forms of the Videos API: what comes in, what goes out; Extra marks what Sora never had.

Requests refuse fields that they do not know; replies have every documented field, null where
there is nothing to say.
"""

import math
from typing import Annotated, Any, Literal, TypeAlias, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from pleinair.api.body import SceneTable, Upload
from pleinair.request import MOST_CHARACTERS, MOST_SEED
from pleinair.service.standing import Standing
from pleinair.service.tables import CANCELLED, FAILED, Video

MOST_URL = 20_971_520


def _number(value: object) -> object:
    """A number from a number or its text: clients send "4", 4 and 4.0."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            raise ValueError('seconds as text or number, such as "4"') from None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError('seconds as text or number, such as "4"')  # pydantic's way
    return float(value)


def _schema_of_seconds(most: int) -> WithJsonSchema:
    number = {"type": "number", "exclusiveMinimum": 0, "maximum": most}
    text = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$", "maxLength": 12}
    return WithJsonSchema({"anyOf": [text, number], "examples": ["4"]})


Seconds: TypeAlias = Annotated[
    float,
    BeforeValidator(_number),
    Field(gt=0, le=60, allow_inf_nan=False, description='Length, as text or number, such as "4".'),
    _schema_of_seconds(60),
]
Added: TypeAlias = Annotated[
    float,
    BeforeValidator(_number),
    Field(gt=0, le=20, allow_inf_nan=False, description="Length of what is added."),
    _schema_of_seconds(20),
]
Status: TypeAlias = Literal["queued", "in_progress", "completed", "failed"]
Prompt: TypeAlias = Annotated[str, Field(min_length=1, max_length=MOST_CHARACTERS)]


class Strict(BaseModel):
    """A request: fields that it does not have are refused."""

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)


class Done(BaseModel):
    """It was done, and there is nothing more to tell."""

    object: Literal["done"] = "done"


class PictureReference(Strict):
    """A picture by address or by file; exactly one of the two."""

    image_url: Annotated[
        str | None,
        Field(max_length=MOST_URL, description="http(s) address, or a base64 data URL."),
    ] = None
    file_id: str | None = None


class VideoReference(Strict):
    """A finished video by id."""

    id: str


class CharacterReference(Strict):
    """A character by id; its name must stand in the prompt."""

    id: str


class Keyframe(PictureReference):
    """A picture to be seen at a time."""

    at: Annotated[float, Field(ge=0, le=60, description="Seconds from the start.")]


Keyframes: TypeAlias = Annotated[
    list[Keyframe],
    Field(max_length=12, description="Extra: pictures at times of what is drawn."),
]


class Drawing(Strict):
    """How to draw; none of these is in OpenAI's API."""

    seed: Annotated[
        int | None, Field(ge=0, le=MOST_SEED, description="Extra: same seed, same video.")
    ] = None
    steps: Annotated[
        int | None, Field(ge=1, le=200, description="Extra: evaluations of the model.")
    ] = None
    guidance: Annotated[
        float | None,
        Field(
            ge=0,
            le=20,
            allow_inf_nan=False,
            description="Extra: how strongly the prompt is followed.",
        ),
    ] = None
    negative_prompt: Annotated[
        str | None, Field(max_length=MOST_CHARACTERS, description="Extra: what to keep out.")
    ] = None


class CreateVideo(Drawing):
    """A video to be made from a description."""

    prompt: Prompt
    model: str | None = None
    seconds: Seconds = 4.0
    size: Annotated[str, Field(description="WIDTHxHEIGHT, such as 1280x720.")] = "720x1280"
    input_reference: Annotated[
        Upload | PictureReference | None, Field(description="The first frame.")
    ] = None
    characters: Annotated[list[CharacterReference], Field(max_length=2)] = []
    n: Annotated[
        int, Field(ge=1, le=16, description="Extra: variations; content takes index=0 … n-1.")
    ] = 1
    fps: Annotated[int, Field(ge=1, le=60, description="Extra: frames a second.")] = 24
    keyframes: Keyframes = []
    loop: Annotated[bool, Field(description="Extra: the last frame leads into the first.")] = False
    priority: Annotated[
        Literal["normal", "low"], Field(description="Extra: low waits for all that is normal.")
    ] = "normal"
    complete: Annotated[
        bool, Field(description="Extra: choose by the seed what the prompt leaves unsaid.")
    ] = False
    rewrite: Annotated[
        bool, Field(description="Extra: have the server's endpoint say the prompt in other words.")
    ] = False
    original_prompt: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=MOST_CHARACTERS,
            description="Extra: what the prompt was rewritten from, to be kept beside it.",
        ),
    ] = None
    scene: Annotated[
        SceneTable | None, Field(description="Extra: the scene to draw, see docs/scenes.md.")
    ] = None


class RemixVideo(Drawing):
    """A finished video, made anew with another prompt."""

    prompt: Prompt
    strength: Annotated[
        float | None, Field(gt=0, le=1, description="Extra: how much may change.")
    ] = None


class EditVideo(RemixVideo):
    """A video, finished here or uploaded, changed as the prompt says."""

    video: Upload | VideoReference
    model: str | None = None


class ExtendVideo(Drawing):
    """A video, finished here or uploaded, continued from its end, or begun earlier."""

    prompt: Prompt
    video: Upload | VideoReference
    seconds: Added = 4.0
    model: str | None = None
    keyframes: Keyframes = []
    direction: Annotated[
        Literal["forward", "backward"],
        Field(description="Extra: backward adds before its start."),
    ] = "forward"


class ConnectVideos(Drawing):
    """Two videos, finished here or uploaded, with what leads from one to the other."""

    prompt: Prompt
    first: Upload | VideoReference
    second: Upload | VideoReference
    seconds: Annotated[Added, Field(description="Extra: length of what is between them.")] = 4.0
    keyframes: Keyframes = []
    model: str | None = None


class RetakeVideo(RemixVideo):
    """A video, finished here or uploaded, of which a part is made anew."""

    video: Upload | VideoReference
    start: Annotated[
        float, Field(ge=0, allow_inf_nan=False, description="Extra: seconds at which it begins.")
    ]
    end: Annotated[
        float, Field(gt=0, allow_inf_nan=False, description="Extra: seconds at which it ends.")
    ]
    keyframes: Keyframes = []
    model: str | None = None


class CreateCharacter(Strict):
    """A character: a name and a clip."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    video: Upload | VideoReference


class MarkVideo(Strict):
    """What is noted on a video; what is left out stays."""

    favourite: Annotated[bool | None, Field(description="Whether it is a favourite.")] = None
    folder: Annotated[
        str | None, Field(description="The folder that it is in, up to 80 characters; null: none.")
    ] = None


class VideoError(BaseModel):
    """Why a video failed."""

    code: str
    message: str


class VideoObject(BaseModel):
    """A video as the API tells of it."""

    id: str
    object: Literal["video"] = "video"
    model: str
    status: Status
    progress: int
    created_at: int
    completed_at: int | None
    expires_at: int | None
    prompt: str | None
    size: str
    seconds: str
    quality: str = "standard"
    remixed_from_video_id: str | None
    error: VideoError | None
    seed: Annotated[int, Field(description="Extra.")]
    n: Annotated[int, Field(description="Extra.")]
    stage: Annotated[str, Field(description="Extra: what is being done.")]
    queue_position: Annotated[
        int | None, Field(description="Extra: 1 is next; null when it does not wait.")
    ]
    eta_seconds: Annotated[
        int | None, Field(description="Extra: estimated seconds until it is done.")
    ]
    unknown_words: Annotated[
        dict[str, str | None],
        Field(description="Extra: words the model does not know, each with one like it."),
    ]
    completed: Annotated[
        list[str],
        Field(description="Extra: for each variation what was added to the prompt, if it was."),
    ]
    original_prompt: Annotated[
        str | None, Field(description="Extra: what the prompt was rewritten from.")
    ]
    notes: Annotated[list[str], Field(description="Extra: what became of the request.")]
    scene: Annotated[
        dict[str, Any] | None, Field(description="Extra: that is drawn, of the first variation.")
    ]
    favourite: Annotated[bool, Field(description="Extra.")]
    folder: Annotated[str | None, Field(description="Extra: that it is in; null is none.")]


def video_object(video: Video, standing: Standing) -> VideoObject:
    """A row as the API tells of it; cancelled is told as failed, as the SDKs know no other end."""
    request, made = video.request, video.made or {}
    error = None
    if video.state in (FAILED, CANCELLED):
        code, message = video.error_code or "server_error", video.error_message or "It failed."
        error = VideoError(code=code, message=message)
    status = cast("Status", FAILED if video.state == CANCELLED else video.state)
    return VideoObject(
        id=video.id,
        model=video.model,
        status=status,
        progress=video.progress,
        created_at=int(video.created_at),
        completed_at=seconds(video.completed_at),
        expires_at=seconds(video.expires_at),
        prompt=video.prompt,
        size=video.size,
        seconds=video.seconds,
        remixed_from_video_id=video.remixed_from,
        error=error,
        seed=request["seed"],
        n=request["variations"],
        stage=video.stage or video.state,
        queue_position=standing.position,
        eta_seconds=None if standing.eta is None else math.ceil(standing.eta),
        unknown_words=made.get("unknown", {}),
        completed=list(made.get("completed", ())),
        original_prompt=request.get("original"),
        notes=list(made.get("notes", filter(None, [request.get("handover")]))),
        scene=next(iter(made.get("scenes", ())), request.get("scene")),
        favourite=video.favourite,
        folder=video.folder,
    )


def seconds(time: float | None) -> int | None:
    """A time in whole seconds, if there is one."""
    return None if time is None else int(time)


class VideoList(BaseModel):
    """One page of videos."""

    object: Literal["list"] = "list"
    data: list[VideoObject]
    first_id: str | None
    last_id: str | None
    has_more: bool


class FolderObject(BaseModel):
    """A folder of videos."""

    object: Literal["folder"] = "folder"
    name: str
    videos: int


class FolderList(BaseModel):
    """Folders by name."""

    object: Literal["list"] = "list"
    data: list[FolderObject]


class VideoDeleted(BaseModel):
    """A video that is gone."""

    id: str
    object: Literal["video.deleted"] = "video.deleted"
    deleted: bool = True


class VideoLink(BaseModel):
    """An address under which a file can be had without a key, for a while."""

    object: Literal["video.link"] = "video.link"
    url: str
    expires_at: Annotated[
        int | None, Field(description="Null for a public address, good while the video is shared.")
    ]


class CharacterObject(BaseModel):
    """A character as the API tells of it."""

    id: str | None
    name: str | None
    created_at: int


class ErrorBody(BaseModel):
    """What is inside an error's envelope."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorEnvelope(BaseModel):
    """Every error."""

    error: ErrorBody


REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorEnvelope} for status in (400, 401, 403, 404, 409, 422, 429, 503)
}
"""The errors that any route may answer with, for the document."""
