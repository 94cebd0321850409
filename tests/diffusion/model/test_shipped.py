import torch
import torch.nn.functional as F

from pleinair.diffusion.model.autoencoder import TEMPORAL
from pleinair.diffusion.model.checkpoint import load_model
from pleinair.diffusion.training.evaluate import cases
from pleinair.diffusion.training.measures import luma
from pleinair.diffusion.worlds.render import render
from pleinair.settings import SHIPPED_WEIGHTS


@torch.no_grad()
def test_every_frame_of_a_group_is_as_sharp() -> None:
    """A decoder may put its detail into one frame of four, and a video then pulses."""
    autoencoder = load_model(SHIPPED_WEIGHTS / "pleinair-1.safetensors").autoencoder
    detail = torch.zeros(TEMPORAL)
    for case in cases(5, 3, held_out=False):
        video = render([case.scene], width=case.width, height=case.height)
        light = luma(autoencoder.decode(autoencoder.encode(video)))[0, 1:]  # 4k frames
        fine = light - F.avg_pool2d(light[:, None], 3, stride=1, padding=1)[:, 0]
        detail += fine.abs().mean((1, 2)).unflatten(0, (-1, TEMPORAL)).mean(0)
    assert detail.max() < 1.12 * detail.min()
