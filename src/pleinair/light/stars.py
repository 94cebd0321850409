"""Stars and the Milky Way."""

import torch
from torch import Tensor

from pleinair.light.camera import View
from pleinair.scenes.scene import Scene


def stars(scene: Scene, view: View, image_shape: tuple[int, int]) -> Tensor:
    """Light of the stars in a picture, kcd/m², (3, H, W), to be added to that of the sky.

    Args:
        scene: whose sky it is.
        view: the camera.
        image_shape: rows and columns.
    """
    return torch.zeros(3, *image_shape, device=view.eye.device)
