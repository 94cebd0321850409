"""Webhook endpoints, as the OpenAI SDKs manage them since 3.16."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field, WithJsonSchema

from pleinair.api.body import body_of, documented
from pleinair.api.identity import Caller
from pleinair.api.services import Use
from pleinair.api.shapes import REFUSALS, Strict
from pleinair.service.endpoints import Endpoints
from pleinair.service.outbox import EVENT_TYPES
from pleinair.service.tables import Endpoint

router = APIRouter(prefix="/v1", tags=["webhooks"], responses=REFUSALS)


Name = Annotated[str, WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 255})]
EventType = Annotated[str, WithJsonSchema({"type": "string", "enum": list(EVENT_TYPES)})]
EventTypes = Annotated[list[EventType], Field(json_schema_extra={"minItems": 1})]


class CreateEndpoint(Strict):
    """An address that wants to be told of events."""

    name: Name
    url: Annotated[str, Field(description="https, or http in networks that the operator allows.")]
    event_types: EventTypes


class UpdateEndpoint(Strict):
    """What is to change; what is left out stays."""

    name: Name | None = None
    url: str | None = None
    event_types: EventTypes | None = None


class RotateSecret(Strict):
    """Whether the secret before goes on signing beside the new one, for 24 hours."""

    keep_old_secret_active_for_24_hours: bool = False


class SampleEvent(Strict):
    """The type of the sample event."""

    event_type: EventType


class EndpointObject(BaseModel):
    """An endpoint as the API tells of it."""

    id: str
    object: Literal["webhook_endpoint"] = "webhook_endpoint"
    created_at: int
    updated_at: int
    name: str
    url: str
    event_types: list[str]
    signing_secret_hint: str


class EndpointWithSecret(EndpointObject):
    """An endpoint with its secret, which is told only when it is new."""

    signing_secret: str


class EndpointList(BaseModel):
    """One page of endpoints."""

    object: Literal["list"] = "list"
    data: list[EndpointObject]
    first_id: str | None
    last_id: str | None
    has_more: bool


class EndpointDeleted(BaseModel):
    """An endpoint that is gone."""

    id: str
    object: Literal["webhook_endpoint.deleted"] = "webhook_endpoint.deleted"
    deleted: bool = True


class EndpointTested(BaseModel):
    """What a sample event was answered with."""

    object: Literal["webhook_endpoint.test"] = "webhook_endpoint.test"
    webhook_endpoint_id: str
    event_type: str
    status_code: int
    success: Literal[True] = True


class EventTypeList(BaseModel):
    """The types of events."""

    object: Literal["list"] = "list"
    data: list[str]


@router.post("/webhook_endpoints", openapi_extra=documented(CreateEndpoint, files=False))
def create(
    body: Annotated[CreateEndpoint, Depends(body_of(CreateEndpoint))], owner: Caller, use: Use
) -> EndpointWithSecret:
    """Tell an address of events from now on; its secret is shown here and never again."""
    made, secret = use.endpoints.create(owner, body.name, body.url, body.event_types)
    return _with_secret(use.endpoints, made, secret)


@router.get("/webhook_endpoints")
def list_endpoints(
    owner: Caller,
    use: Use,
    after: str | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> EndpointList:
    """Endpoints, the newest first."""
    found = use.endpoints.list(owner, after, limit)
    return EndpointList(
        data=[_told(use.endpoints, endpoint) for endpoint in found.items],
        first_id=found.first_id,
        last_id=found.last_id,
        has_more=found.has_more,
    )


@router.get("/webhook_endpoints/{webhook_endpoint_id}")
def retrieve(webhook_endpoint_id: str, owner: Caller, use: Use) -> EndpointObject:
    """One endpoint."""
    return _told(use.endpoints, use.endpoints.get(owner, webhook_endpoint_id))


@router.post(
    "/webhook_endpoints/{webhook_endpoint_id}",
    openapi_extra=documented(UpdateEndpoint, files=False),
)
def update(
    webhook_endpoint_id: str,
    body: Annotated[UpdateEndpoint, Depends(body_of(UpdateEndpoint))],
    owner: Caller,
    use: Use,
) -> EndpointObject:
    """Change an endpoint; what is on its way already goes to the new address."""
    changes = body.model_dump()
    return _told(use.endpoints, use.endpoints.update(owner, webhook_endpoint_id, **changes))


@router.delete("/webhook_endpoints/{webhook_endpoint_id}")
def delete(webhook_endpoint_id: str, owner: Caller, use: Use) -> EndpointDeleted:
    """Remove an endpoint; what was on its way there is given up."""
    use.endpoints.delete(owner, webhook_endpoint_id)
    return EndpointDeleted(id=webhook_endpoint_id)


@router.post(
    "/webhook_endpoints/{webhook_endpoint_id}/rotate_secret",
    openapi_extra=documented(RotateSecret, files=False),
)
def rotate_secret(
    webhook_endpoint_id: str,
    body: Annotated[RotateSecret, Depends(body_of(RotateSecret))],
    owner: Caller,
    use: Use,
) -> EndpointWithSecret:
    """Give an endpoint a new secret, which is shown here and never again."""
    keep_old = body.keep_old_secret_active_for_24_hours
    made, secret = use.endpoints.rotate(owner, webhook_endpoint_id, keep_old=keep_old)
    return _with_secret(use.endpoints, made, secret)


@router.post(
    "/webhook_endpoints/{webhook_endpoint_id}/test",
    openapi_extra=documented(SampleEvent, files=False),
)
def test(
    webhook_endpoint_id: str,
    body: Annotated[SampleEvent, Depends(body_of(SampleEvent))],
    owner: Caller,
    use: Use,
) -> EndpointTested:
    """Send an endpoint a sample event, once, and tell what it answered."""
    status = use.endpoints.test(owner, webhook_endpoint_id, body.event_type)
    return EndpointTested(
        webhook_endpoint_id=webhook_endpoint_id, event_type=body.event_type, status_code=status
    )


@router.get("/webhook_event_types")
def list_event_types(owner: Caller) -> EventTypeList:
    """The types of events that endpoints can ask for."""
    return EventTypeList(data=list(EVENT_TYPES))


def _told(endpoints: Endpoints, endpoint: Endpoint) -> EndpointObject:
    return EndpointObject(
        id=endpoint.id,
        created_at=int(endpoint.created_at),
        updated_at=int(endpoint.updated_at),
        name=endpoint.name,
        url=endpoint.url,
        event_types=endpoint.event_types,
        signing_secret_hint=endpoints.hint_of(endpoint),
    )


def _with_secret(endpoints: Endpoints, endpoint: Endpoint, secret: str) -> EndpointWithSecret:
    told = _told(endpoints, endpoint)
    return EndpointWithSecret(**told.model_dump(), signing_secret=secret)
