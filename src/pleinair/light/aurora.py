"""The aurora: curtains of light between 100 and 300 km."""

import torch
from torch import Tensor

from pleinair.scenes.scene import Scene


def aurora(scene: Scene, seconds: float, direction: Tensor) -> Tensor:
    """Light of the aurora, kcd/m², (3, P), to be added to that of the sky.

    Args:
        scene: whose sky it is.
        seconds: the scene's time.
        direction: (3, P) unit.
    """
    return torch.zeros_like(direction)
