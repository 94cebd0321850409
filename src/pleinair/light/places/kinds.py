"""Which class makes which place."""

from pleinair.light.places.coasts import Beach, Cliffs, Islands, Sea
from pleinair.light.places.desert import Desert
from pleinair.light.places.glacier import Glacier
from pleinair.light.places.heights import Forest, Hills, Meadow, Mountains, Snowfield, Valley
from pleinair.light.places.inland_waters import Lake, River
from pleinair.light.places.place import Place
from pleinair.light.places.rock import Badlands, Canyon, Volcano

KINDS: dict[str, type[Place]] = {
    "sea": Sea,
    "beach": Beach,
    "cliffs": Cliffs,
    "lake": Lake,
    "river": River,
    "desert": Desert,
    "badlands": Badlands,
    "meadow": Meadow,
    "hills": Hills,
    "valley": Valley,
    "forest": Forest,
    "mountains": Mountains,
    "canyon": Canyon,
    "volcano": Volcano,
    "snowfield": Snowfield,
    "glacier": Glacier,
    "islands": Islands,
}
