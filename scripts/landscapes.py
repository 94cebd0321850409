"""Draw the sheet of landscapes: each line of a file of prompts, three frames, seeds counted up.

python scripts/landscapes.py bench/landscapes.txt docs/pictures/landscapes.jpg
"""

import argparse
import sys
import unicodedata
from pathlib import Path

from PIL import Image, ImageDraw

from pleinair.light.renderer import Renderer
from pleinair.scenes.draft import draft

SIZE, SHOWN, FPS, FRAMES = (960, 540), (320, 180), 24, 96
NUMBERS = (0, 48, 95)
COLUMNS, CAPTION = 2, 18


def strip(prompt: str, seed: int, folder: Path | None) -> Image.Image:
    """Three frames of a prompt side by side, with its words."""
    scene = draft(prompt, seed, aspect=SIZE[0] / SIZE[1], seconds=FRAMES / FPS).scene
    renderer = Renderer(scene, width=SIZE[0], height=SIZE[1], fps=FPS, frames=FRAMES)
    image = Image.new("RGB", (SHOWN[0] * len(NUMBERS), SHOWN[1] + CAPTION), "white")
    for place, number in enumerate(NUMBERS):
        frame = Image.fromarray(renderer.draw(number))
        if folder:
            frame.save(folder / f"{seed:02d}-{number:02d}.png")
        image.paste(frame.resize(SHOWN, Image.Resampling.LANCZOS), (place * SHOWN[0], 0))
    plain = unicodedata.normalize("NFKD", prompt).encode("ascii", "ignore").decode()  # the font's
    ImageDraw.Draw(image).text((4, SHOWN[1] + 3), plain, fill="black", font_size=12)
    return image


def main(arguments: list[str] | None = None) -> int:
    """Draw the sheet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("prompts", type=Path, help="a file with one prompt a line")
    parser.add_argument("picture", type=Path, help="where the sheet goes")
    parser.add_argument("--frames", type=Path, help="folder for the frames at full size")
    options = parser.parse_args(arguments)
    prompts = [line for line in options.prompts.read_text().splitlines() if line.strip()]
    if options.frames:
        options.frames.mkdir(parents=True, exist_ok=True)
    rows = -(-len(prompts) // COLUMNS)
    width, height = SHOWN[0] * len(NUMBERS), SHOWN[1] + CAPTION
    sheet = Image.new("RGB", (width * COLUMNS + 8 * (COLUMNS - 1), height * rows), "white")
    for i, prompt in enumerate(prompts):
        at = (i % COLUMNS * (width + 8), i // COLUMNS * height)
        sheet.paste(strip(prompt, i + 1, options.frames), at)
        print(f"{i + 1} of {len(prompts)}: {prompt}", flush=True)
    sheet.save(options.picture, quality=82)
    return 0


if __name__ == "__main__":
    sys.exit(main())
