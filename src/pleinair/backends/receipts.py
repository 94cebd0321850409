"""The receipt of a download: written last, so that a folder without one is half finished."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from pleinair.backends.catalogue import folder_of
from pleinair.errors import ModelError
from pleinair.media.digest import digest

NAME = "pleinair-receipt.json"
PULLED, HALF, ABSENT = "pulled", "half finished", "not pulled"


@dataclass(frozen=True)
class File:
    """One file of a download: its size in bytes and the SHA-256 of its content."""

    size: int
    sha256: str


@dataclass(frozen=True)
class Receipt:
    """What was fetched.

    Attributes:
        model: id of the model.
        repository, revision: where from, the revision as a commit.
        licence: name of the licence under which it came.
        files: every file, by its path in the folder.
    """

    model: str
    repository: str
    revision: str
    licence: str
    files: dict[str, File]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files.values())

    def write(self, folder: Path) -> None:
        """Put it into the folder, whole or not at all."""
        draft = folder / f"{NAME}.part"
        draft.write_text(json.dumps(asdict(self), indent=1, sort_keys=True) + "\n")
        draft.replace(folder / NAME)

    def lacks(self, folder: Path) -> list[str]:
        """Files that are missing or of another size than they came with."""
        return [name for name, file in self.files.items() if _size(folder / name) != file.size]

    def damaged(self, folder: Path) -> list[str]:
        """Files that are missing or hold anything but what they came with; reads all of them."""
        lacks = self.lacks(folder)
        whole = [name for name in self.files if name not in lacks]
        return lacks + [n for n in whole if digest(folder / n) != self.files[n].sha256]


def read_receipt(folder: Path) -> Receipt | None:
    """The receipt in a folder, or None where there is none that can be read."""
    try:
        told = json.loads((folder / NAME).read_text())
        files = {name: File(**file) for name, file in told.pop("files").items()}
        return Receipt(files=files, **told)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def state(model: str, home: Path) -> str:
    """``pulled``, ``half finished`` or ``not pulled``."""
    folder = folder_of(model, home)
    receipt = read_receipt(folder)
    if receipt is not None and not receipt.lacks(folder):
        return PULLED
    return HALF if folder.is_dir() and any(folder.iterdir()) else ABSENT


def check_folder(model: str, folder: Path) -> Receipt:
    """The receipt of a whole download; raises ModelError, which says how to mend it."""
    mend = f"`pleinair models pull {model}`"
    if not folder.is_dir() or not any(folder.iterdir()):
        raise ModelError(f"the weights of {model} are not in {folder}; {mend} fetches them")
    receipt = read_receipt(folder)
    if receipt is None:
        raise ModelError(f"the download of {model} is half finished; {mend} goes on with it")
    if lacks := receipt.lacks(folder):
        others = f" and {len(lacks) - 1} more" if len(lacks) > 1 else ""
        raise ModelError(
            f"{lacks[0]}{others} of {model} is missing or cut short; {mend} fetches it again"
        )
    return receipt


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else -1
