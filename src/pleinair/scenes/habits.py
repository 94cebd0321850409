"""What is usual: how each kind of place is made and photographed, how each hour is lit."""

from dataclasses import dataclass

Span = tuple[float, float]

TALL = 0.12
"""Relief over distance from which heights fill the picture."""


@dataclass(frozen=True)
class Habit:
    """A kind of place; spans are what the seed chooses from.

    Attributes:
        relief, distance: of its heights, m.
        roughness, erosion, forest: as in `scene.Land`.
        lens: mm.
        eye: height of the camera above the ground, m.
        snow: from which share of the relief up snow lies in summer; None for nowhere.
        low: how often the horizon is in the lower third, for the sky's or the heights' sake.
        water: depth, m; fetch, m; clarity, m.
        latitude: where on Earth such a place is.
        rises: the share of its relief that stands against the sky at that distance.
    """

    relief: Span
    distance: Span
    roughness: Span
    erosion: Span
    forest: Span
    lens: Span
    eye: Span
    snow: Span | None = None
    low: float = 0.8
    water: tuple[float, float, float] = (20, 2500, 6)
    latitude: Span = (35, 55)
    rises: float = 1.0


_OCEAN = (60, 300_000, 8)
_RIVER = (2.5, 150, 2)
_NONE = (0.0, 0.05)

# A row a place: relief, distance, roughness, erosion, forest, lens, eye, and what is unlike others.
# fmt: off
PLACES = {
    "sea": Habit((0, 0), (8000, 15000), (.3, .6), (.4, .6), _NONE, (24, 50), (2.5, 6),
                 low=.65, water=_OCEAN),
    "beach": Habit((40, 180), (1500, 4000), (.3, .6), (.4, .6), (.3, .8), (20, 32), (1.6, 2.4),
                   low=.45, water=(25, 200_000, 10)),
    "cliffs": Habit((70, 180), (400, 1100), (.5, .9), (.4, .7), (0, .2), (20, 32), (3, 12),
                    low=.45, water=(30, 200_000, 9), rises=.3),
    "lake": Habit((500, 1500), (3000, 7000), (.4, .7), (.5, .8), (.5, .9), (20, 35), (3.5, 8),
                  (.62, .95), low=.7),
    "river": Habit((200, 900), (2500, 6000), (.3, .6), (.5, .8), (.4, .8), (20, 30), (3, 7),
                   (.8, 1.4), low=.45, water=_RIVER),
    "desert": Habit((60, 150), (700, 1700), (.2, .5), (0, .2), _NONE, (24, 45), (6, 16),
                    low=.7, latitude=(20, 32)),
    "badlands": Habit((150, 450), (1200, 3500), (.6, .9), (.6, .9), _NONE, (24, 50), (2, 6),
                      latitude=(28, 40)),
    "meadow": Habit((40, 250), (2000, 5000), (.2, .5), (.4, .6), (.1, .4), (20, 35), (1.4, 4),
                    low=.95),
    "hills": Habit((120, 350), (1500, 4000), (.2, .5), (.4, .7), (.2, .6), (26, 55), (8, 28)),
    "valley": Habit((600, 1500), (3000, 6000), (.4, .7), (.5, .9), (.4, .8), (20, 32), (4, 25),
                    (.7, 1.1)),
    "forest": Habit((150, 500), (1500, 4000), (.3, .6), (.4, .7), (.85, 1), (26, 55), (8, 30)),
    "mountains": Habit((1200, 2400), (4500, 8000), (.6, .9), (.5, .9), (.2, .6), (24, 50), (2, 12),
                       (.45, .75), low=.85),
    "canyon": Habit((300, 900), (800, 2500), (.5, .9), (.7, 1), (0, .1), (18, 28), (8, 25),
                    low=.25, water=_RIVER, latitude=(28, 40), rises=0),
    "volcano": Habit((900, 2200), (5000, 9000), (.4, .7), (.2, .6), (.1, .6), (26, 55), (2, 6),
                     (.6, 1.3), low=.7, latitude=(10, 40)),
    "snowfield": Habit((150, 700), (3000, 6000), (.2, .5), (.3, .6), (0, .15), (22, 40), (1.7, 3),
                       (-1, -1), latitude=(60, 72)),
    "glacier": Habit((700, 1600), (2500, 5000), (.6, .9), (.5, .8), (0, .05), (22, 40), (6, 20),
                     (.15, .3), latitude=(55, 70)),
    "islands": Habit((120, 450), (1500, 3500), (.4, .8), (.4, .7), (.2, .8), (24, 50), (5, 18),
                     low=.55, water=(30, 100_000, 14)),
}
# fmt: on


@dataclass(frozen=True)
class Hour:
    """How an hour is lit.

    Attributes:
        elevation: of the sun, degrees.
        aside: how far from the camera's heading it stands, degrees; None puts it into the picture.
        side: −1 where it sets, left of a camera that looks north, 1 where it rises, 0 either.
    """

    elevation: Span
    aside: Span | None
    side: int = 0


HOURS = {
    "dawn": Hour((-2, 0.5), None, 1),
    "sunrise": Hour((0.8, 3.5), None, 1),
    "morning": Hour((12, 24), (50, 110), 1),
    "noon": Hour((54, 66), (60, 120)),
    "day": Hour((30, 52), (60, 120)),
    "afternoon": Hour((22, 36), (60, 115), -1),
    "golden": Hour((5, 9), (40, 80), -1),
    "sunset": Hour((0.6, 2.5), None, -1),
    "dusk": Hour((-7, -4), (5, 40), -1),
    "night": Hour((-32, -24), (140, 220), -1),
}
UNSAID_HOURS = {"day": 0.45, "golden": 0.25, "morning": 0.1, "sunset": 0.12, "sunrise": 0.08}
