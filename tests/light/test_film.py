import itertools
import math

import pytest
import torch
from torch import Tensor

from pleinair.light.film import Exposure, develop, dodge, glare, meter, tones
from pleinair.light.lens import circle_of_confusion, depth_of_field, motion_blur
from pleinair.scenes.scene import LOOKS, Film

PLAIN = Film(bloom=0, grain=0, vignette=0)


def flat(level: float, height: int = 36, width: int = 64) -> Tensor:
    return torch.full((3, height, width), float(level))


def landscape(height: int = 72, width: int = 128) -> Tensor:
    """A bright sky over dark ground, with a sun."""
    image = flat(6, height, width)
    image[0] *= 0.7
    image[2] *= 1.4
    image[:, height // 2 :] = 0.4
    image[:, 10:13, 30:33] = 5e4
    return image


def printed(
    image: Tensor,
    film: Film = PLAIN,
    ev: float = 0.0,
    frame: int = 0,
    seed: int = 1,
    **more: Tensor,
) -> Tensor:
    return torch.from_numpy(develop(image, film, ev, frame, seed, **more)).float()


# --- metering and exposure


def test_twice_the_light_by_day_is_metered_one_ev_less() -> None:
    image = landscape() * 0.2
    assert meter(image * 2) == pytest.approx(meter(image) - 1, abs=0.15)


def test_night_is_kept_darker_than_day_but_never_black() -> None:
    day, night = landscape(), landscape().clamp(max=10) * 1e-6
    shown = [printed(image, Film(), meter(image)).mean() for image in (day, night)]
    assert 25 < shown[1] < 0.75 * shown[0]


def test_fog_and_snow_are_shown_light() -> None:
    grass, fog, snow = flat(1.2), flat(6), flat(18)
    grass[:, :12] = 6
    shown = [printed(image, Film(), meter(image)).mean() for image in (grass, fog, snow)]
    assert shown[1] > 160
    assert shown[2] > 170
    assert shown[0] < shown[1]


def test_a_bright_sky_holds_the_exposure_back() -> None:
    image = flat(0.3)
    bright = image.clone()
    bright[:, :6] = 60
    assert meter(bright) < meter(image) - 0.7


@pytest.mark.parametrize("level", [0.0, 1e-12, 1e9, math.inf, math.nan])
def test_metering_of_extremes_is_finite(level: float) -> None:
    assert math.isfinite(meter(flat(level)))


def test_exposure_does_not_pump() -> None:
    flickering = Exposure((0.0, 1.0, 2.0, 3.0, 4.0), (-4.0, -4.4, -4.0, -4.4, -4.0))
    values = [flickering.at(t / 24) for t in range(97)]
    assert max(values) - min(values) < 0.1
    dusk = Exposure((0.0, 2.0, 4.0, 6.0, 8.0), (-4.0, -2.0, 0.0, 2.0, 4.0))
    values = [dusk.at(t / 24) for t in range(193)]
    steps = [b - a for a, b in itertools.pairwise(values)]
    assert values[-1] - values[0] > 4
    assert min(steps) >= 0
    assert max(steps) < 2.5 / 24
    assert Exposure((1.0,), (-3.0,)).at(77.0) == -3.0


# --- development


def test_grey_stays_grey_and_middle_grey_lies_in_the_middle() -> None:
    picture = printed(flat(0.18))
    assert float((picture.amax(2) - picture.amin(2)).max()) <= 1
    assert 105 < picture.mean() < 130


def test_brighter_light_is_never_darker_in_print() -> None:
    ramp = torch.logspace(-5, 5, 256).expand(3, 8, 256)
    levels = tones(ramp, PLAIN, 0.0, 0, 1)[1, 0]
    # dodging may flatten, but black is black and white is white
    assert levels[0] < 2
    assert levels[-1] > 250
    uniform = [float(tones(flat(x, 8, 8), PLAIN, 0.0, 0, 1).mean()) for x in ramp[0, 0, ::8]]
    assert uniform == sorted(uniform)


def test_bright_colours_go_to_white_and_keep_their_hue_on_the_way() -> None:
    orange = torch.tensor([1.0, 0.45, 0.12])[:, None, None].expand(3, 8, 8)
    shown = [printed(orange * 2.0**ev)[0, 0] for ev in (-1, 1, 3, 8)]
    for colour in shown:
        assert colour[0] >= colour[1] >= colour[2]
    spread = [float(colour[0] - colour[2]) for colour in shown]
    assert spread[3] < 25 < spread[1]


def test_sky_stays_blue() -> None:
    sky = torch.tensor([1.6, 3.0, 6.0])[:, None, None].expand(3, 8, 8)
    red, green, blue = printed(sky, Film(), -4.0)[0, 0].tolist()
    assert blue > green > red
    assert blue - red > 60


def test_glare_keeps_the_energy_and_spreads_it() -> None:
    image = flat(0.2, 96, 160)
    image[:, 48:52, 80:84] = 40
    spread = glare(image, 1.0, 0.0)
    assert float(spread.sum()) == pytest.approx(float(image.sum()), rel=0.02)
    assert float(spread[0, 50, 60]) > 0.2005
    assert float(spread[0, 50, 82]) < 40


def test_dodging_lifts_the_dark_side_and_leaves_an_even_picture_alone() -> None:
    even = dodge(flat(0.4, 72, 128), 0.0)
    assert torch.allclose(even, torch.ones_like(even), atol=1e-3)
    gain = dodge(landscape(), -4.0)
    assert gain[60].mean() > 1.1 > 0.95 > gain[20].mean()


def test_a_frame_is_the_same_every_time_and_grain_is_not() -> None:
    film, image = Film(grain=0.6), landscape()
    first = develop(image, film, -4, 5, 1)
    assert (first == develop(image, film, -4, 5, 1)).all()
    assert (first != develop(image, film, -4, 6, 1)).any()
    assert (first != develop(image, film, -4, 5, 2)).any()


def test_dither_has_no_bias() -> None:
    image = flat(0.2, 64, 64)
    exact = float(tones(image, PLAIN, 0.0, 0, 1)[0, 0, 0])
    shown = torch.stack([printed(image, frame=n)[..., 0] for n in range(4)])
    assert float(shown.mean()) == pytest.approx(exact - 0.0, abs=0.06)


def test_white_balance_goes_a_part_of_the_way() -> None:
    lamp = torch.tensor([1.0, 0.6, 0.3])
    wall = lamp[:, None, None].expand(3, 8, 8) * 0.3
    plain, balanced = printed(wall)[0, 0], printed(wall, light=lamp)[0, 0]
    assert 10 < balanced[0] - balanced[2] < plain[0] - plain[2]


def test_warmth_contrast_saturation_and_vignette() -> None:
    image = torch.tensor([0.3, 0.2, 0.1])[:, None, None].expand(3, 36, 64)
    plain = printed(image)[18, 32]
    warm = printed(image, Film(bloom=0, grain=0, vignette=0, warmth=1))[18, 32]
    assert warm[0] - warm[2] > plain[0] - plain[2] + 10
    grey = printed(image, Film(bloom=0, grain=0, vignette=0, saturation=0))[18, 32]
    assert float(grey.max() - grey.min()) <= 1
    dark = printed(image, Film(bloom=0, grain=0, vignette=1))
    assert dark[0, 0].mean() < 0.8 * dark[18, 32].mean()
    hard = Film(bloom=0, grain=0, vignette=0, contrast=1.6)
    assert printed(flat(0.02), hard).mean() < printed(flat(0.02)).mean() - 10


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("level", [0.0, 1e12, math.nan, math.inf])
def test_every_look_survives_black_and_blinding_frames(look: str, level: float) -> None:
    depth = torch.full((36, 64), math.inf)
    picture = develop(flat(level), Film(look=look, bloom=1), 3.0, 0, 1, depth=depth)
    assert picture.shape == (36, 64, 3)


def test_black_and_white_darkens_the_blue_sky() -> None:
    sky = torch.tensor([0.10, 0.18, 0.36])[:, None, None].expand(3, 36, 64)
    film = Film(look="black and white", bloom=0, grain=0, vignette=0)
    picture = develop(sky, film, 0, 0, 1)
    assert float(picture.max(axis=2).astype(int).sum() - picture.min(axis=2).sum()) < 36 * 64
    assert picture.mean() < printed(sky, Film(saturation=0)).mean() - 15


@pytest.mark.parametrize("look", ["watercolour", "ink"])
def test_paint_holds_still(look: str) -> None:
    image = torch.nn.functional.interpolate(landscape()[None], scale_factor=2)[0]
    depth = torch.full(image.shape[1:], math.inf)
    depth[72:] = 300
    film = Film(look=look)
    first, later = (printed(image, film, -4, n, 1, depth=depth) for n in (0, 1))
    assert float((first - later).abs().max()) <= 1  # the dither only
    assert float(first[0].mean()) > 200  # the bare border of the paper


# --- lens


def test_motion_blur_keeps_light_and_spreads_along_the_motion() -> None:
    image = flat(0.1, 64, 96)
    image[:, 32, 48] = 50
    motion = torch.zeros(2, 64, 96)
    motion[0] = 12
    blurred = motion_blur(image, motion, 180)
    assert float(blurred.sum()) == pytest.approx(float(image.sum()), rel=0.02)
    assert float(blurred[0, 32, 45]) > 1
    assert float(blurred[0, 32, 38]) == pytest.approx(0.1, abs=0.01)
    assert float(blurred[0, 29, 48]) == pytest.approx(0.1, abs=0.01)


def test_a_still_picture_or_closed_shutter_is_not_blurred() -> None:
    image = torch.rand(3, 32, 32)
    assert motion_blur(image, torch.full((2, 32, 32), 0.5), 180) is image
    assert motion_blur(image, torch.full((2, 32, 32), 50.0), 0) is image


def test_something_near_that_moves_blurs_over_what_stands_still() -> None:
    image, depth, motion = flat(0.1, 64, 96), torch.full((64, 96), 500.0), torch.zeros(2, 64, 96)
    image[:, :, 40:56], depth[:, 40:56], motion[0, :, 40:56] = 2.0, 3.0, 24.0
    blurred = motion_blur(image, motion, 180, depth)
    assert float(blurred[0, 32, 37]) > 0.3  # beyond its outline
    assert float(blurred[0, 32, 48]) > 1.8
    assert float(blurred[0, 32, 10]) == pytest.approx(0.1, abs=1e-3)


def test_circle_of_confusion_is_that_of_a_thin_lens() -> None:
    depth = torch.tensor([2.0, 4.0, math.inf])
    near, focus, far = circle_of_confusion(depth, 50, 2.0, 4.0, 3600).tolist()
    infinite = 0.05**2 / (2.0 * (4 - 0.05)) * 3600 / 0.036
    assert focus == pytest.approx(0, abs=1e-4)
    assert far == pytest.approx(infinite, rel=1e-4)
    assert near == pytest.approx(-infinite, rel=1e-4)


def test_depth_of_field_keeps_what_is_sharp_and_the_light() -> None:
    image = torch.rand(3, 64, 96) * 0.2
    depth = torch.full((64, 96), 1000.0)
    depth[:, 48:] = 3.0
    image[:, 20, 20] = 40
    blurred = depth_of_field(image, depth, 85, 1.8, 3.0)
    assert torch.allclose(blurred[:, :, 60:], image[:, :, 60:], atol=0.03)
    assert float(blurred[0, 20, 20]) < 10  # a disc of 3.7 px
    assert float(blurred.sum()) == pytest.approx(float(image.sum()), rel=0.1)
    assert depth_of_field(image, depth.clamp(min=50), 28, 8, 1e5) is image


def test_racking_focus_changes_what_is_sharp() -> None:
    image = torch.rand(3, 48, 96)
    depth = torch.full((48, 96), 200.0)
    depth[:, 48:] = 2.0
    far, near = (depth_of_field(image, depth, 85, 1.8, at) for at in (200.0, 2.0))
    change = [(picture - image).abs().mean((0, 1)) for picture in (far, near)]
    assert change[0][10:30].mean() < 0.05 < change[0][60:].mean()
    assert change[1][60:].mean() < 0.05 < change[1][10:30].mean()
