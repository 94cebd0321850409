"""The OpenAPI document: what FastAPI knows of the routes, and the bodies that are read by hand.

A body has two schemas. In JSON a file cannot be sent, so where one may stand there is only the
object; the form, named after the model and ``Form``, has both, its objects are JSON text, and
what is null in JSON is left out.
"""

import copy
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from pleinair.access.authority import rule_of
from pleinair.api.body import BODIES
from pleinair.api.identity import COOKIE

_PLACE = "#/components/schemas/"
_FILE = {"type": "string", "format": "binary"}
_NULL = {"type": "null"}
_KEY = {"type": "http", "scheme": "bearer", "description": "A key, where the server has any."}
_SESSION = {
    "type": "apiKey",
    "in": "cookie",
    "name": COOKIE,
    "description": "A browser that is signed in.",
}
Schema = dict[str, Any]


class Documented(FastAPI):
    """An app whose document has the schemas of all bodies."""

    def openapi(self) -> Schema:
        """The document; made once."""
        document = super().openapi()
        schemas = document["components"]["schemas"]
        if not BODIES.keys() <= schemas.keys():
            forms = _forms(document)
            named = {content["schema"]["$ref"].removeprefix(_PLACE) for content in forms}
            schemas.update(_schemas(list(BODIES.values()), named))
            for content in forms:
                form = schemas[content["schema"]["$ref"].removeprefix(_PLACE)]
                content["encoding"] = {
                    name: {"contentType": "application/json"}
                    for name, field in form["properties"].items()
                    if not _has(field, _FILE) and "$ref" in str(field)
                }
            document["components"]["securitySchemes"] = {"key": _KEY, "session": _SESSION}
            for path, operations in document["paths"].items():
                for method, operation in operations.items():
                    rule = rule_of(method.upper(), path)
                    if rule is not None and not rule.public:
                        operation["security"] = [{"key": []}, {"session": []}]
        return document


def _schemas(models: list[type[BaseModel]], forms: set[str]) -> dict[str, Schema]:
    """Schemas of bodies in JSON and as those forms, and of what they are made of."""
    pairs = [(model, "validation") for model in models]
    _, found = models_json_schema(pairs, ref_template=f"{_PLACE}{{model}}")  # type: ignore[arg-type]
    schemas: dict[str, Schema] = found["$defs"]
    for model in models:
        whole = schemas[model.__name__]
        if (name := f"{model.__name__}Form") in forms:
            form = schemas[name] = copy.deepcopy(whole) | {"title": name}
            for field in form["properties"].values():
                _leave_out(field, _NULL)
        for field in whole["properties"].values():
            _leave_out(field, _FILE)
    return schemas


def _leave_out(field: Schema, unwanted: Schema) -> None:
    """Take one of its choices out of a field."""
    choices = [choice for choice in field.get("anyOf", ()) if not _has(choice, unwanted)]
    if field.get("default", choices) is None and unwanted == _NULL:
        del field["default"]
    if len(choices) == 1:
        del field["anyOf"]
        field.update(choices[0])
    elif choices:
        field["anyOf"] = choices


def _has(field: Schema, wanted: Schema) -> bool:
    """Whether a field, or one of its choices, is what is wanted."""
    return wanted.items() <= field.items() or any(
        _has(choice, wanted) for choice in field.get("anyOf", ())
    )


def _forms(document: Schema) -> list[Schema]:
    """The multipart bodies of all operations."""
    return [
        operation["requestBody"]["content"]["multipart/form-data"]
        for path in document["paths"].values()
        for operation in path.values()
        if "multipart/form-data" in operation.get("requestBody", {}).get("content", {})
    ]
