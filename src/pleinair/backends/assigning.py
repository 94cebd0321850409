"""Which model makes a request: the one that was chosen, or the one that stands in for it."""

from collections.abc import Container
from dataclasses import replace

from pleinair.backends.base import MODELS, check_model
from pleinair.errors import InputError
from pleinair.request import VideoRequest

_CANNOT = {
    "given": "cannot begin from pictures, clips or characters yet",
    "loop": "cannot make loops yet",
    "negative_prompt": "cannot keep things out yet",
    "complete": "adds nothing to prompts",
    "steps": "takes no steps",
    "guidance": "has no guidance",
    "scene": "draws no scenes",
}
"""Why a model does not make a request, by the field that it refuses."""


def assigned(
    request: VideoRequest, *, by_name: bool = False, offered: Container[str] | None = None
) -> VideoRequest:
    """A request with the model that makes it, checked by that model's rules.

    What a model cannot do goes to the one that stands in for it, and the request says so; but
    whoever asked for a model by its own name is told what it cannot do.

    Args:
        request: its model is the one that was chosen.
        by_name: whether the caller chose it, and not a default or an alias.
        offered: ids of the models that there are; all if None.

    Raises:
        ModelError: there is no such model.
        InputError: neither can do what is asked.
    """
    check_model(request.model)
    chosen = MODELS[request.model]
    try:
        chosen.check(request)
    except InputError as error:
        other = chosen.stand_in
        is_there = bool(other) and (offered is None or other in offered)
        if by_name or not is_there or error.field not in _CANNOT:
            raise
        why = f"{request.model} {_CANNOT[error.field]}: {other} made this"
        request = replace(request, model=other, handover=why)
        MODELS[other].check(request)
    return request
