"""Prompts said in other words, to look at before a video is made of them."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from pleinair.api.body import body_of, documented
from pleinair.api.identity import Caller
from pleinair.api.inputs import model_of
from pleinair.api.services import Use
from pleinair.api.shapes import REFUSALS, Prompt, Strict
from pleinair.service.rewriting import need

router = APIRouter(prefix="/v1", tags=["rewrites"], responses=REFUSALS)


class CreateRewrite(Strict):
    """A prompt to be said in other words, for a model."""

    prompt: Prompt
    model: str | None = None


class RewriteObject(BaseModel):
    """A prompt in other words, and as it was."""

    object: Literal["rewrite"] = "rewrite"
    prompt: str
    original_prompt: str


@router.post("/rewrites", openapi_extra=documented(CreateRewrite, files=False))
def create(
    body: Annotated[CreateRewrite, Depends(body_of(CreateRewrite))], owner: Caller, use: Use
) -> RewriteObject:
    """Extra: have the server's endpoint say a prompt in other words; nothing is queued."""
    _, model = model_of(use, body.model)
    said = need(use.rewriter).rewrite(body.prompt, model, owner)
    return RewriteObject(prompt=said, original_prompt=body.prompt)
