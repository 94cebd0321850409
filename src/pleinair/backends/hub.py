"""Fetch open weights from the Hub: only the files that run, each checked, the receipt last."""

import hashlib
import importlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from pleinair.backends.receipts import NAME, File, Receipt, read_receipt
from pleinair.backends.weights import Licence, Weights
from pleinair.errors import ModelError
from pleinair.media.digest import digest

INDEX = "model_index.json"
FREE = frozenset({"apache-2.0", "mit", "bsd-3-clause", "cc0-1.0"})
"""Licences that ask for no agreement of ours beforehand."""

_KINDS = frozenset({".json", ".safetensors", ".model", ".txt"})
_VARIANT = re.compile(r"\.(fp16|bf16|fp8|int8|non_ema)\b")


@dataclass(frozen=True)
class Offer:
    """What the Hub has of a repository.

    Attributes:
        repository, revision: where, and which commit.
        licence: as its page says.
        files: all files, by path, as the Hub's client tells of them.
    """

    repository: str
    revision: str
    licence: Licence
    files: dict[str, Any]


class Hub:
    """The Hub, through its own client.

    Args:
        api: in place of ``huggingface_hub.HfApi``.

    Raises:
        ModelError: huggingface_hub is not installed, or the machine is set to be offline.
    """

    def __init__(self, api: Any = None, *, offline: bool = False) -> None:  # noqa: ANN401
        if offline or os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}:
            raise ModelError("offline: nothing is fetched; what was pulled before can be used")
        self.api = api or _client()

    def look(self, weights: Weights) -> Offer:
        """Ask what there is, without fetching any of it; raises ModelError."""
        with _Told(weights):
            info = self.api.model_info(
                weights.repository, revision=weights.revision, files_metadata=True
            )
        files = {file.rfilename: file for file in info.siblings or ()}
        if INDEX not in files:
            raise ModelError(
                f"{weights.repository} has no {INDEX}: it is not in the layout of diffusers"
            )
        return Offer(weights.repository, info.sha, _licence(weights, info), files)

    def pull(
        self, weights: Weights, offer: Offer, folder: Path, tell: Callable[[str], None]
    ) -> Receipt:
        """Fetch what is not there yet, check every file, and write the receipt.

        Raises:
            ModelError: it cannot be fetched, there is no room, or a file came damaged; what came
                whole is kept, and the next pull goes on from there.
        """
        before = read_receipt(folder)
        if before and before.revision == offer.revision and not before.lacks(folder):
            tell(f"{weights.id} is here already, revision {offer.revision[:12]}")
            return before
        folder.mkdir(parents=True, exist_ok=True)
        (folder / NAME).unlink(missing_ok=True)
        with _Told(weights):
            self._fetch(offer, folder, [INDEX])
        names = needed(offer.files, _folders(folder / INDEX))
        _check_room(folder, offer, names)
        size = sum(offer.files[name].size or 0 for name in names)
        tell(f"{len(names)} files, {size / 1e9:.1f} GB, into {folder}")
        with _Told(weights):
            self._fetch(offer, folder, names)
        files = {}
        for name in names:
            tell(f"checking {name}")
            files[name] = _checked(folder / name, offer.files[name], weights)
        receipt = Receipt(weights.id, offer.repository, offer.revision, offer.licence.id, files)
        receipt.write(folder)
        return receipt

    def _fetch(self, offer: Offer, folder: Path, names: list[str]) -> None:
        self.api.snapshot_download(
            offer.repository, revision=offer.revision, local_dir=folder, allow_patterns=names
        )


def needed(names: Iterable[str], folders: Iterable[str]) -> list[str]:
    """The files that run: the index, licences, and what lies in the folders of the parts.

    Other checkpoints beside the parts, other precisions, pickles and pictures stay away.

    Raises:
        ModelError: there are no safetensors among them, or a path that leads out of the folder.
    """
    parts = frozenset(folders)
    chosen = []
    for name in sorted(names):
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name:
            raise ModelError(f"the repository names a file outside its folder: {name[:80]!r}")
        top = len(path.parts) == 1 and (name == INDEX or "license" in name.lower())
        inside = len(path.parts) == 2 and path.parts[0] in parts and path.suffix in _KINDS
        if top or (inside and not _VARIANT.search(path.name)):
            chosen.append(name)
    if not any(name.endswith(".safetensors") for name in chosen):
        raise ModelError("the repository has no safetensors in the folders of its parts")
    return chosen


def _folders(index: Path) -> list[str]:
    """Names of the parts, each a ``[library, class]`` of the index."""
    try:
        parts = json.loads(index.read_text())
        return [name for name, what in parts.items() if isinstance(what, list) and what[0]]
    except (OSError, ValueError, AttributeError, IndexError) as error:
        raise ModelError(f"{INDEX} of the repository cannot be read: {error}") from error


def _check_room(folder: Path, offer: Offer, names: list[str]) -> None:
    there = sum((folder / name).stat().st_size for name in names if (folder / name).is_file())
    more = sum(offer.files[name].size or 0 for name in names) - there
    free = shutil.disk_usage(folder).free
    if more > free:
        raise ModelError(
            f"{more / 1e9:.1f} GB more are needed in {folder}, where {free / 1e9:.1f} GB are free; "
            "PLEINAIR_MODEL_FOLDER names another folder"
        )


def _checked(path: Path, told: Any, weights: Weights) -> File:  # noqa: ANN401
    """The file's size and digest; one that is not what the Hub has is deleted and told of."""
    wrong = "is missing"
    if path.is_file():
        size, sha256 = path.stat().st_size, digest(path)
        lfs = getattr(told, "lfs", None)
        expected, got = (lfs.sha256, sha256) if lfs else (told.blob_id, _blob_id(path))
        if size == told.size and expected == got:
            return File(size, sha256)
        wrong = "came damaged"
        path.unlink()
    raise ModelError(f"{path.name} {wrong}; `pleinair models pull {weights.id}` fetches it again")


def _blob_id(path: Path) -> str:
    """The id that git gives to the content of a small file."""
    data = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def _licence(weights: Weights, info: Any) -> Licence:  # noqa: ANN401
    """That of the catalogue; for any other repository the one on its page."""
    if weights.licence.id != "unknown":
        return weights.licence
    card = getattr(info, "card_data", None) or {}
    name = str(card.get("license_name") or card.get("license") or "unknown")
    link = str(card.get("license_link") or weights.licence.link)
    return Licence(name, link, accept=name not in FREE)


class _Told:
    """Turns what the Hub's client raises into a ModelError that says what to do."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, Exception) or isinstance(error, ModelError):
            return
        said = " ".join(str(error).split())[:160] or type(error).__name__
        name = type(error).__name__
        if name == "GatedRepoError":
            said = "its owners ask for an agreement on its page, and then for HF_TOKEN to be set"
        elif name == "RepositoryNotFoundError":
            said = "there is no such repository, or it is private"
        raise ModelError(
            f"{self.weights.repository} cannot be fetched: {said}; "
            f"`pleinair models pull {self.weights.id}` goes on where it stopped"
        ) from error


def _client() -> Any:  # noqa: ANN401
    try:
        return importlib.import_module("huggingface_hub").HfApi()
    except ImportError as error:
        raise ModelError(
            f"fetching weights needs more packages: pip install 'pleinair[wan]' ({error})"
        ) from error
