"""The check ``moderation``: an endpoint in the form of OpenAI's ``/v1/moderations``."""

import base64

import httpx

from pleinair.errors import UnavailableError
from pleinair.review.found import Found

MODEL = "omni-moderation-latest"
PATIENCE = 10.0  # seconds


class Moderation:
    """Asks an endpoint about a video that is to be shared, by its prompt and a picture.

    Args:
        url: of the endpoint.
        key: for it; without one, none is sent.
    """

    def __init__(self, url: str, key: str = "") -> None:
        self.url = url
        self._headers = {"authorization": f"Bearer {key}"} if key else {}

    def prompt(self, text: str) -> list[Found]:
        """Nothing: a video is queued without waiting for others."""
        return []

    def video(self, prompt: str, thumbnail: bytes) -> list[Found]:
        """Each category that is flagged, with its score.

        Raises:
            UnavailableError: there is no answer, or one that cannot be understood.
        """
        picture = f"data:image/webp;base64,{base64.b64encode(thumbnail).decode()}"
        body = {
            "model": MODEL,
            "input": [
                {"type": "text", "text": prompt},
                {"type": "image_url", "image_url": {"url": picture}},
            ],
        }
        try:
            answer = httpx.post(self.url, json=body, headers=self._headers, timeout=PATIENCE)
            answer.raise_for_status()
            return [found for result in answer.json()["results"] for found in _read(result)]
        except httpx.HTTPStatusError as error:
            status = error.response.status_code
            raise UnavailableError(f"the endpoint answered with {status}") from error
        except httpx.HTTPError as error:
            raise UnavailableError(f"no answer: {type(error).__name__}") from error
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise UnavailableError("the answer is not in the form of moderations") from error


def _read(result: dict[str, dict[str, float]]) -> list[Found]:
    scores = result.get("category_scores") or {}
    found = [
        Found(str(category), f"score {float(scores[category]):.2f}" if category in scores else "")
        for category, is_flagged in result["categories"].items()
        if is_flagged
    ]
    return found or ([Found("flagged")] if result["flagged"] else [])
