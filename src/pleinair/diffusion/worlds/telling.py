"""Telling: how what is to be told of a scene becomes words.

Frames such as ``{acting} {where} {when}`` are filled in from left to right; each slot takes from
what is *left* to tell, so nothing is told twice, and what the frame had no slot for is added at
the end.
"""

import dataclasses
import random
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import TypeVar

from pleinair.diffusion.worlds.phrases import SLOT, Noun, Phrases, WeatherPhrases, agree
from pleinair.diffusion.worlds.scene import GREY_LOOKS, KINDS, Scene, Thing

_ALOFT = ("balloon", "bird", "aurora", "shooting star", "rainbow", "moon")
_CHOICE = re.compile(r"\(([^()]*)\)")
_T = TypeVar("_T")


class Draw:
    """Choices: at random, earlier ones likelier; without a generator always the first."""

    def __init__(self, rng: random.Random | None) -> None:
        self._rng = rng

    def one(self, options: Sequence[_T]) -> _T:
        """One of the options."""
        if self._rng is None:
            return options[0]
        return self._rng.choices(options, cum_weights=_odds(len(options)))[0]

    def chance(self, probability: float) -> bool:
        """Whether something rarer than the plain way happens; never without a generator."""
        return self._rng is not None and self._rng.random() < probability

    def mixed(self, items: list[_T]) -> list[_T]:
        """The items in any order."""
        return items if self._rng is None else self._rng.sample(items, len(items))

    def say(self, options: Sequence[str]) -> str:
        """One of the phrases, with the choices inside it made, from the innermost outwards."""
        phrase = self.one(options)
        while "(" in phrase:
            phrase = _CHOICE.sub(lambda inner: self.one(inner[1].split("|")), phrase)
        return phrase


@cache
def _odds(count: int) -> tuple[float, ...]:
    return tuple(accumulate((1 + place) ** -0.5 for place in range(count)))


def are_aloft(kinds: Iterable[str]) -> bool:
    """Whether all of these kinds are in the sky."""
    return all(kind in _ALOFT for kind in kinds)


@dataclass(frozen=True)
class Told:
    """A thing, and what of it is told."""

    thing: Thing
    count: bool = True
    colour: bool = True
    direction: bool = True


@dataclass
class Telling:
    """One caption in the making; ``left`` shrinks as parts of the scene are told."""

    scene: Scene
    phrases: Phrases
    draw: Draw
    left: set[str]
    told: list[Told]

    def sentence(self) -> str:
        """Frames filled in; bare words where there is too little for a frame."""
        if "place" not in self.left and not self.told:
            return self.keywords()
        text = self._core()
        if late := self._when():
            text = f"{text}, {late}"
        tails = [part for part in ("camera", "look") if part in self.left]
        for part in self.draw.mixed(tails):
            if part == "camera":
                text = self._fill(self.draw.say(self.phrases.filmed), scene=text)
            elif self.draw.chance(0.25):
                text = f"{self._style()}, {text}"
            else:
                text = f"{text}, {self._style()}"
        return self._tidy(text)

    def keywords(self) -> str:
        """Bare words in any order: "sea, night, storm"."""
        words = [self._thing(one, bare=True) for one in self.told]
        if self._take("place"):
            noun = self.draw.one(self.phrases.places[self.scene.place].nouns)
            words.append(self._noun(noun, bare=self.draw.chance(0.8)))
        if "hour" in self.left:
            words.append(self._hour())
        if self._take("weather"):
            words.append(self.draw.say(self._weather().nouns))
        if "camera" in self.left:
            words.append(self._camera_move())
        if "look" in self.left:
            words.append(self._style())
        gap = " " if self.draw.chance(0.2) else ", "
        return self._tidy(gap.join(self.draw.mixed(words)))

    def additions(self, *, onto_things: bool, aloft: bool) -> list[str]:
        """What is left, each part by itself, to stand behind what somebody else has told.

        Args:
            onto_things: whether they told of things, so that a place says where those are.
            aloft: whether all of those things are in the sky.
        """
        parts = []
        if self.told:
            acting = self._listed([self._acting(one) for one in self.told])
            parts.append(f"{acting} {self._where()}" if "place" in self.left else acting)
        elif "place" in self.left:
            parts.append(self._where(aloft=aloft) if onto_things else self._place())
        parts.append(self._when())
        if "camera" in self.left:
            parts.append(self._camera_acts())
        if "look" in self.left:
            parts.append(self._style())
        return [tidy for part in parts if (tidy := self._tidy(part))]

    def _core(self) -> str:
        """Place, hour, weather and things in one frame, or most of them."""
        draw, phrases = self.draw, self.phrases
        if "place" not in self.left:
            return self._fill(draw.one(phrases.bare))
        opener = self._opener() if draw.chance(0.35) else ""
        if not self.told:
            return f"{opener} {self._setting()}"
        nominal = opener or draw.chance(0.4)
        return f"{opener} {self._fill(draw.say(phrases.nominal if nominal else phrases.clausal))}"

    def _opener(self) -> str:
        draw, phrases = self.draw, self.phrases
        if "look" in self.left and draw.chance(0.7):
            self.left.discard("look")
            return draw.say(phrases.looks[self.scene.look].openers)
        if "camera" in self.left and draw.chance(0.3):
            return f"{self._camera_move()} {draw.say(phrases.onto)}"
        return draw.say(phrases.openers)

    def _fill(self, frame: str, scene: str = "") -> str:
        slots: dict[str, Callable[[], str]] = {
            "scene": lambda: scene,
            "setting": self._setting,
            "where": self._where,
            "when": self._when,
            "hour": self._hour,
            "the_hour": lambda: self._hour(definite=True),
            "things": lambda: self._listed([self._thing(one) for one in self.told]),
            "acting": lambda: self._listed([self._acting(one) for one in self.told]),
            "camera_acts": self._camera_acts,
            "camera_move": self._camera_move,
        }
        return SLOT.sub(lambda slot: slots[slot[1]](), frame)

    def _take(self, part: str) -> bool:
        """Whether that part is still to be told; from now on it is told."""
        there = part in self.left
        self.left.discard(part)
        return there

    # Place, hour and weather

    def _setting(self) -> str:
        if "hour" in self.left and self.draw.chance(0.3):
            text = f"{self._hour(qualified=True)} {self._where()}"
        else:
            text = self._place()
        return text if self.draw.chance(0.15) else f"{text} {self._when()}"

    def _place(self) -> str:
        self.left.discard("place")
        noun = self.draw.one(self.phrases.places[self.scene.place].nouns)
        return self._noun(noun, self._adjective(), bare=self.draw.chance(0.1))

    def _where(self, *, aloft: bool | None = None) -> str:
        if aloft is None:
            aloft = are_aloft(one.thing.kind for one in self.told)
        if aloft and not self.draw.chance(0.3):
            return f"{self.draw.say(self.phrases.above)} {self._place()}"
        self.left.discard("place")
        return self.draw.say(self.phrases.places[self.scene.place].on)

    def _when(self) -> str:
        words = []
        if self._take("hour"):
            words.append(self.draw.say(self.phrases.hours[self.scene.hour].at))
        if self._take("weather"):
            words.append(self.draw.say(self._weather().under))
        return " ".join(self.draw.mixed(words))

    def _hour(self, *, qualified: bool = False, definite: bool = False) -> str:
        self.left.discard("hour")
        noun = self.draw.one(self.phrases.hours[self.scene.hour].nouns)
        adjective = self._adjective() if qualified else ""
        noun = dataclasses.replace(noun, definite=noun.definite or definite)
        return self._noun(noun, adjective, bare=not (adjective or noun.definite))

    def _weather(self) -> WeatherPhrases:
        sun = self.phrases.suns.get((self.scene.hour, self.scene.weather))
        if sun and self.scene.look not in GREY_LOOKS and self.draw.chance(0.4):
            return sun
        return self.phrases.weathers[self.scene.weather]

    def _adjective(self) -> str:
        adjectives = self._weather().adjectives if "weather" in self.left else ()
        if adjectives and self.draw.chance(0.35):
            self.left.discard("weather")
            return self.draw.say(adjectives)
        return self.draw.say(self.phrases.praise) if self.draw.chance(0.05) else ""

    def _noun(self, noun: Noun, adjective: str = "", *, bare: bool = False) -> str:
        text = self.draw.say((noun.text,))
        if adjective:
            text = SLOT.sub(lambda slot: {"noun": text, "adjective": adjective}[slot[1]],
                            self.phrases.qualified)  # fmt: skip
        if not bare:
            text = f"{self._article(noun, noun.plural, qualified=bool(adjective))} {text}"
        return agree(text, feminine=noun.feminine, plural=noun.plural)

    def _article(self, noun: Noun, plural: bool, *, qualified: bool = False) -> str:
        """Usually the article the noun asks for; "a stormy sea" although "the sea"."""
        unusual = self.draw.chance(0.6 if noun.definite and qualified else 0.1)
        definite = noun.definite is not unusual
        articles = self.phrases.definite if definite else self.phrases.indefinite
        return articles[2 * plural + noun.feminine]

    # Things

    def _thing(self, told: Told, *, bare: bool = False) -> str:
        """A thing as a noun; its direction, if told, in a participle behind it."""
        text, plural = self._counted(told, bare=bare)
        phrases = self.phrases.things[told.thing.kind]
        if told.direction and told.thing.direction:
            going = self.phrases.going_doing
            return f"{text} {self._heading(told.thing, phrases.doing, going, plural)}"
        if bare or not self.draw.chance(0.25):
            return text
        return f"{text} {agree(self.draw.say(phrases.doing), feminine=False, plural=plural)}"

    def _acting(self, told: Told) -> str:
        """A thing and what it does, as a clause."""
        text, plural = self._counted(told)
        phrases = self.phrases.things[told.thing.kind]
        if told.direction and told.thing.direction:
            return f"{text} {self._heading(told.thing, phrases.acts, self.phrases.going, plural)}"
        return f"{text} {agree(self.draw.say(phrases.acts), feminine=False, plural=plural)}"

    def _heading(
        self, thing: Thing, own: Sequence[str], general: Sequence[str], plural: bool
    ) -> str:
        verb = self.draw.say(general if self.draw.chance(0.3) else own)
        way = self.draw.say(self.phrases.directions[str(thing.direction)])
        return agree(f"{verb} {way}", feminine=False, plural=plural)

    def _counted(self, told: Told, *, bare: bool = False) -> tuple[str, bool]:
        """Number, colour and noun, and whether that is a plural."""
        thing, draw = told.thing, self.draw
        noun = draw.one(self.phrases.things[thing.kind].nouns)
        plural = noun.plural or thing.count > 1
        text = self._tinted(told, draw.say((noun.text,)))
        if KINDS[thing.kind].most == 1:
            number = "" if draw.chance(0.7 if bare else 0.1) else self._article(noun, plural)
        else:
            number = self._number(told)
        return agree(f"{number} {text}", feminine=noun.feminine, plural=plural), plural

    def _number(self, told: Told) -> str:
        thing, phrases = told.thing, self.phrases
        if told.count:
            groups = [text for count, text in phrases.things[thing.kind].groups
                      if count == thing.count]  # fmt: skip
            if groups and self.draw.chance(0.4):
                return self.draw.say(groups)
            return self.draw.say(phrases.numbers[thing.count])
        return self.draw.say([text for least, text in phrases.some if thing.count >= least] or [""])

    def _tinted(self, told: Told, noun: str) -> str:
        if not (told.colour and told.thing.colour):
            return noun
        colour = self.draw.say(self.phrases.colours[told.thing.colour])
        slots = {
            "noun": noun,
            "colour": colour,
            "voiles": agree(colour, feminine=True, plural=True),
        }
        tint = self.draw.one(self.phrases.things[told.thing.kind].tints or (self.phrases.tinted,))
        return SLOT.sub(lambda slot: slots[slot[1]], tint)

    def _listed(self, items: list[str]) -> str:
        if len(items) < 2 or self.draw.chance(0.15):
            return ", ".join(items)
        return f"{', '.join(items[:-1])} {self.phrases.conjunction} {items[-1]}"

    # Camera and look

    def _camera_acts(self) -> str:
        self.left.discard("camera")
        return self.draw.say(self.phrases.cameras[self.scene.camera].acts)

    def _camera_move(self) -> str:
        self.left.discard("camera")
        return self.draw.say(self.phrases.cameras[self.scene.camera].moves)

    def _style(self) -> str:
        self.left.discard("look")
        return self.draw.say(self.phrases.looks[self.scene.look].styles)

    def _tidy(self, text: str) -> str:
        """Spaces, commas and contractions as they should be; capitals where there are stops."""
        text = re.sub(r"(\s*,)+", ",", re.sub(r"\s+", " ", text)).strip(" ,")
        text = self._before_vowels(text)
        for pair, one in self.phrases.merged.items():
            text = re.sub(rf"\b{pair}\b", one, text)
        text = self._before_vowels(text)  # merging may have brought a vowel nearer
        if ". " not in text:
            return text
        return ". ".join(part[:1].upper() + part[1:] for part in text.split(". ")) + "."

    def _before_vowels(self, text: str) -> str:
        for word, changed in self.phrases.before_vowel.items():
            text = re.sub(rf"\b{word} (?={self.phrases.vowel})", changed, text)
        return text
