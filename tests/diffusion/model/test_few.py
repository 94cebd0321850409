from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from pleinair.diffusion.model.checkpoint import Model, save_model
from pleinair.diffusion.model.few import load_few, save_few
from pleinair.diffusion.model.pipeline import Pipeline
from pleinair.dit.sampler import leaps, schedule
from pleinair.dit.transformer import Transformer
from pleinair.errors import ModelError


@pytest.fixture
def few(transformer: Transformer) -> Transformer:
    """A flow map that is a little other than the transformer."""
    made = Transformer(replace(transformer.config, flow_map=True)).eval()
    made.load_state_dict(transformer.state_dict(), strict=False)
    with torch.no_grad():
        for weight in made.parameters():
            weight.add_(0.02 * torch.randn_like(weight))
    return made


def test_a_flow_map_says_where_a_leap_ends(few: Transformer) -> None:
    latents, context = torch.randn(1, 8, 3, 2, 2), torch.randn(1, 4, 16)
    sigma = torch.full((1, 3), 0.9)
    near, far = (few(latents, sigma, context, until=sigma - leap) for leap in (0.1, 0.8))
    assert not torch.allclose(near, far, atol=1e-4)
    assert torch.equal(few(latents, sigma, context), few(latents, sigma, context, until=sigma))


def test_leaps_go_through_every_level_and_leave_what_is_held() -> None:
    noise, clean = torch.randn(2, 1, 4, 3, 2, 2)
    held = torch.tensor([True, False, False])
    start = noise.clone()
    start[:, :, 0] = clean[:, :, 0]
    asked = []

    def way(latents: Tensor, sigma: Tensor, until: Tensor) -> Tensor:
        asked.append((sigma[0].tolist(), until[0].tolist()))
        straight: Tensor = noise - clean
        return straight

    done: list[tuple[int, int]] = []
    levels = schedule(4, shift=2)
    made = leaps(way, start, levels, held=held, progress=lambda *step: done.append(step))
    torch.testing.assert_close(made, clean, atol=1e-5, rtol=0)
    a, b = levels[0].item(), levels[1].item()
    assert asked[0] == ([0, a, a], [0, b, b])
    assert [until[2] for _, until in asked] == [sigma[2] for sigma, _ in asked[1:]] + [0]
    assert done == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_file_keeps_the_few_step_weights_to_a_byte_each(
    tmp_path: Path, transformer: Transformer, few: Transformer
) -> None:
    path = tmp_path / "m-few.safetensors"
    save_few(path, transformer, few, {"steps": 7})
    read, about = load_few(path, transformer)
    assert about == {"steps": 7}
    wanted, base = few.state_dict(), transformer.state_dict()
    for name, value in read.state_dict().items():
        change = wanted[name] - base.get(name, 0)
        allowed = change.abs().max() / 254 + 1e-3 * change.abs().max()
        assert (value - wanted[name]).abs().max() <= allowed
    big = sum(value.numel() * value.element_size() for value in base.values())
    assert path.stat().st_size < big  # float32; many small tensors weigh by their names


def test_the_pipeline_takes_few_steps_where_it_is_asked_for_no_guidance(
    tmp_path: Path, model: Model, few: Transformer
) -> None:
    path = tmp_path / "m.safetensors"
    parts = model.autoencoder, model.text, model.transformer, model.vocabulary
    save_model(path, *parts, model.about)
    asked: dict[str, Any] = {"seconds": 1, "width": 32, "height": 16, "seed": 3, "steps": 4}
    with pytest.raises(ModelError, match="this model has no few-step weights"):
        Pipeline.load(path).generate("a lake", guidance=None, **asked)
    save_few(tmp_path / "m-few.safetensors", model.transformer, few, {})
    pipeline = Pipeline.load(path, dtype=torch.float32)
    steps: list[int] = []

    def told(done: int, total: int, stage: str) -> None:
        if stage == "denoise":
            steps.append(total)

    made = pipeline.generate("a lake", guidance=None, progress=told, **asked)
    again = pipeline.generate("a lake", guidance=None, **asked)
    other = pipeline.generate("a lake", guidance=3.0, **asked)
    assert steps == [4] * 5
    assert torch.equal(made.video, again.video)
    assert not torch.allclose(made.video, other.video, atol=1e-3)


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:200]), "corrupt or cut short"),
        (lambda path: path.unlink(), "there are no weights here"),
    ],
)
def test_a_broken_file_is_told(
    tmp_path: Path, transformer: Transformer, few: Transformer, harm: object, message: str
) -> None:
    path = tmp_path / "m-few.safetensors"
    save_few(path, transformer, few, {})
    harm(path)  # type: ignore[operator]
    with pytest.raises(ModelError, match=message):
        load_few(path, transformer)


def test_weights_of_another_base_are_refused(
    tmp_path: Path, transformer: Transformer, few: Transformer
) -> None:
    path = tmp_path / "m-few.safetensors"
    save_few(path, transformer, few, {})
    other = Transformer(replace(transformer.config, layers=1))
    with pytest.raises(ModelError, match="does not fit the weights it goes with"):
        load_few(path, other)
