"""Prompts that name one thing, as they are and completed: is it in the clip?

Each prompt names a place or a thing and nothing else. The few-step weights draw it twice from the
same noise, once as it stands and once completed by the seed, and the classifier that evaluation
uses reads both. As a check on completing, what was added is looked for too.

    python bench/completion.py --pictures docs/pictures
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.operations.found import Found, write_sheets
from pleinair.diffusion.model.pipeline import Pipeline
from pleinair.diffusion.training.classifier import ATTRIBUTES, Classifier, judge, load_classifier
from pleinair.diffusion.training.data import to_bytes
from pleinair.diffusion.training.evaluate import frames
from pleinair.diffusion.training.scores import Score
from pleinair.diffusion.worlds.completion import complete
from pleinair.diffusion.worlds.reading import read
from pleinair.diffusion.worlds.scene import PLACES, THINGS
from pleinair.diffusion.worlds.suggestions import suggestions
from pleinair.figures import Cell, write_figure

STEPS = 4
NAMED = {"place": PLACES, "things": THINGS}


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw, read and write ``prompt-completion.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=6, help="clips of each prompt and language")
    parser.add_argument("--pictures", type=Path, default=None, help="folder of the contact sheet")
    parser.add_argument("--out", type=Path, default=Path("figures"), help="folder of the figures")
    parser.add_argument("--seed", type=int, default=0, help="first seed")
    options = parser.parse_args(arguments)
    pipeline, reader = Pipeline.load(None), load_classifier()
    rows: dict[str, list[list[bool]]] = {aspect: [] for aspect in NAMED}
    sheet = Found()
    for i in range(options.repeats):
        seed = options.seed + 1000 * i
        for language in ("en", "fr"):
            told = suggestions(language)
            for aspect, names in NAMED.items():
                for name in names:
                    seed += 1
                    prompt = told["places" if aspect == "place" else "things"][name]
                    done = complete(prompt, seed)
                    clips = [_draw(pipeline, text, seed) for text in (prompt, done.prompt)]
                    sheet.add({}, np.concatenate([frames(clip) for clip in clips], 1))
                    plain, full = (_seen(reader, clip) for clip in clips)
                    rows[aspect].append([name in plain[aspect], name in full[aspect]])
                    added = read(done.prompt).values
                    for other in ATTRIBUTES:
                        if other != aspect and len(added.get(other, ())) == 1:
                            both = [bool(added[other] & seen[other]) for seen in (plain, full)]
                            rows.setdefault(f"added: {other}", []).append(both)
    table: list[list[Cell]] = [
        [
            {"place": "the place named", "things": "the thing named"}.get(name, name),
            len(pairs),
            *(str(Score(sum(pair[k] for pair in pairs), len(pairs))) for k in (0, 1)),
        ]
        for name, pairs in rows.items()
    ]
    write_figure(
        "prompt-completion",
        title="Prompts of one place or thing, as they are and completed",
        columns=["what is looked for", "clips", "as it is", "completed"],
        rows=table,
        n=sum(len(pairs) for name, pairs in rows.items() if name in ("place", "things")),
        seeds=[options.seed],
        notes=f"{STEPS} steps, guidance built in; the same noise for both. Wilson intervals. "
        "What was named comes first, then what was added: as it is, that comes by chance.",
        out=options.out,
    )
    if options.pictures:
        write_sheets({"completion": sheet}, ["completion"], options.pictures)
    for row in table:
        print(*row, sep="\t")
    return 0


def _draw(pipeline: Pipeline, prompt: str, seed: int) -> Tensor:
    """A clip of a prompt, uint8 (3, 17, H, W)."""
    made = pipeline.generate(
        prompt, width=144, height=80, seed=seed, steps=STEPS, guidance=None
    ).video[0]
    return to_bytes(made)


def _seen(reader: Classifier, clip: Tensor) -> dict[str, set[str]]:
    """What is in a clip: for each aspect its value, and the things."""
    labels = judge(reader, [clip])[0]
    seen = {name: {values[int(labels[name][0])]} for name, values in ATTRIBUTES.items()}
    there = torch.nonzero(labels["things"][0])[:, 0].tolist()
    return seen | {"things": {THINGS[i] for i in there}}


if __name__ == "__main__":
    raise SystemExit(main())
