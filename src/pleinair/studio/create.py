"""Where videos are made: the prompt and how to draw it, and beside it what is made."""

from typing import Any

from pleinair.backends.base import MODELS
from pleinair.diffusion.model.vocabulary import Vocabulary
from pleinair.diffusion.worlds.suggestions import suggestions
from pleinair.settings import Settings
from pleinair.studio import film
from pleinair.studio.beginning import ADDED, WAYS, Beginning, abilities_of
from pleinair.studio.client import RefusedError
from pleinair.studio.pages import Pages
from pleinair.studio.parts import Button, Field, Tag, choices, inside, link, tell
from pleinair.studio.prompt import Prompt
from pleinair.studio.shell import frame
from pleinair.studio.visitor import Visitor
from pleinair.studio.wording import Wording

SIZES = {
    "wide": {"360": "640x360", "720": "1280x720", "1080": "1920x1080"},
    "tall": {"360": "360x640", "720": "720x1280", "1080": "1080x1920"},
    "square": {"360": "360x360", "720": "720x720", "1080": "1080x1080"},
}
DRAFT = {"steps": 6, "quality": "360"}
"""A draft takes half the steps, and the smallest size."""
RECENT = 8


def install(pages: Pages) -> None:
    """Add the page."""

    @pages.page("/")
    async def create(visitor: Visitor, source: str = "", how: str = "") -> None:
        t = visitor.tongue
        models = (await visitor.api.get("/v1/models"))["data"]
        before = await visitor.api.get(f"/v1/videos/{source}") if source else None
        with frame(visitor, t("Create"), "/"), inside("div", "easel"):
            await Easel(visitor, models, before, how).begin()


class Easel:
    """The form on the left, what comes of it on the right.

    Args:
        visitor: who works at it.
        models: that are offered.
        before: a video to begin from, or whose settings are taken over.
        how: one of `pleinair.studio.beginning.WAYS`, or empty to take over its settings alone.
    """

    def __init__(
        self, visitor: Visitor, models: list[dict[str, Any]], before: film.Video | None, how: str
    ) -> None:
        self.visitor, self.models = visitor, models
        self.t = visitor.tongue
        self.before, self.how = before, how if before and how in WAYS else ""
        self.kind = "video"  # or a loop, or a still
        self.shape, self.quality, self.look = "wide", "720", "photo"
        self.model = before["model"] if before else models[0]["id"]
        self.chosen = False  # whether a person said which model; if none did, others may stand in
        self.shown: film.Video | None = None

    async def begin(self) -> None:
        """Draw both sides."""
        with inside("section", "sheet", aria_label=self.t("New video")):
            self._form()
        with inside("section", "stage", aria_label=self.t("What is made")):
            self.stage = Tag("div")
            self.lately = Tag("h2", self.t("Lately"))
            self.recent = Tag("ul", "", "films")
        await self.refresh()

    # The form

    def _form(self) -> None:
        t, before = self.t, self.before
        told = before["prompt"] if before else ""
        self.prompt = Prompt(t, self._vocabulary(), told or "")
        self.wording = Wording(self.visitor, self.prompt, lambda: self.model)
        self.beginning = Beginning(self.visitor, before, self.how, self._able, self._fit)
        self.kinds = Tag("div")
        self._offer_kinds()
        choices(
            t("Look"),
            {
                "photo": t("Photo"),
                "black and white": t("Black and white"),
                "watercolour": t("Watercolour"),
                "ink": t("Ink"),
            },
            "photo",
            self._look,
        )
        self.frame = Tag("div")
        with self.frame:
            choices(
                t("Shape"),
                {"wide": t("Wide"), "tall": t("Tall"), "square": t("Square")},
                self.shape,
                lambda shape: setattr(self, "shape", shape),
            )
            choices(
                t("Size"),
                {"360": "360p", "720": "720p", "1080": "1080p"},
                self.quality,
                lambda quality: setattr(self, "quality", quality),
            )
        with inside("div", "pair"):
            seconds = before["seconds"] if before and not self.how else "4"
            self.seconds = Field(
                t("Seconds"),
                type="number",
                value=seconds,
                min=0.5,
                step=0.5,
                max=self._offer()["longest_seconds"],
                inputmode="decimal",
            )
            self.variations = Field(t("Variations"), type="number", value="1", min=1, max=16)
            seed = str(before["seed"]) if before and not self.how else ""
            self.seed = Field(
                t("Seed"),
                value=seed,
                inputmode="numeric",
                placeholder=t("drawn"),
            )
        self.strength = Field(
            t("How much may change"), type="range", value="0.88", min=0.1, max=1, step=0.02
        )
        with inside("details"):
            Tag("summary", t("More"))
            if len(self.models) > 1:
                names = {model["id"]: model["id"] for model in self.models}
                Field(t("Model"), "select", value=self.model, options=names, said=self._choose)
            self.negative = Field(t("Keep out"))
            with inside("div", "pair"):
                self.steps = Field(t("Steps"), type="number", min=1, max=200, placeholder=t("auto"))
                self.guidance = Field(
                    t("Guidance"), type="number", min=0, max=20, step=0.5, placeholder=t("auto")
                )
        with inside("div", "make"):
            self.draft_button = Button(t("Draft"), self.draft, title=t("Quick and small, to see"))
            Button(t("Create"), self.create, "first", data_key="mod+enter", title="Ctrl+Enter")
        self._fit()

    def _look(self, look: str) -> None:
        self.look = look

    def _offer_kinds(self) -> None:
        t, self.kind = self.t, "video"
        kinds = {"video": t("Video"), "loop": t("Loop"), "still": t("Picture")}
        if "loop" not in self._able():
            del kinds["loop"]
        self.kinds.clear()
        with self.kinds:
            choices(t("What is made"), kinds, self.kind, self._kind)

    def _kind(self, kind: str) -> None:
        self.kind = kind
        self._fit()

    def _choose(self, model: str) -> None:
        self.model, self.chosen = model, True
        self.prompt.use(self._vocabulary())
        self.beginning.fit()
        self._offer_kinds()
        self._fit()

    def _fit(self) -> None:
        """Show what has a meaning: a clip brings its own size, and only a change has a strength."""
        able, way = self._able(), self.beginning.way
        self.frame.hide(bool(way))
        self.variations.hide(bool(way))
        self.kinds.hide(bool(way))
        self.seconds.hide(way not in ADDED or (self.kind == "still" and not way))
        self.strength.hide(way in ADDED)
        self.negative.hide("negative_prompt" not in able)
        for field in (self.steps, self.guidance):
            field.hide(not self._offer()["sampled"])
        self.wording.fit(able, alone=self.beginning.is_nothing)
        self.draft_button.hide(bool(way))

    def _able(self) -> list[str]:
        """What the chosen model can do."""
        able: list[str] = self._offer()["abilities"]
        return able if self.chosen else abilities_of(self.models, self.model)

    def _asked(self) -> str | None:
        """The model that is asked for by its name; none where another may stand in for it."""
        return None if self._offer()["stand_in"] and not self.chosen else self.model

    def _offer(self) -> dict[str, Any]:
        """What the API tells of the chosen model."""
        return next(model for model in self.models if model["id"] == self.model)

    def _vocabulary(self) -> Vocabulary | None:
        behind = self._offer()["alias_of"] or self.model
        return MODELS[behind].vocabulary(Settings.read())

    # What comes of it

    async def create(self) -> None:
        """Ask for the video."""
        await self._make(self.quality, {})

    async def draft(self) -> None:
        """Ask for it quick and small."""
        how = {"steps": DRAFT["steps"]} if self._offer()["sampled"] else {}
        await self._make(str(DRAFT["quality"]), how, draft=True)

    async def _make(self, quality: str, how: dict[str, Any], *, draft: bool = False) -> None:
        for field in (*self._fields().values(), *self.beginning.fields()):
            field.blame(None)
        if not self.prompt.value:
            self.prompt.field.blame(self.t("Say what is to be seen."))
            return
        drawing = {
            "prompt": self._said(),
            "seed": self.seed.whole,
            "steps": self.steps.whole,
            "guidance": self.guidance.number,
            "negative_prompt": self.negative.value or None,
            **how,
        }
        try:
            video = await self._ask(drawing, SIZES[self.shape][quality])
        except RefusedError as error:
            self._blame(error)
            return
        await self.show(video, draft=draft)
        await self.refresh()

    async def _ask(self, drawing: dict[str, Any], size: str) -> film.Video:
        if self.beginning.way:
            asked = {**drawing, "model": self._asked()}
            return await self.beginning.ask(asked, self.seconds, self.strength)
        still = self.kind == "still"
        length = 0.0 if still else self.seconds.number or 0.0
        return await self.visitor.api.post(
            "/v1/videos",
            {
                **drawing,
                "model": self._asked(),
                "size": size,
                "seconds": film.STILL if still else self.seconds.value,
                "n": self.variations.whole,
                "loop": True if self.kind == "loop" else None,
                "keyframes": self.beginning.keyframes(length),
                **self.wording.asked(),
            },
        )

    def _said(self) -> str:
        """The prompt, with the look in the words of captions."""
        if self.look == "photo":
            return self.prompt.value
        return f"{self.prompt.value.rstrip('.,')}, {suggestions(self.t.name)['looks'][self.look]}"

    def _fields(self) -> dict[str, Field]:
        return {
            "prompt": self.prompt.field,
            "seconds": self.seconds,
            "n": self.variations,
            "seed": self.seed,
            "steps": self.steps,
            "guidance": self.guidance,
            "negative_prompt": self.negative,
            "strength": self.strength,
        }

    def _blame(self, error: RefusedError) -> None:
        """Say what is wrong where it is wrong."""
        param = error.param or ""
        field = self._fields().get(param) or self.beginning.field_of(param)
        if field is None:
            tell(str(error), wrong=True)
        else:
            field.blame(str(error))

    async def show(self, video: film.Video, *, draft: bool = False) -> None:
        """Put a video on the stage."""
        self.shown = video
        self.stage.clear()
        with self.stage, inside("div", "sheet"):
            if video["status"] in film.ACTIVE:

                async def ended(last: film.Video) -> None:
                    if self.shown and self.shown["id"] == last["id"]:
                        await self.show(last, draft=draft)
                    await self.refresh()

                film.AtWork(self.visitor, video, ended)
            else:
                film.screen(self.visitor, video)
                self._below(video, draft)

    def _below(self, video: film.Video, draft: bool) -> None:
        t = self.t
        if unknown := film.unknown_of(t, video):
            Tag("p", unknown, "notice")
        for note in (*film.added_of(t, video), *video["notes"]):
            Tag("p", note, "notice")
        with inside("div", "row"):
            if draft and video["status"] == "completed":

                async def final() -> None:
                    self.seed.fill(str(video["seed"]))
                    await self._make(self.quality, {})

                Button(t("Make it for good"), final, "first")
            if video["status"] == "completed":
                link(t("Download"), film.content(video), "button", download=f"{video['id']}.mp4")
                if film.is_still(video):
                    picture = film.content(video, "thumbnail")
                    name = f"{video['id']}.webp"
                    link(t("Picture"), picture, "button", download=name)
            link(t("Details"), f"/videos/{video['id']}", "button")
            Tag("span", t("Seed {seed}", seed=video["seed"]), "small quiet")

    async def refresh(self) -> None:
        """Show what was made lately."""
        found = (await self.visitor.api.get("/v1/videos", limit=RECENT))["data"]
        self.lately.hide(not found)
        self.recent.clear()
        with self.recent:
            for video in found:
                film.card(self.visitor, video, self.refresh)
        if self.shown is None and found:
            await self.show(found[0])
        elif not found:
            self._invite()

    def _invite(self) -> None:
        self.stage.clear()
        with self.stage:
            Tag("p", self.t("Say on the left what is to be seen. It appears here."), "empty")
