"""What a video begins with: pictures at their times, or a clip and what is done with it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from nicegui.events import GenericEventArguments

from pleinair.studio import film
from pleinair.studio.parts import Button, Drop, Field, Tag, choices, inside, tell
from pleinair.studio.visitor import Visitor

WAYS = {
    "extend": "Go on from its end",
    "before": "Begin it earlier",
    "connect": "Lead to another clip",
    "retake": "Make a part anew",
    "edit": "Change it",
}
"""What can be done with a clip."""
NEEDS = {"connect": {"extend", "before"}}
"""Abilities of a model that a way asks for, where they are not the one of its own name."""
ROUTES = {
    "extend": "/v1/videos/extensions",
    "before": "/v1/videos/extensions",
    "connect": "/v1/videos/connections",
    "retake": "/v1/videos/retakes",
    "edit": "/v1/videos/edits",
}
ADDED = ("", "extend", "before", "connect")
"""Ways whose length is asked for; the others keep the clip's, and have a strength."""
Material = dict[str, Any]
"""A video or a file, as the API told of it."""


def ways_of(able: Collection[str]) -> list[str]:
    """What can be done with a clip by a model of these abilities."""
    return [way for way in WAYS if NEEDS.get(way, {way}) <= set(able)]


def abilities_of(models: Sequence[Mapping[str, Any]], name: str) -> list[str]:
    """What can be asked for with a model that no person chose, as the API tells of all.

    Its own abilities, and those of the model that stands in for it.
    """
    told = {model["id"]: model for model in models}
    found = told.get(name, {"abilities": (), "stand_in": None})
    other = told.get(found["stand_in"] or "", {"abilities": ()})
    return sorted({*found["abilities"], *other["abilities"]})


class Beginning(Tag):
    """A place for pictures and clips, and what is to become of them.

    Args:
        visitor: whose they are.
        clip: a video to begin from, or None.
        way: one of WAYS, or empty if there is no clip.
        able: gives the abilities of the chosen model.
        changed: called when something was given, taken away or chosen.
    """

    def __init__(
        self,
        visitor: Visitor,
        clip: film.Video | None,
        way: str,
        able: Callable[[], Collection[str]],
        changed: Callable[[], None],
    ) -> None:
        super().__init__("div")
        self.visitor, self.t = visitor, visitor.tongue
        self.able, self.changed = able, changed
        self.clip: Material | None = dict(clip) if clip and way else None
        self.way = way if clip else ""
        self.other: Material | None = None  # that the clip leads to
        self.pictures: list[Material] = []
        self.times: list[Field] = []
        self.span: dict[str, Field] = {}
        self.second: Field | None = None
        t = self.t
        with self:
            self.zone = Drop("", "image/*,video/*", self._dropped)
            self.clear_button = Button(t("Begin with nothing"), self._clear, "plain")
            self.ways, self.more = Tag("div"), Tag("div")
        self.fit()

    @property
    def is_nothing(self) -> bool:
        """Whether the video begins with its prompt alone."""
        return not self.clip and not self.pictures

    def fit(self) -> None:
        """Show what the chosen model can do."""
        able = self.able()
        self.hide("frame" not in able and not ways_of(able))
        self._show()

    # What is given

    async def _dropped(self, event: GenericEventArguments) -> None:
        t, told = self.t, event.args
        is_clip = str(told.get("type")).startswith("video/")
        if told["state"] == "begun":
            tell(t("{name} is on its way", name=told["name"]))
        elif told["state"] == "failed":
            tell(told["message"] or t("It did not arrive."), wrong=True)
        elif is_clip and self.way == "connect":
            self.other = told
        elif is_clip:
            self.clip, self.way = told, next(iter(ways_of(self.able())), "edit")
        elif self.way == "edit":
            tell(t("A clip that is changed takes no pictures."), wrong=True)
        else:
            self.pictures.append(told)
        if told["state"] == "done":
            self._show()
            self.changed()

    async def _clear(self) -> None:
        self.clip = self.other = None
        self.way, self.pictures = "", []
        self._show()
        self.changed()

    def _choose(self, way: str) -> None:
        self.way = way
        if way == "edit":
            self.pictures = []
        self._show()
        self.changed()

    # How it is shown

    def _show(self) -> None:
        t = self.t
        kept = [field.value for field in self.times]
        for place in (self.zone.given, self.ways, self.more):
            place.clear()
        self.times, self.span, self.second = [], {}, None
        self.zone.label.text = t(
            "The clip that it leads to: drop it here, or choose"
            if self.way == "connect"
            else "Begin with a picture or a clip: drop it here, or choose"
        )
        self.clear_button.hide(self.is_nothing)
        with self.zone.given:
            if self.clip:
                self._preview(self.clip, t("The video so far"))
            if self.other and self.way == "connect":
                self._preview(self.other, t("The clip that it leads to"))
            for i, picture in enumerate(self.pictures):
                self._picture(i, picture, kept[i] if i < len(kept) else None)
        if self.clip:
            with self.ways:
                there = {way: t(WAYS[way]) for way in ways_of(self.able())}
                choices(t("What to do with the clip"), there, self.way, self._choose)
            with self.more:
                if self.way == "retake":
                    self._span()
                if self.way == "connect":
                    self._second()

    def _preview(self, clip: Material, name: str) -> None:
        if _is_video(clip):
            Tag("img", src=film.content(clip, "thumbnail"), alt=name)
        else:
            address = f"/v1/files/{clip['id']}/content"
            Tag("video", src=address, muted=True, controls=True, aria_label=name)

    def _picture(self, i: int, picture: Material, time: str | None) -> None:
        t = self.t
        name = t("Picture {n}", n=i + 1) if i or self.clip else t("The first picture")
        if time is None:
            time = "" if i or self.clip else "0"
        with inside("div", "frame-at"):
            Tag("img", src=f"/v1/files/{picture['id']}/content", alt=name)
            self.times.append(
                Field(
                    t("At second"),
                    value=time,
                    inputmode="decimal",
                    placeholder=t("the end"),
                )
            )

            async def remove() -> None:
                del self.pictures[i], self.times[i]
                self._show()
                self.changed()

            Button(t("Remove"), remove, "plain", aria_label=t("Remove picture {n}", n=i + 1))

    def _span(self) -> None:
        t = self.t
        whole = float(self.clip["seconds"]) if self.clip and _is_video(self.clip) else 3.0
        with inside("div", "pair"):
            for name, label, at in (
                ("start", t("From second"), whole / 3),
                ("end", t("To second"), whole * 2 / 3),
            ):
                self.span[name] = Field(label, value=f"{at:.2g}", type="number", min=0, step=0.1)

    def _second(self) -> None:
        t = self.t

        def chosen(video: film.Video | None) -> None:
            self.other = dict(video) if video else None

        value = self.other["id"] if self.other else ""
        none = t("Choose a video, or drop a clip above")
        self.second = film.Choice(self.visitor, t("It leads to"), none, value, chosen)

    # What is asked for

    def keyframes(self, seconds: float) -> list[dict[str, object]] | None:
        """The pictures and when each is seen; one without a time at the end."""
        told = [
            {"at": seconds if field.number is None else field.number, "file_id": picture["id"]}
            for field, picture in zip(self.times, self.pictures, strict=True)
        ]
        return told or None

    async def ask(self, drawing: dict[str, Any], seconds: Field, strength: Field) -> Material:
        """Ask for what is to become of the clip.

        Args:
            drawing: the prompt and how to draw.
            seconds: to add, for the ways that do.
            strength: how much may change, for those that change something.

        Raises:
            RefusedError: the API said no.
        """
        assert self.clip is not None  # a way is of a clip
        clips = {"video": self.clip}
        more: dict[str, Any] = {"strength": strength.number}
        length = seconds.number or 0.0
        if self.way in ADDED:
            more = {"seconds": seconds.value}
        if self.way == "before":
            more["direction"] = "backward"
        if self.way == "connect":
            clips = {"first": self.clip} | ({"second": self.other} if self.other else {})
        if self.way == "retake":
            start, end = (self.span[name].number or 0.0 for name in ("start", "end"))
            more |= {"start": start, "end": end}
            length = max(0.0, end - start)
        more["keyframes"] = self.keyframes(length)
        return await self._ask({**drawing, **more}, clips)

    async def _ask(self, fields: dict[str, Any], clips: dict[str, Material]) -> Material:
        api, route = self.visitor.api, ROUTES[self.way]
        named = {name: {"id": clip["id"]} for name, clip in clips.items() if _is_video(clip)}
        if len(named) == len(clips):
            return await api.post(route, {**fields, **named})
        sent = {}
        for name, clip in clips.items():
            if name not in named:
                data = await api.content(f"/v1/files/{clip['id']}/content")
                sent[name] = (clip["name"], data, clip["type"])
        return await api.send(route, {**fields, **named}, **sent)

    def fields(self) -> list[Field]:
        """All that may be blamed."""
        second = [self.second] if self.second else []
        return [*self.times, *self.span.values(), *second]

    def field_of(self, param: str) -> Field | None:
        """Where on the page a field of the API is."""
        if param == "second":
            return self.second
        if param.partition(".")[0] in ("at", "keyframes", "input_reference") and self.times:
            number = param.split(".")[1:2]
            place = int(number[0]) if number and number[0].isdecimal() else -1
            return self.times[place] if place < len(self.times) else None
        return self.span.get(param)


def _is_video(material: Material) -> bool:
    """Whether it is a video of this server, rather than a file that was dropped."""
    return material.get("object") == "video"
