import random
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from pleinair.diffusion.worlds.captions import (
    LANGUAGES,
    caption,
    complete_caption,
    vocabulary_words,
)
from pleinair.diffusion.worlds.phrases import SLOT, Phrases
from pleinair.diffusion.worlds.scene import Scene, Thing, sample_scene
from pleinair.errors import InputError
from pleinair.words import split_words

BALLOONS = Scene(
    "snow field", "dawn", "clear", "pan left", "photo", (Thing("balloon", 2, "red", "right"),), 0
)
TYPED = {
    "en": (
        "sea ocean seascape lake desert dunes meadow prairie grassland tundra snowy plain snow "
        "mountains peaks alps forest woods woodland coast beach shore city skyline downtown "
        "dawn sunrise daybreak day noon midday afternoon golden magic hour sunset dusk evening "
        "twilight blue night midnight clear cloudless sunny starry clouds cloudy overcast grey "
        "gray fog foggy misty hazy rain drizzle downpour snowing blizzard storm stormy "
        "thunderstorm lightning sailboat yacht boat sailing ship hot air balloon balloons birds "
        "gulls seagulls flock lighthouse pines fir trees cabin hut chalet windmill campfire "
        "bonfire northern lights aurora meteor shooting star rainbow full moon pan turn glide "
        "tilt look up down zoom push dolly fly forward drone rises crane static fixed still "
        "camera monochrome noir watercolour watercolor aquarelle sumi e pen and ink drawing "
        "black white 3 three pair video cinematic shot left right from to"
    ),
    "fr": (
        "mer océan lac désert dunes prairie toundra plaine enneigée champ de neige montagnes "
        "sommets alpes forêt bois côte plage ville immeubles aube matin jour midi heure dorée "
        "coucher soleil crépuscule soir nuit minuit clair dégagé nuages couvert gris brouillard "
        "brume pluie averse neige flocons orage éclairs voilier bateau montgolfière montgolfières "
        "ballon oiseaux mouettes phare sapins cabane chalet moulin à vent feu camp aurore boréale "
        "étoile filante arc en ciel pleine lune caméra panoramique gauche droite zoom avant "
        "arrière travelling drone monte plan fixe noir et blanc aquarelle encre dessin deux 3"
    ),
}


def _words(text: str) -> set[str]:
    return {word.normal for word in split_words(text)}


def _texts(entry: object) -> Iterator[str]:
    if isinstance(entry, str):
        yield SLOT.sub(" ", entry)
    elif isinstance(entry, (tuple, list)):
        for part in entry:
            yield from _texts(part)
    elif hasattr(entry, "__dataclass_fields__"):
        for name in entry.__dataclass_fields__:
            yield from _texts(getattr(entry, name))


def _meanings(phrases: Phrases) -> dict[tuple[str, object], set[str]]:
    """Words by what they say, such as ("hour", "dawn")."""
    tables: dict[str, Mapping[Any, object]] = {
        "place": phrases.places,
        "hour": phrases.hours,
        "weather": phrases.weathers,
        "sun": phrases.suns,
        "camera": phrases.cameras,
        "look": phrases.looks,
        "kind": phrases.things,
        "colour": phrases.colours,
        "count": phrases.numbers,
    }
    return {
        (name, value): {word for text in _texts(entry) for word in _words(text)}
        for name, table in tables.items()
        for value, entry in table.items()
    }


def _general(phrases: Phrases) -> set[str]:
    general = (
        *(phrases.openers, phrases.nominal, phrases.clausal, phrases.filmed, phrases.above),
        *(phrases.onto, phrases.going, phrases.going_doing, phrases.praise, phrases.some),
        *(phrases.indefinite, phrases.definite, *phrases.directions.values()),
        *(*phrases.merged.values(), *phrases.before_vowel.values()),
    )
    return {word for text in _texts(general) for word in _words(text)}


def _truth(scene: Scene) -> set[tuple[str, object]]:
    truth: set[tuple[str, object]] = {
        ("place", scene.place),
        ("hour", scene.hour),
        ("weather", scene.weather),
        ("sun", (scene.hour, scene.weather)),
        ("camera", scene.camera),
        ("look", scene.look),
    }
    for thing in scene.things:
        truth |= {("kind", thing.kind), ("colour", thing.colour), ("count", thing.count)}
    return truth


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_caption_says_nothing_untrue(language: str) -> None:
    phrases = LANGUAGES[language]
    meanings, general = _meanings(phrases), _general(phrases)
    shared = Counter(word for words in meanings.values() for word in words)
    telling = {
        word: meaning
        for meaning, words in meanings.items()
        for word in words
        if shared[word] == 1 and word not in general
    }
    assert len(telling) > 300
    rng = random.Random(1)
    for index in range(3000):
        scene = sample_scene(2, index, held_out=None)
        text = caption(scene, rng, language=language)
        for word in _words(text) & telling.keys():
            assert telling[word] in _truth(scene), f"{word!r} in {text!r} of {scene}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_that_people_type_are_known(language: str) -> None:
    assert _words(TYPED[language]) <= set(vocabulary_words())


def test_what_no_scene_can_show_is_unknown() -> None:
    # A word may also hide in an idiom or in the other language, like "plane" in "ils planent".
    absent = (
        "dog cat horse car plane train man woman people fish flower chien loup chat avion fleur"
    )
    assert not _words(absent) & set(vocabulary_words())


def test_directions_are_true() -> None:
    rng = random.Random(2)
    for direction in ("left", "right"):
        thing = Thing("sailboat", 1, "white", direction)
        scene = Scene("sea", "day", "rain", "zoom in", "ink", (thing,), 0)
        other = {"left": "right", "right": "left"}[direction]
        for _ in range(500):
            text = caption(scene, rng, language="en")
            assert other not in text or f"from {other} to {direction}" in text


def test_five_thousand_captions_hold_known_words_only() -> None:
    known = set(vocabulary_words())
    assert len(known) < 1200
    rng = random.Random(3)
    for index in range(5000):
        scene = sample_scene(4, index, held_out=None)
        text = caption(scene, rng, detail=rng.choice((None, 0.0, 0.3, 1.0)))
        assert _words(text) <= known, text
        assert text.strip(" ,") == text
        assert text
        assert not set("{}()|/") & set(text), text


@pytest.mark.parametrize("language", LANGUAGES)
def test_one_scene_has_thousands_of_captions(language: str) -> None:
    rng = random.Random(5)
    assert len({caption(BALLOONS, rng, language=language) for _ in range(4000)}) > 3000


@pytest.mark.parametrize(
    ("scene", "english", "french"),
    [
        (
            BALLOONS,
            "two red hot-air balloons drift right over a snow field at dawn under a clear sky, "
            "the camera pans left, photorealistic",
            "deux montgolfières rouges dérivent vers la droite au-dessus d'un champ de neige à "
            "l'aube sous un ciel clair, la caméra panoramique vers la gauche, photoréaliste",
        ),
        (
            Scene("coast", "dusk", "storm", "static", "ink", (Thing("lighthouse"),), 0),
            "a lighthouse stands on a coast at dusk in a storm, the camera is static, in ink",
            "un phare se dresse sur la côte au crépuscule sous l'orage, la caméra est fixe, "
            "à l'encre",
        ),
        (
            Scene("forest", "night", "fog", "zoom in", "watercolour", (), 0),
            "a forest at night in fog, the camera zooms in, in watercolour",
            "une forêt la nuit dans le brouillard, la caméra zoome en avant, à l'aquarelle",
        ),
    ],
)
def test_the_complete_caption_tells_everything(scene: Scene, english: str, french: str) -> None:
    assert complete_caption(scene) == english
    assert complete_caption(scene, "fr") == french


def test_french_agrees() -> None:
    for kind, count, colour, expected in (
        ("balloon", 1, "green", "une montgolfière verte dérive vers"),
        ("balloon", 3, "purple", "trois montgolfières violettes dérivent vers"),
        ("sailboat", 1, "green", "un voilier vert navigue vers"),
        ("sailboat", 2, "white", "deux voiliers blancs naviguent vers"),
    ):
        scene = Scene(
            "lake", "day", "clear", "rise", "photo", (Thing(kind, count, colour, "left"),), 0
        )
        assert expected in complete_caption(scene, "fr")


def test_half_of_the_captions_tell_everything() -> None:
    rng = random.Random(6)
    scene = Scene("sea", "sunset", "fog", "pan left", "ink", (Thing("lighthouse"),), 0)
    meanings = _meanings(LANGUAGES["en"])
    needed = [meanings["kind", "lighthouse"], meanings["weather", "fog"], meanings["look", "ink"]]
    little = {"the", "a", "in", "with", "its", "of", "and", "stands", "as", "on", "like", "through"}
    full = sum(
        all(_words(text) & (words - little) for words in needed)
        for text in (caption(scene, rng, language="en") for _ in range(500))
    )
    assert 0.5 < full / 500 < 0.9


def test_detail_decides_how_much_is_told() -> None:
    def length(detail: float) -> float:
        rng = random.Random(7)
        return sum(len(_words(caption(BALLOONS, rng, detail=detail))) for _ in range(200)) / 200

    assert length(0) < 4 < length(0.5) < length(1)


def test_the_same_generator_gives_the_same_caption() -> None:
    assert caption(BALLOONS, random.Random(8)) == caption(BALLOONS, random.Random(8))


def test_mistakes_are_told() -> None:
    with pytest.raises(InputError, match="language: got 'de'; allowed: en or fr"):
        complete_caption(BALLOONS, "de")
    with pytest.raises(InputError, match="detail"):
        caption(BALLOONS, random.Random(0), detail=1.5)
