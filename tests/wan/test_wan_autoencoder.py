"""Wan's autoencoders against diffusers', on random weights so small that a clip is quick."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from pleinair.errors import InputError, ModelError
from pleinair.wan.autoencoder import WAN21, WAN22, WanAutoencoder, WanAutoencoderConfig
from pleinair.wan.autoencoder_layouts import (
    WEIGHTS,
    from_diffusers,
    layout,
    load_autoencoder,
    read_config,
    to_diffusers,
)

SIZES = {
    "2.1": {"base_dim": 8},
    "2.2": {
        "base_dim": 8,
        "decoder_base_dim": 12,
        "is_residual": True,
        "patch_size": 2,
        "in_channels": 12,
        "out_channels": 12,
        "scale_factor_spatial": 16,
    },
}


@pytest.fixture(scope="module", params=SIZES)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def theirs(version: str) -> Any:  # noqa: ANN401  # diffusers has no types
    diffusers = pytest.importorskip("diffusers")
    torch.manual_seed(3)
    network = diffusers.AutoencoderKLWan(
        **SIZES[version],
        z_dim=4,
        dim_mult=[1, 2, 4, 4],
        num_res_blocks=2,
        temperal_downsample=[False, True, True],
        latents_mean=[0.1, -0.2, 0.3, 0.0],
        latents_std=[0.5, 1.5, 0.7, 1.0],
    )
    for name, value in network.state_dict().items():
        if name.endswith("gamma"):
            value.uniform_(0.5, 1.5)
    network.decoder.conv_out.weight.data *= 0.3  # else some values of the video are clamped
    return network.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def folder(theirs: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: ANN401
    path = tmp_path_factory.mktemp("wan")
    theirs.save_pretrained(path / "vae")
    return path


@pytest.fixture(scope="module")
def ours(folder: Path) -> WanAutoencoder:
    return load_autoencoder(folder)


@pytest.fixture
def copied(folder: Path, tmp_path: Path) -> Path:
    for name in ("config.json", WEIGHTS):
        (tmp_path / name).write_bytes((folder / "vae" / name).read_bytes())
    return tmp_path


def _video(frames: int, height: int = 32, width: int = 48) -> Tensor:
    noise = torch.randn(1, 3, frames, height, width, generator=torch.Generator().manual_seed(1))
    return noise.mul(0.5).clamp(-1, 1)


def _latents(frames: int, height: int = 3, width: int = 4) -> Tensor:
    return torch.randn(1, 4, frames, height, width, generator=torch.Generator().manual_seed(2))


def _statistics(config: WanAutoencoderConfig) -> tuple[Tensor, Tensor]:
    mean, std = torch.tensor(config.mean), torch.tensor(config.std)
    return mean[:, None, None, None], std[:, None, None, None]


def _near(found: Tensor, expected: Tensor, within: float = 1e-4) -> None:
    assert found.shape == expected.shape
    assert (found - expected).abs().max() <= within * expected.abs().max()


@pytest.mark.parametrize("frames", [1, 5, 21])
def test_encode_is_that_of_diffusers(theirs: Any, ours: WanAutoencoder, frames: int) -> None:  # noqa: ANN401
    mean, std = _statistics(ours.config)
    video = _video(frames)
    plain = theirs.encode(video).latent_dist.mode()
    _near(ours.encode(video), (plain - mean) / std)


@pytest.mark.parametrize("frames", [1, 2, 6])
def test_decode_is_that_of_diffusers(theirs: Any, ours: WanAutoencoder, frames: int) -> None:  # noqa: ANN401
    mean, std = _statistics(ours.config)
    latents = _latents(frames)
    video = ours.decode(latents)
    assert video.shape[2] == 1 + 4 * (frames - 1)
    _near(video, theirs.decode(latents * std + mean).sample)
    assert video.abs().max() < 1  # else the comparison would be one of clamped values
    assert video.std() > 0.01


def test_video_is_clamped(folder: Path, ours: WanAutoencoder) -> None:
    loud = load_autoencoder(folder)
    loud.decoder.get_parameter("head.2.weight").data *= 20
    assert ours.decode(_latents(2)).abs().max() < 1
    assert loud.decode(_latents(2)).abs().max() == 1


@pytest.mark.parametrize("cuts", [(1, 1, 1, 1, 1, 1), (2, 3, 1), (1, 5)])
def test_pieces_are_the_whole(ours: WanAutoencoder, cuts: tuple[int, ...]) -> None:
    latents = _latents(6)
    videos, state = [], None
    for piece in latents.split(cuts, 2):
        video, state = ours.decode_next(piece, state)
        videos.append(video)
    assert [v.shape[2] for v in videos] == [4 * cuts[0] - 3, *(4 * n for n in cuts[1:])]
    _near(torch.cat(videos, 2), ours.decode(latents), 1e-5)


def test_a_state_can_be_used_twice(ours: WanAutoencoder) -> None:
    latents = _latents(3)
    _, state = ours.decode_next(latents[:, :, :1], None)
    once, _ = ours.decode_next(latents[:, :, 1:], state)
    again, _ = ours.decode_next(latents[:, :, 1:], state)
    assert torch.equal(once, again)


def test_how_many_run_at_once_changes_nothing(ours: WanAutoencoder, folder: Path) -> None:
    one = load_autoencoder(folder)
    one.piece = 1
    _near(one.encode(_video(13)), ours.encode(_video(13)), 1e-5)
    _near(one.decode(_latents(5)), ours.decode(_latents(5)), 1e-5)


def test_nothing_depends_on_later_frames(ours: WanAutoencoder) -> None:
    video, latents = _video(9), _latents(3)
    _near(ours.encode(video[:, :, :5]), ours.encode(video)[:, :, :2], 1e-5)
    _near(ours.decode(latents[:, :, :2]), ours.decode(latents)[:, :, :5], 1e-5)


def test_tiles_are_close_to_the_whole(theirs: Any, ours: WanAutoencoder) -> None:  # noqa: ANN401
    mean, std = _statistics(ours.config)
    latents = _latents(1, 12, 14)
    whole = ours.decode(latents)
    side = ours.config.spatial_factor
    theirs.enable_tiling(8 * side, 8 * side, 4 * side, 4 * side)
    reference = theirs.decode(latents * std + mean).sample
    theirs.disable_tiling()
    tiled = ours.decode_tiled(latents, 8, 4)
    assert tiled.shape == whole.shape
    assert (tiled - whole).std() < (reference - whole).std()
    assert (tiled - whole).std() < 0.9 * (ours.decode_tiled(latents, 8, 0) - whole).std()
    assert torch.equal(ours.decode_tiled(latents, 14, 4), whole)


def test_tiles_lie_where_they_belong(ours: WanAutoencoder, monkeypatch: pytest.MonkeyPatch) -> None:
    side = ours.config.spatial_factor

    def enlarge(latents: Tensor) -> Tensor:
        return latents[:, :3].repeat_interleave(side, 3).repeat_interleave(side, 4)

    monkeypatch.setattr(ours, "decode", enlarge)
    latents = _latents(1, 11, 7)
    for tile, overlap in ((4, 1), (5, 4), (3, 0), (8, 2)):
        _near(ours.decode_tiled(latents, tile, overlap), enlarge(latents), 1e-5)


def test_tiles_fade_into_each_other(ours: WanAutoencoder, monkeypatch: pytest.MonkeyPatch) -> None:
    side = ours.config.spatial_factor
    shades = iter((0.0, 1.0))

    def plain(latents: Tensor) -> Tensor:
        height, width = latents.shape[3:]
        return torch.full((1, 3, 1, side * height, side * width), next(shades))

    monkeypatch.setattr(ours, "decode", plain)
    row = ours.decode_tiled(_latents(1, 4, 6), 4, 2)[0, 0, 0, 0]
    assert row[: 2 * side].eq(0).all()
    assert row[4 * side :].eq(1).all()
    _near(row.diff()[2 * side : 4 * side - 1], torch.full((2 * side - 1,), 0.5 / side), 1e-3)


@pytest.mark.parametrize(("tile", "overlap"), [(0, 0), (4, 4), (4, -1)])
def test_tiles_that_cannot_be(ours: WanAutoencoder, tile: int, overlap: int) -> None:
    with pytest.raises(InputError, match=r"tile|overlap"):
        ours.decode_tiled(_latents(1), tile, overlap)


@pytest.mark.parametrize(("shape", "field"), [((4, 32, 32), "frames"), ((5, 33, 32), "size")])
def test_videos_that_do_not_fit(
    ours: WanAutoencoder, shape: tuple[int, int, int], field: str
) -> None:
    with pytest.raises(InputError, match=field):
        ours.encode(_video(*shape))


def test_latents_that_do_not_fit(ours: WanAutoencoder) -> None:
    for latents in (_latents(1)[:, :3], _latents(1)[:, :, :0], _latents(1)[0]):
        with pytest.raises(InputError, match="latents"):
            ours.decode_next(latents, None)


def test_half_precision_gives_what_it_was_given(folder: Path, ours: WanAutoencoder) -> None:
    half = load_autoencoder(folder, dtype=torch.bfloat16)
    latents = _latents(2)
    video = half.decode(latents)
    assert video.dtype == torch.float32
    _near(video, ours.decode(latents), 0.1)
    assert half.encode(_video(5).bfloat16()).dtype == torch.bfloat16


@pytest.mark.parametrize("preset", [WAN21, WAN22], ids=["2.1", "2.2"])
def test_presets_are_the_published_networks(preset: WanAutoencoderConfig) -> None:
    diffusers = pytest.importorskip("diffusers")
    given: dict[str, Any] = {}
    if preset.residual:
        given = SIZES["2.2"] | {"base_dim": 160, "decoder_base_dim": 256, "z_dim": 48}
    with torch.device("meta"):
        theirs = diffusers.AutoencoderKLWan(**given)
        ours = WanAutoencoder(preset)
    names = layout(preset)
    shapes = {names[name]: value.shape for name, value in ours.state_dict().items()}
    assert shapes == {name: value.shape for name, value in theirs.state_dict().items()}
    assert len(preset.mean) == len(preset.std) == preset.channels
    assert (preset.temporal_factor, preset.spatial_factor) == (4, 16 if preset.residual else 8)
    if not preset.residual:
        assert list(preset.mean) == theirs.config.latents_mean
        assert list(preset.std) == theirs.config.latents_std


def test_names_are_the_original_ones(version: str, ours: WanAutoencoder) -> None:
    names = ours.state_dict().keys()
    stage = ".upsamples.3" if version == "2.2" else ""
    number = 0 if version == "2.2" else 3
    expected = {
        "conv1.weight",
        "conv2.bias",
        "encoder.conv1.weight",
        "encoder.downsamples.0.residual.0.gamma"
        if version == "2.1"
        else "encoder.downsamples.0.downsamples.0.residual.0.gamma",
        "encoder.middle.1.to_qkv.weight",
        "encoder.head.2.weight",
        f"decoder.upsamples.{number}{stage}.resample.1.weight",
        f"decoder.upsamples.{number}{stage}.time_conv.weight",
        "decoder.middle.2.residual.6.bias",
        "decoder.head.0.gamma",
    }
    assert expected <= set(names)


def test_there_and_back_is_bit_equal(theirs: Any, ours: WanAutoencoder) -> None:  # noqa: ANN401
    given = theirs.state_dict()
    original = from_diffusers(given, ours.config)
    assert original.keys() == ours.state_dict().keys()
    again = to_diffusers(original, ours.config)
    assert again.keys() == given.keys()
    assert all(torch.equal(again[name], value) for name, value in given.items())


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_an_original_file_is_the_same_network(
    ours: WanAutoencoder, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"Wan_VAE{suffix}"
    weights = dict(ours.state_dict())
    if suffix == ".pth":
        torch.save(weights, path)
    else:
        save_file(weights, path)
    latents = _latents(2)
    again = load_autoencoder(path, ours.config)
    assert torch.equal(again.decode(latents), ours.decode(latents))
    assert not again.training


def test_a_folder_with_the_original_file(ours: WanAutoencoder, tmp_path: Path) -> None:
    torch.save(ours.state_dict(), tmp_path / "Wan2.1_VAE.pth")
    again = load_autoencoder(tmp_path, ours.config)
    assert torch.equal(again.decode(_latents(1)), ours.decode(_latents(1)))


def test_a_file_alone_is_taken_for_the_published_sizes(
    version: str, ours: WanAutoencoder, tmp_path: Path
) -> None:
    path = tmp_path / "VAE.pth"
    torch.save(ours.state_dict(), path)
    width = 96 if version == "2.1" else 160
    with pytest.raises(ModelError, match=f"encoder.conv1.weight is .* expected .{width}, "):
        load_autoencoder(path)


def test_a_folder_without_the_parent_is_enough(copied: Path, ours: WanAutoencoder) -> None:
    assert load_autoencoder(copied).config == ours.config


def test_missing_files(copied: Path) -> None:
    with pytest.raises(ModelError, match="nowhere"):
        load_autoencoder(copied / "nowhere.pth")
    (copied / WEIGHTS).unlink()
    with pytest.raises(ModelError, match=WEIGHTS):
        load_autoencoder(copied)
    (copied / "config.json").unlink()
    with pytest.raises(ModelError, match=r"config\.json"):
        load_autoencoder(copied)


def test_files_cut_short(copied: Path, ours: WanAutoencoder) -> None:
    path = copied / WEIGHTS
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelError, match=f"{WEIGHTS}: corrupt"):
        load_autoencoder(copied)
    path = copied / "VAE.pth"
    torch.save(ours.state_dict(), path)
    for kept in (0, 50, path.stat().st_size // 2):
        path.write_bytes(path.read_bytes()[:kept] if kept else b"")
        with pytest.raises(ModelError, match=r"VAE\.pth: corrupt"):
            load_autoencoder(path)
        torch.save(ours.state_dict(), path)


class _Harmful:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


def test_files_that_hold_something_else(tmp_path: Path) -> None:
    path, made = tmp_path / "VAE.pth", tmp_path / "made"
    for held in (_Harmful(made), {"encoder": _Harmful(made)}, {"encoder": 3}, [torch.ones(1)]):
        torch.save(held, path)
        with pytest.raises(ModelError, match=r"VAE\.pth: (corrupt, or more|not a table)"):
            load_autoencoder(path)
    assert not made.exists()


@pytest.mark.parametrize("change", ["missing", "extra", "shape"])
def test_weights_that_do_not_fit(copied: Path, change: str) -> None:
    path, name = copied / WEIGHTS, "decoder.mid_block.attentions.0.to_qkv.weight"
    weights = load_file(path)
    if change == "missing":
        del weights[name]
    elif change == "extra":
        name = "decoder.mid_block.attentions.7.to_qkv.weight"
        weights[name] = torch.ones(1)
    else:
        weights[name] = weights[name][1:].clone()
    save_file(weights, path)
    with pytest.raises(ModelError, match=f"{WEIGHTS}: {name} is"):
        load_autoencoder(copied)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("latents_mean", [0.0]),
        ("latents_std", [1.0, 0.0, 1.0, 1.0]),
        ("latents_std", "one"),
        ("temperal_downsample", [True]),
        ("attn_scales", [0.5]),
        ("in_channels", 4),
        ("z_dim", None),
        ("num_res_blocks", 0),
    ],
)
def test_configs_that_do_not_fit(copied: Path, field: str, value: object) -> None:
    path = copied / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: value}))
    with pytest.raises(ModelError, match=r"config\.json: "):
        read_config(path)
    path.write_text("{")
    with pytest.raises(ModelError, match=r"config\.json: corrupt"):
        read_config(path)


def test_statistics_come_from_the_config(copied: Path, ours: WanAutoencoder) -> None:
    path = copied / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"latents_std": [2.0] * 4}))
    assert load_autoencoder(copied).config == replace(ours.config, std=(2.0,) * 4)
