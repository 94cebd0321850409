"""Which class makes which place."""

from pleinair.light.places.coasts import Beach, Lake, Sea
from pleinair.light.places.desert import Desert
from pleinair.light.places.heights import Meadow, Mountains
from pleinair.light.places.place import Place

KINDS: dict[str, type[Place]] = {
    "sea": Sea,
    "beach": Beach,
    "cliffs": Beach,
    "lake": Lake,
    "river": Lake,
    "desert": Desert,
    "badlands": Mountains,
    "meadow": Meadow,
    "hills": Meadow,
    "valley": Mountains,
    "forest": Meadow,
    "mountains": Mountains,
    "canyon": Mountains,
    "volcano": Mountains,
    "snowfield": Meadow,
    "glacier": Mountains,
    "islands": Sea,
}
