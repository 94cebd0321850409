"""Pieces of HTML; whatever came from outside is escaped."""

from collections.abc import Mapping
from html import escape

from page.gallery import Item
from page.server import Clip
from page.settings import Settings
from page.troubles import Trouble
from page.words import span, worth

Words = Mapping[str, str]


def header(title: str, words: Words) -> str:
    """The top of the page."""
    return f"<header><h1>{escape(title)}</h1><p>{escape(words['lead'])}</p></header>"


def notice(trouble: Trouble, words: Words) -> str:
    """Why nobody can make videos now, in the place of the form."""
    said = trouble.message or words.get(f"{trouble.kind}_more", "")
    lines = heading(words[trouble.kind]) + _lines(said, worth(trouble, words))
    return f'<section class="notice" role="alert">{lines}</section>'


def refusal(trouble: Trouble, words: Words, settings: Settings, count: int = 0) -> str:
    """Why this one video is not made.

    Args:
        trouble: what stands against it.
        words: of the visitor's language.
        settings: of the page's own limits.
        count: characters of the prompt.
    """
    text = words[trouble.kind]
    if trouble.field:
        name = words.get(f"field_{trouble.field}", trouble.field)
        text = words["value_of"].format(field=name)
    if trouble.kind in ("hour", "long"):
        most = {"hourly": settings.hourly, "characters": settings.characters}
        text = text.format(count=count, **most)
    lines = _lines(text, trouble.message, worth(trouble, words))
    return f'<div class="refusal" role="alert">{lines}</div>'


def progress(clip: Clip | None, words: Words) -> str:
    """How far a video is; None is before the server has answered.

    What changes all the time is kept from screen readers, which find it in the bar.
    """
    if clip is None:
        return _bar(words["asking"], "", None, words)
    percent = clip.progress if clip.status == "in_progress" else None
    stage = words["queued"] if clip.status == "queued" else words["in_progress"]
    if clip.status == "queued" and clip.place:
        stage = words["next"] if clip.place == 1 else words["place"].format(place=clip.place)
    if clip.status == "completed":
        stage, percent = words["fetching"], 100
    details = [f"{percent} %"] if percent is not None else []
    if clip.status == "in_progress" and clip.stage not in ("", "running"):
        details.append(words.get(f"stage_{clip.stage}", clip.stage))
    if clip.left is not None and clip.status != "completed":
        details.append(words["left"].format(time=span(clip.left, words)))
    return _bar(stage, " · ".join(details), percent, words)


def words_on(clip: Clip, words: Words) -> str:
    """What the server says of a finished video beside the file: nothing, if it says nothing."""
    parts = []
    if clip.revised and clip.revised != clip.prompt:
        parts.append(
            f"<p>{escape(words['revised'])}</p><blockquote>{escape(clip.revised)}</blockquote>"
        )
    if clip.unknown:
        named = [
            words["like"].format(word=word, like=like) if like else words["word"].format(word=word)
            for word, like in clip.unknown
        ]
        parts.append(f"<p>{escape(words['unknown'])} {escape(', '.join(named))}.</p>")
    return f'<div class="words">{"".join(parts)}</div>' if parts else ""


def nothing(words: Words) -> str:
    """What stands in the place of a video that is not there yet."""
    return f'<div class="nothing"><p>{escape(words["nothing"])}</p></div>'


def label(item: Item, words: Words) -> str:
    """What stands beside a video of the gallery: what it shows, and who shared it."""
    by = words["shared_by"].format(maker=item.maker) if item.maker else ""
    short = item.caption if len(item.caption) <= 120 else f"{item.caption[:119]}…"
    return ", ".join(part for part in (short, by) if part)


def caption(item: Item, words: Words) -> str:
    """What the video is of."""
    by = words["shared_by"].format(maker=item.maker) if item.maker else ""
    said = ", ".join(part for part in (item.caption, by) if part)
    return f'<div class="caption"><p>{escape(said)}</p></div>'


def line(text: str) -> str:
    """One sentence."""
    return f'<div class="line"><p>{escape(text)}</p></div>'


def heading(text: str) -> str:
    """The title of a part of the page."""
    return f"<h2>{escape(text)}</h2>"


def _lines(*texts: str) -> str:
    return "".join(f"<p>{escape(text)}</p>" for text in texts if text)


def _bar(stage: str, details: str, percent: int | None, words: Words) -> str:
    value = "" if percent is None else f' value="{percent}"'
    return (
        f'<div class="progress"><p>{escape(stage)}</p>'
        f'<progress max="100"{value} aria-label="{escape(words["progress"])}"></progress>'
        f'<p class="details" aria-hidden="true">{escape(details) or "&nbsp;"}</p></div>'
    )
