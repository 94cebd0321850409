"""Bodies as clients send them: JSON, forms, and the mixtures that the SDKs make of the two.

All of these arrive as the same plain values, which a Pydantic model then checks:

- a JSON object;
- a form, text or multipart, with ``video[id]``, ``characters[][id]`` or ``keyframes[0][at]``;
- a field or a file part that holds JSON text where an object belongs;
- a file part, an `Upload`; an empty one is left out where the object came beside it.
"""

import hashlib
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import Annotated, Any, BinaryIO, TypeAlias, TypeVar, cast, get_origin

from fastapi import Request
from pydantic import (
    AfterValidator,
    BaseModel,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationError,
)
from pydantic_core import CoreSchema, core_schema
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from pleinair.errors import InputError
from pleinair.scenes.scene import Scene

MOST_TEXT = 30 * 2**20  # bytes of one text part: a data URL may hold 20,971,520 characters
_NAME = re.compile(r"[^\[\]]+(\[[^\[\]]*\]){0,4}")
_Model = TypeVar("_Model", bound=BaseModel)
BODIES: dict[str, type[BaseModel]] = {}
"""The models that are `documented`, by name; `pleinair.api.document` writes their schemas."""


@dataclass(frozen=True)
class Upload:
    """A file part: where its bytes are, and what the client calls it, which proves nothing."""

    filename: str
    content_type: str
    file: BinaryIO
    size: int

    def read(self) -> bytes:
        """All of it."""
        self.file.seek(0)
        return self.file.read()

    def sha256(self) -> str:
        """Digest of all of it."""
        self.file.seek(0)
        digest = hashlib.sha256()
        while piece := self.file.read(2**20):
            digest.update(piece)
        return digest.hexdigest()

    @classmethod
    def __get_pydantic_core_schema__(cls, _: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """An instance as it is; nothing else becomes one."""
        return core_schema.is_instance_schema(cls)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, _: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """In the document: a file."""
        return {"type": "string", "format": "binary"}


def _checked_scene(values: dict[str, Any]) -> dict[str, Any]:
    """The values of a scene as they are; raises InputError, by field, unless they are one."""
    Scene.from_dict(values, "scene")
    return values


SceneTable: TypeAlias = Annotated[dict[str, Any], AfterValidator(_checked_scene)]


def body_of(
    model: type[_Model], *, nulls: bool = False
) -> Callable[[Request], AsyncIterator[_Model]]:
    """A dependency that reads the body of a request, in any form, into a model.

    Args:
        model: of the body.
        nulls: whether null says something else than a field that is left out.

    Raises:
        InputError: the body cannot be read, or a field is not allowed; the error names it.
    """
    kinds = {name: field.annotation for name, field in model.model_fields.items()}
    texts = {name for name, kind in kinds.items() if kind in (str, str | None)}
    lists = {name for name, kind in kinds.items() if get_origin(kind) is list}
    files = {name for name, field in model.model_fields.items() if field.annotation is Upload}

    async def dependency(request: Request) -> AsyncIterator[_Model]:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind in ("multipart/form-data", "application/x-www-form-urlencoded"):
            async with _form(request) as form:
                pairs = [
                    (name, value if name in texts else _value(value, whole=name in files))
                    for name, value in form.multi_items()
                ]
                fields = nest(pairs)
                for name in lists & fields.keys():  # a list of one looks like the one
                    if not isinstance(fields[name], list):
                        fields[name] = [fields[name]]
                yield checked(model, fields)
            return
        yield checked(model, await _json(request, nulls=nulls))

    return dependency


def documented(model: type[BaseModel], *, files: bool = True) -> dict[str, Any]:
    """What the OpenAPI document says of a body that `body_of` reads: a form only with files."""
    BODIES[model.__name__] = model
    place = f"#/components/schemas/{model.__name__}"
    content: dict[str, Any] = {"application/json": {"schema": {"$ref": place}}}
    if files:
        content["multipart/form-data"] = {"schema": {"$ref": f"{place}Form"}}
    return {"requestBody": {"required": True, "content": content}}


def checked(model: type[_Model], fields: dict[str, Any]) -> _Model:
    """The model of these values; raises InputError with the name of the field that is wrong."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise _told(error, model) from error


def nest(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Plain values of the fields of a form, whose names may have brackets."""
    tree: dict[str, Any] = {}
    for name, value in pairs:
        path = name.replace("]", "").split("[") if _NAME.fullmatch(name) else [name]
        _put(tree, path, value)
    return {name: _listed(value) for name, value in tree.items() if value is not None}


class _Several(list[Any]):
    """Values of a field that came more than once."""


def _put(tree: dict[str, Any], path: list[str], value: Any) -> None:  # noqa: ANN401
    name, rest = path[0], path[1:]
    there = tree.get(name)
    if not rest:
        if isinstance(value, Upload) and (isinstance(there, dict) or not value.size):
            tree.setdefault(name, value if value.size else None)
        elif there is None or isinstance(there, Upload):
            tree[name] = value
        elif isinstance(there, _Several):
            there.append(value)
        else:
            tree[name] = _Several([there, value])
        return
    if not isinstance(there, dict):
        there = tree[name] = {}
    if rest[0] == "":  # a list: a new element begins when a field of the last one comes again
        last = there.get(str(len(there) - 1))
        same = len(rest) > 1 and isinstance(last, dict) and rest[1] not in last
        rest = [str(len(there) - same), *rest[1:]]
    _put(there, rest, value)


def _listed(value: Any) -> Any:  # noqa: ANN401
    """A dict whose keys are the numbers from 0 is a list."""
    if not isinstance(value, dict):
        return value
    values = {key: _listed(item) for key, item in value.items()}
    numbers = [str(i) for i in range(len(values))]
    return [values[i] for i in numbers] if values and values.keys() == set(numbers) else values


def _value(value: UploadFile | str, *, whole: bool = False) -> Any:  # noqa: ANN401
    """A part of a form: text, the object in JSON text, or an upload, which a ``whole`` file is."""
    if isinstance(value, str):
        return _object(value)
    if not whole and value.content_type == "application/json" and (value.size or 0) < MOST_TEXT:
        return _object(value.file.read().decode("utf-8", "replace"))
    file = cast("SpooledTemporaryFile[bytes]", value.file)
    return Upload(
        value.filename or "upload",
        value.content_type or "application/octet-stream",
        cast("BinaryIO", file),
        value.size or 0,
    )


def _object(text: str) -> Any:  # noqa: ANN401
    if text.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    return text


def _form(request: Request) -> Any:  # noqa: ANN401  # starlette's own kind of context
    return _Form(request)


class _Form:
    """A form that is read on entering, with a clear refusal, and closed on leaving."""

    def __init__(self, request: Request) -> None:
        self._context = request.form(max_files=20, max_fields=200, max_part_size=MOST_TEXT)

    async def __aenter__(self) -> Any:  # noqa: ANN401
        try:
            return await cast("Awaitable[Any]", self._context.__aenter__())
        except HTTPException as error:
            raise InputError("body", "a form", f"a well-formed one ({error.detail})") from error

    async def __aexit__(self, *reason: Any) -> None:  # noqa: ANN401
        await self._context.__aexit__(*reason)


async def _json(request: Request, *, nulls: bool) -> dict[str, Any]:
    raw = await request.body()
    try:
        fields = json.loads(raw) if raw else {}
    except (ValueError, RecursionError) as error:
        got = raw[:60].decode("utf-8", "replace")
        raise InputError("body", got, "a JSON object or a form") from error
    if not isinstance(fields, dict):
        raise InputError("body", fields, "a JSON object or a form")
    return {name: value for name, value in fields.items() if nulls or value is not None}


def _told(error: ValidationError, model: type[BaseModel]) -> InputError:
    """The first mistake in words: the field, what came, what is allowed."""
    mistakes = error.errors()
    first = mistakes[0]
    if first["type"] == "is_instance_of":  # no file; what is wrong with the object tells more
        same = [mistake for mistake in mistakes if mistake["loc"][0] == first["loc"][0]]
        first = same[1] if len(same) > 1 else first
    names = [str(part) for part in first["loc"] if not _is_type(part, model)]
    field = ".".join(names) or "body"
    if first["type"] == "missing":
        return InputError(field, None, "a value; this field is required")
    if first["type"] in ("is_instance_of", "model_type"):
        file = "a file or " if mistakes[0]["type"] == "is_instance_of" else ""
        return InputError(field, first["input"], f"{file}an object")
    if first["type"] == "extra_forbidden":
        known = f"; there are: {', '.join(sorted(model.model_fields))}" if len(names) == 1 else ""
        return InputError(field, first["input"], f"no such field{known}")
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, InputError):  # which says more than pydantic
        return cause
    reason = str(cause or first["msg"])
    return InputError(field, first["input"], reason[0].lower() + reason[1:])


def _is_type(part: str | int, model: type[BaseModel]) -> bool:
    """Whether a part of a place is the name of an alternative type rather than of a field."""
    return isinstance(part, str) and (part[:1].isupper() or part.startswith(("is-", "function-")))
