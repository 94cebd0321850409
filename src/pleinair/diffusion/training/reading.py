"""Reading: the text encoder learns what captions say before anything is drawn from them.

A place has dozens of names in two languages. Left to diffusion, each is learned by itself from
the few clips that happen to be worded so; here all of them come to mean the same within minutes,
from captions alone, of which there is no end. The answers are those that the classifier reads in
clips, so both know the same truth.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pleinair.diffusion.model.text import TextEncoder, batch
from pleinair.diffusion.model.vocabulary import Vocabulary
from pleinair.diffusion.training import data
from pleinair.diffusion.training.classifier import ANSWERS, UNKNOWN, Labels, by_head, truth
from pleinair.diffusion.worlds.captions import caption
from pleinair.diffusion.worlds.scene import sample_scene
from pleinair.dit.transformer import pooled

# Captions come from scenes of their own, which are never rendered.
SERIES = 440_000


class Reader(nn.Module):
    """A text encoder and the answers read from the mean of its output; the answers are dropped."""

    def __init__(self, text: TextEncoder, vocabulary: Vocabulary, dim: int) -> None:
        super().__init__()
        self.text = text
        self.vocabulary = vocabulary
        self.answers = nn.Linear(dim, ANSWERS)

    def forward(self, captions: list[str]) -> dict[str, Tensor]:
        """Scores of captions: name of HEADS -> (B, *its shape)."""
        ids = batch([self.vocabulary.encode(one) for one in captions])
        context, mask = self.text(ids.to(self.answers.weight.device))
        return by_head(self.answers(pooled(context, mask)))


def captions_of_step(seed: int, step: int, count: int) -> tuple[list[str], Labels]:
    """Complete captions of fresh scenes, a pure function of seed and step, and their truth."""
    rng, _ = data.step_rng(seed, "reading", step)
    scenes = [sample_scene(SERIES + seed, step * count + i) for i in range(count)]
    return [caption(scene, rng, detail=1.0) for scene in scenes], truth(scenes)


def reading_loss(scores: dict[str, Tensor], labels: Labels) -> Tensor:
    """Mean cross-entropy of every answer, a scalar; what a scene leaves open does not count."""
    terms = []
    for name, score in scores.items():
        label = labels[name].to(score.device)
        if name == "things":
            terms.append(F.binary_cross_entropy_with_logits(score, label.float()))
        elif (label != UNKNOWN).any():  # else the mean of no answers is not a number
            flat = score.flatten(0, -2)
            terms.append(F.cross_entropy(flat, label.flatten(), ignore_index=UNKNOWN))
    return torch.stack(terms).mean()


@torch.no_grad()
def understood(scores: dict[str, Tensor], labels: Labels) -> float:
    """Share of captions whose place, hour, weather, camera, look and things are all read."""
    right = (scores["things"] > 0).long().eq(labels["things"]).all(-1)
    for name in ("place", "hour", "weather", "camera", "look"):
        right &= scores[name].argmax(-1).eq(labels[name])
    return float(right.float().mean())
