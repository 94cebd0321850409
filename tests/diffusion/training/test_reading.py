"""Reading: captions and their truth, and a text encoder that learns to tell them apart."""

import torch

from pleinair.diffusion.model.text import TextConfig, TextEncoder
from pleinair.diffusion.model.vocabulary import Vocabulary
from pleinair.diffusion.training.classifier import UNKNOWN
from pleinair.diffusion.training.reading import Reader, captions_of_step, reading_loss, understood
from pleinair.diffusion.worlds.captions import vocabulary_words
from pleinair.diffusion.worlds.scene import PLACES


def reader() -> Reader:
    torch.manual_seed(0)
    vocabulary = Vocabulary(vocabulary_words())
    return Reader(TextEncoder(TextConfig(len(vocabulary), dim=64, layers=1)), vocabulary, 64)


def test_captions_of_a_step_depend_on_seed_and_step_alone() -> None:
    captions, labels = captions_of_step(0, 5, 6)
    again, same = captions_of_step(0, 5, 6)
    assert captions == again
    assert all(torch.equal(labels[name], same[name]) for name in labels)
    assert captions != captions_of_step(0, 6, 6)[0]
    assert captions != captions_of_step(1, 5, 6)[0]


def test_the_truth_belongs_to_the_caption() -> None:
    captions, labels = captions_of_step(3, 0, 200)
    for caption, place in zip(captions, labels["place"], strict=True):
        if "desert" in caption and PLACES[place] != "desert":
            raise AssertionError(caption)


def test_what_a_scene_leaves_open_does_not_count() -> None:
    network = reader()
    captions, labels = captions_of_step(0, 0, 8)
    labels["colour"][0, 0] = 3  # at least one colour, whatever was drawn
    scores = {name: score.detach() for name, score in network(captions).items()}
    before = reading_loss(scores, labels)
    open_ = labels["colour"] == UNKNOWN
    assert open_.any()
    scores["colour"] = torch.where(open_[..., None], 100 * scores["colour"], scores["colour"])
    assert torch.equal(reading_loss(scores, labels), before)


def test_it_learns_to_read() -> None:
    network = reader()
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3)
    captions, labels = captions_of_step(0, 0, 16)
    first = reading_loss(network(captions), labels).item()
    for _ in range(60):
        loss = reading_loss(network(captions), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.1 * first
    assert understood(network(captions), labels) > 0.9


def test_captions_that_leave_an_answer_open_throughout_still_teach_the_rest() -> None:
    network = reader()
    captions, labels = captions_of_step(0, 0, 4)
    labels["colour"] = torch.full_like(labels["colour"], UNKNOWN)
    assert reading_loss(network(captions), labels).isfinite()
