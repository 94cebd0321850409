"""An endpoint of chat completions on this machine, which answers as it is told."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.service.receiver import Got, Receiver, Reply, listen


@dataclass
class Talker:
    """Keeps what came, and says ``said``, or the whole of ``answer`` if there is one."""

    receiver: Receiver
    said: str = "two red balloons over a lake at dawn in fog"
    answer: Reply | None = None

    @property
    def url(self) -> str:
        """The address of its API."""
        return f"http://127.0.0.1:{self.receiver.port}/v1"

    @property
    def asked(self) -> list[dict[str, Any]]:
        """The bodies that came."""
        return [json.loads(got.body) for got in list(self.receiver.got)]


def reply(content: object) -> Reply:
    """A completion with that content."""
    body = {"object": "chat.completion", "choices": [{"message": {"content": content}}]}
    return Reply(200, {"content-type": "application/json"}, json.dumps(body).encode())


@contextmanager
def talking() -> Iterator[Talker]:
    """A talker for as long as the block lasts."""
    made: list[Talker] = []
    answer: Callable[[Got], Reply] = lambda _: made[0].answer or reply(made[0].said)  # noqa: E731
    with listen(answer) as receiver:
        made.append(Talker(receiver))
        yield made[0]
