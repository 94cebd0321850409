"""What makes a transformer fast: which steps are taken, presets of them, and taking them."""

from dataclasses import dataclass, fields, replace
from typing import Any, cast

import torch
from torch import Tensor, nn

from pleinair.dit.caching import CACHES
from pleinair.dit.guiding import Guidance
from pleinair.dit.packed import Packed, half, packs
from pleinair.dit.transformer import Attention, Block, Transformer
from pleinair.errors import InputError, ModelError

CHOICES = {
    "compile": ("off", "on", "reduce-overhead"),
    "guidance": ("batched", "sequential"),
    "cache": ("none", *CACHES),
    "quantise": ("none", "int8", "int8-dynamic", "fp8"),
    "dtype": ("auto", "float32", "bfloat16"),
}


@dataclass(frozen=True)
class Speed:
    """How a transformer is made fast; what a text gives the blocks is read once in any case.

    Attributes:
        fuse: one product for all projections of one input; exact.
        dtype: of matrix products; ``auto`` is bfloat16 where the device has arithmetic for it.
            Asked for elsewhere, it is emulated: a processor's layers then stay plain and are slow.
        guidance: both ways in one batch, or one after the other in half the memory; exact.
        every: the negative prompt is asked at each n-th step; see `pleinair.dit.guiding`.
        cache: ``none``, ``first-block`` or ``teacache``; see `pleinair.dit.caching`.
        threshold: of the cache; 0 skips nothing.
        calm: noise level under which ``every`` and the cache leave anything out.
        guided: noise level down to which there is guidance; see `pleinair.dit.sampler.guided`.
        quantise: ``int8`` weights, ``int8-dynamic`` products or ``fp8`` products, by torchao.
        compile: each block by torch.compile; ``reduce-overhead`` also takes CUDA graphs. The first
            clip of each size then waits for the compiler, half a minute and more.

    Raises:
        InputError: a value is not allowed.
    """

    fuse: bool = True
    dtype: str = "auto"
    guidance: str = "batched"
    every: int = 1
    cache: str = "none"
    threshold: float = 0.0
    calm: float = 1.0
    guided: float = 0.0
    quantise: str = "none"
    compile: str = "off"

    def __post_init__(self) -> None:
        """Check the values."""
        for name, allowed in CHOICES.items():
            if getattr(self, name) not in allowed:
                raise InputError(f"speed: {name}", getattr(self, name), ", ".join(allowed))
        if self.every < 1:
            raise InputError("speed: every", self.every, "1 and more")
        for name, most in (("threshold", 10), ("calm", 1), ("guided", 1)):
            if not 0 <= getattr(self, name) <= most:
                raise InputError(f"speed: {name}", getattr(self, name), f"numbers from 0 to {most}")

    @classmethod
    def parse(cls, text: str) -> "Speed":
        """A preset, and what differs from it: ``fast`` or ``balanced,cache=none,every=3``.

        Raises:
            InputError: there is no such preset, name or value.
        """
        preset, *changes = (part.strip() for part in text.split(","))
        if preset not in PRESETS:
            raise InputError("speed", preset, ", ".join(PRESETS))
        kinds: dict[str, Any] = {item.name: type(item.default) for item in fields(cls)}
        values: dict[str, Any] = {}
        for change in changes:
            name, _, value = change.partition("=")
            if name not in kinds:
                raise InputError("speed", name, ", ".join(kinds))
            try:
                values[name] = value in ("yes", "on") if kinds[name] is bool else kinds[name](value)
            except ValueError as error:
                raise InputError(f"speed: {name}", value, "numbers") from error
        return replace(PRESETS[preset], **values)

    def numbers(self, device: torch.device | str) -> torch.dtype:
        """The format of matrix products on a device."""
        if self.dtype == "auto":
            return natural_dtype(device)
        return torch.bfloat16 if self.dtype == "bfloat16" else torch.float32

    def guide(self, scale: float, interval: tuple[float, float] = (0.0, 1.0)) -> Guidance:
        """Guidance of this scale within an interval of noise levels, for `guiding.Guided`."""
        return Guidance(
            scale,
            (max(interval[0], self.guided), interval[1]),
            self.every,
            self.guidance == "batched",
            self.cache,
            self.threshold,
            self.calm,
        )


PRESETS = {
    "exact": Speed(),
    "balanced": Speed(guided=0.4, cache="first-block", threshold=0.15, calm=0.6),
    "fast": Speed(guided=0.5, cache="first-block", threshold=0.25, calm=0.7),
}


def natural_dtype(device: torch.device | str) -> torch.dtype:
    """bfloat16 where the device multiplies it itself; elsewhere it would be slower."""
    if torch.device(device).type != "cpu":
        return torch.bfloat16
    able = torch.cpu.get_capabilities()
    return torch.bfloat16 if able.get("avx512_bf16") or able.get("amx_bf16") else torch.float32


@torch.no_grad()
def hasten(
    transformer: Transformer, speed: Speed, device: torch.device | None = None
) -> Transformer:
    """Make a transformer fast, in place and for good: it can be neither trained nor saved after.

    What is left to whoever draws with it is `Speed.guide`.

    Args:
        transformer: the network.
        speed: what is done.
        device: where it will work; None for where it is.

    Raises:
        ModelError: torchao is missing, or the device cannot do what it was asked to.
    """
    device = device or transformer.patch_embedding.weight.device
    dtype = speed.numbers(device)
    blocks = [cast("Block", block) for block in transformer.blocks]
    packed = packs(device, dtype) and speed.quantise == "none" and speed.compile == "off"
    for block in blocks:
        if speed.fuse:
            fuse(block.self_attn, "qkv")
            fuse(block.cross_attn, "kv")
        if dtype != torch.float32 or speed.quantise != "none":
            for attention in (block.self_attn, block.cross_attn):
                _shorten(attention, dtype, packed=packed)
            _shorten(block.ffn, dtype, packed=packed)
        if packed:
            into, _, out = block.ffn
            block.ffn = nn.Sequential(into, out)
    if speed.quantise != "none":
        quantise(transformer.blocks, speed.quantise, device)
    if speed.compile != "off":
        mode = None if speed.compile == "on" else speed.compile
        for block in blocks:  # alike, so that the compiler works once
            block.compile(mode=mode)
    return transformer


def fuse(attention: Attention, names: str) -> None:
    """Join projections of one input, ``qkv`` or ``kv``, into one layer of that name."""
    parts = [cast("nn.Linear", getattr(attention, name)) for name in names]
    joined = nn.Linear(parts[0].in_features, sum(p.out_features for p in parts), device="meta")
    joined.weight = _frozen(torch.cat([part.weight for part in parts]))
    joined.bias = _frozen(torch.cat([part.bias for part in parts]))
    setattr(attention, names, joined)
    for name in names:
        delattr(attention, name)


def quantise(blocks: nn.Module, kind: str, device: torch.device) -> None:
    """Keep the weights of the blocks in eight bits, by torchao.

    Raises:
        ModelError: torchao is missing, or the device lacks the arithmetic.
    """
    try:
        from torchao import quantization as ao
    except ImportError as error:
        raise ModelError(f"{kind} needs torchao: pip install 'pleinair[quant]'") from error
    if kind == "fp8" and (
        device.type != "cuda" or torch.cuda.get_device_capability(device) < (8, 9)
    ):
        raise ModelError(f"fp8 needs a GPU of compute capability 8.9 or more, not {device}")
    configs = {
        "int8": ao.Int8WeightOnlyConfig,
        "int8-dynamic": ao.Int8DynamicActivationInt8WeightConfig,
        "fp8": ao.Float8DynamicActivationFloat8WeightConfig,
    }
    ao.quantize_(blocks, configs[kind]())


def _shorten(part: nn.Module, dtype: torch.dtype, *, packed: bool) -> None:
    """Linear layers and norms of attention or feed-forward in this format."""
    for name, layer in list(part.named_children()):
        if isinstance(layer, nn.Linear):
            first = packed and isinstance(part, nn.Sequential) and name == "0"
            made = Packed(layer, dtype, gelu=first) if packed else half(layer, dtype)
            setattr(part, name, made)
        elif isinstance(layer, nn.RMSNorm):
            layer.to(dtype)


def fold(context: Tensor) -> tuple[Tensor, Tensor | None]:
    """A padded text (B, L, text) with its padding in one place, for `Transformer.read`; exact.

    Wan pads its texts with zeros and lets all 512 places be seen. Places that are alike have equal
    keys and values, so that n of them weigh as much as one whose score is greater by log n.

    Returns:
        The text (B, M, text), and what is added to the scores (B, M); None where nothing folds.
    """
    alike = (context == context[:, -1:]).all(-1)  # B L
    free = int((~alike).any(0).nonzero().amax()) + 1 if not alike.all() else 0
    count = context.shape[1] - free
    if count < 2:
        return context, None
    bias = context.new_zeros(len(context), free + 1, dtype=torch.float32)
    bias[:, -1] = torch.tensor(float(count)).log()
    return context[:, : free + 1], bias


def _frozen(weight: Tensor) -> nn.Parameter:
    return nn.Parameter(weight.detach(), requires_grad=False)
