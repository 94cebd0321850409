"""One clip on several devices: its tokens shared out, or the two ways of guidance.

Every rank holds the whole network, is asked for the same and comes to the same clip; `launch`
starts the ranks and `spread` shares the work of their pipelines out between them.
"""

import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from pleinair.diffusion.model.pipeline import Pipeline
from pleinair.dit.guiding import Guidance, Guided, Network
from pleinair.dit.transformer import Block, Text, Transformer, Walk, attend, in_turn
from pleinair.errors import InputError

TIMEOUT = timedelta(minutes=10)  # after which a rank that hears nothing of the others gives up


class Ulysses:
    """Attention over tokens that lie on all ranks: each rank mixes all tokens of some heads.

    Jacobs et al., DeepSpeed Ulysses, arXiv 2309.14509.

    Attributes:
        seen: (1, N), False for tokens that fill up a share; None where there are none.
    """

    def __init__(self) -> None:
        self.seen: Tensor | None = None

    def __call__(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
        """(B, heads, N / ranks, head) of this rank to the same."""
        q, k, v = (self._to_heads(part) for part in (q, k, v))  # B heads/ranks N head
        return self._to_tokens(attend(q, k, v, self.seen))

    def _to_heads(self, x: Tensor) -> Tensor:
        parts = x.unflatten(1, (dist.get_world_size(), -1)).movedim(1, 0)  # ranks B h n head
        return _exchange(parts).movedim(0, 2).flatten(2, 3)

    def _to_tokens(self, x: Tensor) -> Tensor:
        parts = x.unflatten(2, (dist.get_world_size(), -1)).movedim(2, 0)  # ranks B h n head
        return _exchange(parts).movedim(0, 1).flatten(1, 2)


class Shared:
    """A transformer whose tokens are shared out: a part of each frame on every rank.

    Raises:
        InputError: the heads cannot be shared out, or a cache is asked for: ranks would have to
            agree on what is skipped.
    """

    def __init__(self, transformer: Transformer) -> None:
        heads, ranks = transformer.config.heads, dist.get_world_size()
        if heads % ranks:
            raise InputError("ranks", ranks, f"divisors of {heads} heads")
        self.transformer = transformer
        self.attention = Ulysses()
        for block in transformer.blocks:
            cast("Block", block).self_attn.attend = self.attention

    def __call__(
        self,
        latents: Tensor,
        sigma: Tensor,
        context: Text,
        *,
        walk: Walk | None = None,
        until: Tensor | None = None,
    ) -> Tensor:
        """Velocity (B, C, F, h, w), the same on every rank."""
        if walk is not None:
            raise InputError("speed: cache", type(walk).__name__, "none where tokens are shared")
        shared = self.transformer(latents, sigma, context, walk=self._walk, until=until)
        return cast("Tensor", shared)

    def _walk(
        self, blocks: nn.ModuleList, x: Tensor, level: Tensor, turns: Tensor, text: Text
    ) -> Tensor:
        frames, tokens = x.shape[1:3]
        ranks, rank = dist.get_world_size(), dist.get_rank()
        missing = -tokens % ranks

        def share(all_of_it: Tensor) -> Tensor:  # ? F S … to ? F S/ranks …
            return F.pad(all_of_it, (0, 0, 0, missing)).chunk(ranks, 2)[rank]

        if missing:
            places = torch.arange(tokens + missing, device=x.device) < tokens
            self.attention.seen = places.view(ranks, 1, -1).expand(-1, frames, -1).reshape(1, -1)
        else:
            self.attention.seen = None
        mine = share(turns.unflatten(1, (frames, tokens))).flatten(1, 2)
        part = in_turn(blocks, share(x), level, mine, text).contiguous()
        return torch.cat(_gather(part), 2)[:, :, :tokens]


class Apart(Guided):
    """Guidance on two ranks: the first goes towards the prompt, the second away."""

    def __init__(self, network: Network, text: Text, guidance: Guidance) -> None:
        super().__init__(network, text, guidance)
        if dist.get_world_size() != 2:
            raise InputError("ranks", dist.get_world_size(), "2, for the two ways of guidance")

    def __call__(self, latents: Tensor, sigma: Tensor) -> Tensor:
        """Velocity (1, C, F, h, w), bit for bit the same on both ranks."""
        velocity = super().__call__(latents, sigma).contiguous()
        dist.broadcast(velocity, 0)
        return velocity

    def _both(self, latents: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        way = ("towards", "away")[dist.get_rank()]
        towards, away = _gather(self._ask(latents, sigma, way).contiguous())
        return towards, away


def spread(pipeline: Pipeline, how: str) -> Pipeline:
    """Share the work of a pipeline with those of the other ranks.

    Few-step weights have guidance built in: there ``guidance`` shares nothing, and every rank
    does the same.

    Args:
        pipeline: this rank's, on its own device; the others hold the same.
        how: ``sequence`` for tokens, on as many ranks as divide the heads; ``guidance`` on two.

    Raises:
        InputError: it cannot be shared out like this.
    """
    if how == "sequence":
        pipeline.network = Shared(pipeline.transformer)
        pipeline.few_network = pipeline.few and Shared(pipeline.few)
    elif how == "guidance":
        pipeline.guided = Apart
    else:
        raise InputError("parallel", how, "sequence or guidance")
    return pipeline


def launch(count: int, work: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401
    """What ``work(*arguments)`` gives on the first of `count` ranks, each a process of its own.

    Rank i takes the i-th GPU as torch's current one; without GPUs all are on the processor. An
    error on any rank ends them all.

    Args:
        count: of ranks.
        work: an importable function; what it gives must be picklable.
    """
    with tempfile.TemporaryDirectory() as folder:
        mp: Any = torch.multiprocessing
        mp.spawn(_member, (count, Path(folder), work, arguments), count)
        return torch.load(Path(folder) / "answer", weights_only=False)


def join(rank: int, count: int, folder: Path, *, gpu: bool) -> None:
    """Make this process one of `count` ranks, which meet in a folder.

    Args:
        rank: of this process, and the GPU that it takes.
        count: of ranks.
        folder: a new one, which all of them see.
        gpu: whether each has a GPU; else all are on the processor.

    Raises:
        InputError: there are fewer GPUs than ranks.
    """
    if gpu:
        if count > torch.cuda.device_count():
            there = torch.cuda.device_count()
            raise InputError("parallel", count, f"at most {there} ranks, one for each GPU here")
        torch.cuda.set_device(rank)
    dist.init_process_group(
        "nccl" if gpu else "gloo",
        init_method=f"file://{folder / 'ranks'}",
        rank=rank,
        world_size=count,
        timeout=TIMEOUT,
    )


def _member(
    rank: int, count: int, folder: Path, work: Callable[..., Any], arguments: tuple[object, ...]
) -> None:
    join(rank, count, folder, gpu=torch.cuda.is_available())
    try:
        answer = work(*arguments)
        if rank == 0:
            torch.save(answer, folder / "answer")
    finally:
        dist.destroy_process_group()


def _exchange(parts: Tensor) -> Tensor:
    """Part i of (ranks, …) goes to rank i; what came from rank i lies at i."""
    parts = parts.contiguous()
    came = torch.empty_like(parts)
    dist.all_to_all_single(came, parts)
    return came


def _gather(part: Tensor) -> list[Tensor]:
    parts = [torch.empty_like(part) for _ in range(dist.get_world_size())]
    dist.all_gather(parts, part)
    return parts
