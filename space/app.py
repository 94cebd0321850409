"""A page where anyone has a video made by a server of the Videos API."""

import logging
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from page import telling
from page.gallery import KEEP, Gallery, View, item_of
from page.limits import visitor_of
from page.maker import Maker
from page.server import LENGTHS, SHAPES, SIDES, Clip, Server, size_of
from page.settings import Settings
from page.troubles import Trouble
from page.words import LANGUAGES, words_of

HERE = Path(__file__).parent
BLANK = HERE / "page" / "blank.svg"
Update = dict[Any, Any]
log = logging.getLogger("page")


class Page:
    """The page and what it does.

    Args:
        settings: of the operator.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        server = Server(settings)
        self.maker = Maker(settings, server)
        self.gallery = Gallery(server, settings.gallery, Path(get_upload_folder()) / "videos")
        self.i18n = gr.I18n(
            **{
                language: {f"page_{key}": text for key, text in words.items()}
                for language, words in LANGUAGES.items()
            }
        )
        self.blocks = gr.Blocks(
            title=settings.title, analytics_enabled=False, delete_cache=(60, int(KEEP))
        )
        with self.blocks:
            self._draw()
            self._connect()

    def _draw(self) -> None:
        def say(key: str) -> Any:  # noqa: ANN401  # Gradio has words of its own without the prefix
            return self.i18n(f"page_{key}")

        self.view = gr.State(View())
        self.header = gr.HTML(telling.header(self.settings.title, LANGUAGES["en"]))
        with gr.Row(elem_id="desk"):
            with gr.Column(elem_id="ask", min_width=300):
                with gr.Column(elem_id="form") as self.form:
                    self.prompt = gr.Textbox(
                        label=say("prompt"),
                        placeholder=say("example"),
                        lines=4,
                        max_length=self.settings.characters,
                        elem_id="prompt",
                    )
                    self.resolution = gr.Radio(
                        list(SIDES), value="720p", label=say("resolution"), elem_id="resolution"
                    )
                    self.shape = gr.Radio(
                        [(say(shape), shape) for shape in SHAPES],
                        value=SHAPES[0],
                        label=say("shape"),
                        elem_id="shape",
                    )
                    self.length = gr.Radio(
                        [(say(f"seconds_{length}"), length) for length in LENGTHS],
                        value=LENGTHS[0],
                        label=say("length"),
                        elem_id="length",
                    )
                    self.go = gr.Button(say("generate"), variant="primary", elem_id="go")
                    self.note = gr.HTML(elem_id="note")
                self.notice = gr.HTML(visible=False, elem_id="notice")
                self.again = gr.Button(say("again"), visible=False, elem_id="again")
            with gr.Column(elem_id="result", min_width=300):
                self.video = gr.Video(
                    label=say("result"),
                    show_label=False,
                    visible=False,
                    interactive=False,
                    autoplay=True,
                    loop=True,
                    buttons=[],
                    elem_id="video",
                )
                self.status = gr.HTML(elem_id="status")
                self.stop = gr.Button(say("stop"), visible=False, elem_id="stop")
                self.download = gr.DownloadButton(
                    say("download"), visible=False, elem_id="download"
                )
        self.heading = gr.HTML(visible=False, elem_id="heading")
        self.shown = gr.Gallery(
            show_label=False,
            label=say("gallery_key"),
            visible=False,
            columns=3,
            fit_columns=False,
            height="auto",
            object_fit="cover",
            allow_preview=False,
            buttons=[],
            elem_id="gallery",
        )
        self.more = gr.Button(say("more"), visible=False, elem_id="more")

    def _connect(self) -> None:
        # Nothing here is an API: programs have the server's.
        event: Any = partial(dict, api_visibility="private", show_progress="hidden")
        opening = [self.notice, self.again, self.form, self.status]
        listing = [self.view, self.shown, self.more, self.heading]
        result = [self.video, self.stop, self.download]
        greeting = [self.header, self.note]
        script = (HERE / "page.js").read_text()
        self.blocks.load(self.open, None, opening + listing + greeting, js=script, **event())
        self.again.click(self.look_again, None, opening, **event())
        gr.on(
            [self.go.click, self.prompt.submit],
            self.make,
            [self.prompt, self.resolution, self.shape, self.length, self.view],
            opening + listing + result + [self.go],
            trigger_mode="once",
            **event(),
        )
        self.stop.click(self.end, None, None, **event())
        self.more.click(self.load_more, self.view, [*listing, self.status], **event())
        self.shown.select(
            self.play, self.view, [*result, self.status], scroll_to_output=True, **event()
        )

    def open(self, request: gr.Request) -> Update:
        """What a visitor sees first."""
        words = _words(request)
        key = "note_key" if self.settings.gallery == "key" else "note"
        return {
            **self._access(self.maker.gate.closed(), request),
            **self._list(self.gallery.open(), request),
            self.header: telling.header(self.settings.title, words),
            self.note: telling.line(words[key].format(hourly=self.settings.hourly)),
        }

    def look_again(self, request: gr.Request) -> Update:
        """Whether access is back."""
        return self._access(self.maker.gate.closed(), request)

    def make(
        self,
        prompt: str,
        resolution: str,
        shape: str,
        length: int,
        view: View,
        request: gr.Request,
    ) -> Iterator[Update]:
        """A video, told of from its prompt to its end."""
        words = _words(request)
        prompt = prompt.strip()
        told = ""
        try:
            steps = self.maker.make(
                prompt,
                size_of(resolution, shape),
                length,
                self._visitor(request),
                request.session_hash or "",
            )
            clip: Clip | None = None
            for clip in steps:
                yield {
                    self.status: telling.progress(clip, words),
                    self.stop: gr.update(visible=clip is not None and clip.status != "completed"),
                    self.go: gr.update(interactive=False),
                    self.video: gr.update(visible=False, value=None),
                    self.download: gr.update(visible=False),
                }
            assert clip is not None  # a maker ends with a video or a trouble
            told = telling.words_on(clip, words)
            item = item_of(clip, prompt)
            path = self.gallery.video(item)
            update = self._list(view.with_own(item), request) | self._play(path)
            update[self.status] = telling.caption(item, words) + told
        except Trouble as trouble:
            log.info("no video: %s", trouble.kind)
            update = {}
            if trouble.closed:
                update = self._access(trouble, request)
            elif trouble.kind == "stopped":
                update[self.status] = telling.line(words["stopped"])
            else:
                refused = telling.refusal(trouble, words, self.settings, len(prompt))
                update[self.status] = refused + told
        yield {**update, self.stop: gr.update(visible=False), self.go: gr.update(interactive=True)}

    def end(self, request: gr.Request) -> None:
        """End what is being made; for who closes the page, Gradio closes `make`."""
        self.maker.limits.stop(request.session_hash or "")

    def load_more(self, view: View, request: gr.Request) -> Update:
        """One more page of the gallery."""
        words = _words(request)
        try:
            return self._list(self.gallery.more(view), request)
        except Trouble as trouble:
            return {self.status: telling.refusal(trouble, words, self.settings)}

    def play(self, view: View, event: gr.SelectData, request: gr.Request) -> Update:
        """Show a video of the gallery."""
        words = _words(request)
        item = view.items[event.index]
        try:
            return self._play(self.gallery.video(item)) | {
                self.status: telling.caption(item, words)
            }
        except Trouble as trouble:
            return {self.status: telling.refusal(trouble, words, self.settings)}

    def _access(self, closed: Trouble | None, request: gr.Request) -> Update:
        """The form, or in its place why there is none."""
        said = telling.notice(closed, _words(request)) if closed else ""
        return {
            self.notice: gr.update(value=said, visible=bool(closed)),
            self.again: gr.update(visible=bool(closed)),
            self.form: gr.update(visible=not closed),
            self.status: "" if closed else telling.nothing(_words(request)),
        }

    def _list(self, view: View, request: gr.Request) -> Update:
        pictures = [
            (str(self.gallery.thumbnail(item) or BLANK), telling.label(item, _words(request)))
            for item in view.items
        ]
        title = _words(request)[f"gallery_{view.source}"]
        return {
            self.view: view,
            self.shown: gr.update(value=pictures, visible=bool(pictures)),
            self.more: gr.update(visible=view.more),
            self.heading: gr.update(value=telling.heading(title), visible=bool(pictures)),
        }

    def _play(self, path: Path) -> Update:
        return {
            self.video: gr.update(value=str(path), visible=True),
            self.download: gr.update(value=str(path), visible=True),
        }

    def _visitor(self, request: gr.Request) -> str:
        peer = request.client.host if request.client else ""
        forwarded = request.headers.get("x-forwarded-for", "")
        return visitor_of(peer, forwarded, self.settings.proxies)


def _words(request: gr.Request) -> Any:  # noqa: ANN401
    return words_of(request.headers.get("accept-language", ""))


def theme() -> gr.themes.Base:
    """A quiet look, in fonts that every machine has."""
    sans = ("ui-sans-serif", "system-ui", "sans-serif")
    return gr.themes.Base(
        primary_hue=gr.themes.colors.teal,
        neutral_hue=gr.themes.colors.stone,
        radius_size=gr.themes.sizes.radius_md,
        font=sans,
        font_mono=("ui-monospace", "monospace"),
    ).set(
        body_background_fill="#faf9f6",
        body_background_fill_dark="#171614",
        body_text_color_subdued="#6b655d",
        body_text_color_subdued_dark="#aaa39a",
        block_padding="0px",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
        block_border_width="0px",
        block_shadow="none",
        block_label_background_fill="transparent",
        input_background_fill="#ffffff",
        input_background_fill_dark="#211f1d",
        checkbox_background_color_selected="#1f5f5b",
        checkbox_background_color_selected_dark="#2f7f79",
        checkbox_border_color_selected="#1f5f5b",
        checkbox_border_color_selected_dark="#2f7f79",
        checkbox_border_color="#8a857c",
        checkbox_label_background_fill="#efece6",
        checkbox_label_background_fill_dark="#2a2724",
        checkbox_label_background_fill_selected="#dcebe9",
        checkbox_label_background_fill_selected_dark="#1d3f3c",
        button_secondary_background_fill="#efece6",
        button_secondary_background_fill_dark="#2a2724",
        button_primary_background_fill="#1f5f5b",
        button_primary_background_fill_hover="#174a47",
        button_primary_background_fill_dark="#2f7f79",
        button_primary_text_color="#ffffff",
        button_primary_text_color_dark="#ffffff",
    )


def main() -> None:
    """Serve the page."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    settings = Settings.read()
    page = Page(settings)
    # Whoever makes a video holds a thread, and the others need some too.
    page.blocks.queue(default_concurrency_limit=None).launch(
        theme=theme(),
        css_paths=HERE / "page.css",
        i18n=page.i18n,
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        max_threads=settings.places + 20,
    )


if __name__ == "__main__":
    main()
