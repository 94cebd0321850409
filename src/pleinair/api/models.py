"""The models that are offered, and their other names; none is loaded to tell of it."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from pleinair.api.identity import Caller
from pleinair.api.services import Services, Use
from pleinair.api.shapes import REFUSALS
from pleinair.backends.base import MODELS
from pleinair.backends.weights import WIDEST, Weights, listed
from pleinair.errors import NotFoundError
from pleinair.request import MOST_PIXELS, SIDES

router = APIRouter(prefix="/v1", tags=["models"], responses=REFUSALS)

CREATED = 1_795_477_208
"""When the shipped weights were made, 2026-11-23."""
SIZES = (
    f"WIDTHxHEIGHT, both even and from {SIDES[0]} to {SIDES[1]} pixels; "
    f"at most {MOST_PIXELS:,} pixels in all frames of all variations"
)


class Native(BaseModel):
    """What open weights draw, and under what terms they come."""

    sizes: Annotated[
        list[str], Field(description="WIDTHxHEIGHT of each; any size where there are none.")
    ]
    fps: int
    frames: Annotated[str, Field(description="Which numbers of frames it draws.")]
    needs: Annotated[
        str | None, Field(description="What it cannot begin without: `frame`, `edit`, or nothing.")
    ]
    licence: str
    licence_url: str


class ModelObject(BaseModel):
    """A model as the API tells of it."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "pleinair"
    about: Annotated[str, Field(description="Extra: what it is, in one line.")]
    alias_of: Annotated[
        str | None, Field(description="Extra: the model behind this name, if it is another's.")
    ]
    abilities: Annotated[
        list[str], Field(description="Extra: what it can begin from or be told besides a prompt.")
    ]
    sampled: Annotated[bool, Field(description="Extra: whether it takes `steps` and `guidance`.")]
    stand_in: Annotated[
        str | None,
        Field(
            description="Extra: the model that makes what this one cannot, where it is asked for "
            "by no name or an alias; what that one is able to do counts there too."
        ),
    ]
    sizes: Annotated[str, Field(description="Extra: which sizes it makes.")] = SIZES
    longest_seconds: Annotated[float, Field(description="Extra: length of the longest video.")]
    native: Annotated[
        Native | None,
        Field(description="Extra: what open weights draw, before it is brought to what is asked."),
    ]


class ModelList(BaseModel):
    """All models."""

    object: Literal["list"] = "list"
    data: list[ModelObject]


@router.get("/models")
def list_models(owner: Caller, use: Use) -> ModelList:
    """The models, then their other names."""
    return ModelList(data=_offered(use))


@router.get("/models/{model_id:path}")
def retrieve_model(model_id: str, owner: Caller, use: Use) -> ModelObject:
    """One model."""
    offered = _offered(use)
    for model in offered:
        if model.id == model_id:
            return model
    there = ", ".join(model.id for model in offered)
    raise NotFoundError(f"The model {model_id[:60]!r} does not exist here; there are: {there}.")


def _offered(use: Services) -> list[ModelObject]:
    """What a create would take: models that this version has, and names that lead to them."""
    settings = use.settings
    there = [model for model in settings.models if model in MODELS]
    other = {alias: model for alias, model in settings.aliases.items() if model in there}
    named = [(model, None) for model in there if model not in other]
    server = {"rewrite"} if use.rewriter else set[str]()
    return [_told(name, model, server, there) for name, model in [*named, *other.items()]]


def _told(name: str, alias_of: str | None, server: set[str], there: list[str]) -> ModelObject:
    entry = MODELS[alias_of or name]
    return ModelObject(
        id=name,
        created=CREATED,
        about=entry.about,
        alias_of=alias_of,
        abilities=sorted(entry.abilities | server),
        sampled=entry.sampled,
        stand_in=entry.stand_in if entry.stand_in in there else None,
        sizes=SIZES + _shapes(entry.weights),
        longest_seconds=entry.longest,
        native=_native(entry.weights),
    )


def _shapes(weights: Weights | None) -> str:
    if weights is None or not weights.sizes:
        return ""
    return f"; shapes within {WIDEST:g} times that of {listed(weights.sizes)}"


def _native(weights: Weights | None) -> Native | None:
    if weights is None:
        return None
    return Native(
        sizes=[f"{width}x{height}" for width, height in weights.sizes],
        fps=weights.fps,
        frames=weights.rule,
        needs=weights.needs or None,
        licence=weights.licence.id,
        licence_url=weights.licence.link,
    )
