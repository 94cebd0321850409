"""Structured logs on stderr: JSON lines, or words on a terminal; secrets never reach them."""

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any, TextIO

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

HIDDEN = "***"
_NAMES = re.compile(
    r"(?i)(^|[_-])(key|secret|authorization|token|password|signature|cookie)s?$|^api_?key$"
)
_VALUES = re.compile(
    r"""(?ix)
    \b(?:sk|pa|pk)[-_][a-z0-9_-]{8,}            # API keys, invitations, signed-in browsers
    | pa_(?:invite_|session_)?[a-z0-9_-]{30,}   # also in the middle of a word, as in %20pa_…
    | \bwhsec_[a-z0-9+/=]{8,}                   # webhook secrets
    | \b(?:bearer|basic)\s+[a-z0-9._~+/=-]{8,}  # authorization headers
    | (?<=[?&]signature=)[^&\s"']+              # signed links
    | (?<=[?&]x-amz-signature=)[^&\s"']+
    | (?<=[?&]client_id=)[^&\s"']+              # an open page of the studio
    | (?<=://)[^\s/:@]*:[^\s/@]+(?=@)           # user:password@ in addresses
    """
)


def configure(
    *, json: bool | None = None, level: str = "INFO", stream: TextIO | None = None
) -> None:
    """Send every log, ours and the libraries', to one place in one form.

    Args:
        json: JSON lines or words for a person; words on a terminal if None.
        level: the least that is logged.
        stream: stderr if None.
    """
    stream = stream or sys.stderr
    if json is None:
        json = not stream.isatty()
    common: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    show: Processor = structlog.dev.ConsoleRenderer(
        exception_formatter=structlog.dev.plain_traceback
    )
    if json:
        show = structlog.processors.JSONRenderer()
    last: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        hide_secrets,  # after the traceback was written out: it may hold one
        show,
    ]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(processors=last, foreign_pre_chain=common)
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for chatty in ("httpx", "httpcore", "alembic", "asyncio"):
        logging.getLogger(chatty).setLevel("WARNING")
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *common,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def hide_secrets(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Mask what is called like a secret, and what looks like one, however deep it lies."""
    return {name: HIDDEN if _NAMES.search(name) else masked(value) for name, value in event.items()}


def masked(value: Any) -> Any:  # noqa: ANN401  # whatever was logged
    """A value, as deep as it goes, without what is called or looks like a secret."""
    if isinstance(value, str):
        return _VALUES.sub(HIDDEN, value)
    if isinstance(value, Mapping):
        return {
            name: HIDDEN if _NAMES.search(str(name)) else masked(item)
            for name, item in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [masked(item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return _VALUES.sub(HIDDEN, str(value))
