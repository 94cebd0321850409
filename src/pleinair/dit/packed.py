"""Linear layers for drawing alone: shorter weights, laid out for the processor."""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Half(nn.Linear):
    """A linear layer whose input takes the format of its weights."""

    def forward(self, input: Tensor) -> Tensor:
        """(…, in) to (…, out), in the format of the weights."""
        return F.linear(input.to(self.weight.dtype), self.weight, self.bias)


class Packed(nn.Module):
    """A linear layer on a CPU, whose weights lie as oneDNN multiplies them.

    A plain layer sorts its weights anew at each call. What follows, a GELU, is done while the
    product is still in the processor's cache, in float32.
    """

    def __init__(self, linear: nn.Linear, dtype: torch.dtype, *, gelu: bool = False) -> None:
        super().__init__()
        self.dtype = dtype
        self.after: tuple[str, list[float], str] = (
            ("gelu", [], "tanh") if gelu else ("none", [], "")
        )
        weight = linear.weight.detach().to(dtype)
        self.weight: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight, None)
        bias: Tensor | None = linear.bias
        self.bias = None if bias is None else bias.detach().to(dtype)

    def forward(self, input: Tensor) -> Tensor:
        """(…, in) to (…, out), in the format of the weights."""
        input = input.to(self.dtype)
        made = torch.ops.mkldnn._linear_pointwise(input, self.weight, self.bias, *self.after)
        return cast("Tensor", made)


def packs(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether `Packed` works here, and pays: float32 gains nothing by it."""
    if device.type != "cpu" or dtype != torch.bfloat16 or not torch.backends.mkldnn.is_available():
        return False
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def half(linear: nn.Linear, dtype: torch.dtype) -> Half:
    """The same layer with its weights in this format."""
    out, into = linear.weight.shape
    made = Half(into, out, bias=linear.bias is not None, device="meta")
    made.weight = nn.Parameter(linear.weight.detach().to(dtype), requires_grad=False)
    if linear.bias is not None:
        made.bias = nn.Parameter(linear.bias.detach().to(dtype), requires_grad=False)
    return made
