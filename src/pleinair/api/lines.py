"""Lines of batches, read and told of as the routes do with bodies and videos."""

from collections.abc import Callable
from typing import Any

from pleinair.api.body import checked
from pleinair.api.errors import UNEXPECTED, answer_of, envelope, param_of
from pleinair.api.inputs import draft_of_create
from pleinair.api.services import Services
from pleinair.api.shapes import CreateVideo, video_object
from pleinair.errors import InputError, PleinairError
from pleinair.service.standing import Standing
from pleinair.service.tables import Video
from pleinair.service.videos import Draft


class Lines:
    """The `Wire` of a server's batches.

    Args:
        services: gives the services of the server, which are there once the first line is read.
    """

    def __init__(self, services: Callable[[], Services]) -> None:
        self.services = services

    def check(self, body: dict[str, Any]) -> None:
        """Raise InputError unless a body has the form of a create."""
        self._read(body)

    def draft(self, owner: str, body: dict[str, Any]) -> Draft:
        """The video that a body asks for; raises what the create would."""
        return draft_of_create(self.services(), owner, self._read(body))

    def _read(self, body: dict[str, Any]) -> CreateVideo:
        made = checked(CreateVideo, _told(body))
        if made.rewrite:  # nobody waits for it, who could be told that it failed
            raise InputError("rewrite", True, "false in a batch")
        return made

    def tell(self, video: Video) -> dict[str, Any]:
        """A video that has ended, as the API tells of it."""
        return video_object(video, Standing()).model_dump(mode="json")

    def refuse(self, error: PleinairError | None) -> dict[str, Any]:
        """Status and body of the answer to an error; None is one of ours."""
        if error is None:
            message, answer, param = "The server had an error with this line.", UNEXPECTED, None
        else:
            message, answer, param = str(error), answer_of(error), param_of(error)
        return {"status_code": answer.status, "body": envelope(message, answer, param)}


def _told(body: dict[str, Any]) -> dict[str, Any]:
    """What a body says: null is as if the field were not there."""
    return {name: value for name, value in body.items() if value is not None}
