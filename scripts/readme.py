"""Fill the blocks of every document that shows figures; with ``--check``, only say what differs."""

import argparse
import sys
from pathlib import Path

from pleinair.figures import fill

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = (
    "README.md",
    "docs/landscapes.md",
    "docs/pleinair-1.md",
    "docs/promises.md",
    "docs/speed.md",
    "docs/open-weights.md",
    "docs/origins.md",
    "docs/provenance.md",
    "docs/studio.md",
    "docs/craft.md",
    "docs/prompts.md",
    "src/pleinair/diffusion/weights/README.md",
)


def main(arguments: list[str] | None = None) -> int:
    """Fill the documents; the exit code is 1 when ``--check`` finds one that is out of date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="change nothing, fail if anything would"
    )
    options = parser.parse_args(arguments)
    stale = 0
    for name in DOCUMENTS:
        path = ROOT / name
        if not path.is_file():
            continue
        old = path.read_text()
        new = fill(old, ROOT / "figures")
        if new == old:
            continue
        if options.check:
            print(f"{name} differs from figures/: run `make readme`", file=sys.stderr)
            stale = 1
        else:
            path.write_text(new)
            print(f"filled {name}")
    return stale


if __name__ == "__main__":
    sys.exit(main())
