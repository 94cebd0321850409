"""Weights that lie in one safetensors file or in several with an index: read one at a time."""

import json
import math
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from pleinair.errors import ModelError


class Shards:
    """The weights of one network, opened but not read.

    Args:
        folder: where they lie.
        stem: of the one file, ``STEM.safetensors``, or of the index of several,
            ``STEM.safetensors.index.json``.

    Raises:
        ModelError: a file is missing, corrupt or cut short.
    """

    def __init__(self, folder: Path, stem: str) -> None:
        self.folder = folder
        self._open = ExitStack()
        self._files: dict[Path, Any] = {}
        self.where: dict[str, Path] = {}  # the file of each weight
        index, single = folder / f"{stem}.safetensors.index.json", folder / f"{stem}.safetensors"
        try:
            if index.is_file():
                self._read_index(index)
            elif single.is_file():
                self.where = dict.fromkeys(self._file(single).keys(), single)
            else:
                said = "was the download finished?" if folder.is_dir() else "it has no such folder"
                raise ModelError(f"{single} is missing: {said}")
        except BaseException:
            self._open.close()
            raise

    def __enter__(self) -> "Shards":
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def check(self, expected: Mapping[str, Sequence[int]]) -> None:
        """Compare with the weights that there must be and their shapes; raises ModelError."""
        for name, shape in expected.items():
            if name not in self.where:
                raise ModelError(f"{self.folder}: no weight {name}: is it another model?")
            path = self.where[name]
            found, wanted = self.shape(name), list(shape)
            if found != wanted:
                raise ModelError(f"{path}: {name} is of shape {found}, where {wanted} belongs")
        extra = [name for name in self.where if name not in expected]
        if extra:
            more = f" and {len(extra) - 1:,} more" if len(extra) > 1 else ""
            raise ModelError(f"{self.where[extra[0]]}: unknown weight {extra[0]}{more}")

    def shape(self, name: str) -> list[int]:
        """The shape of one weight, without reading it; raises ModelError."""
        path = self.where[name]
        try:
            return list(self._file(path).get_slice(name).get_shape())
        except SafetensorError as error:
            raise ModelError(f"{path}: no weight {name}, though the index names it") from error

    def read(self, name: str) -> Tensor:
        """One weight, in the format it lies in; raises ModelError."""
        path = self.where[name]
        try:
            tensor: Tensor = self._file(path).get_tensor(name)
        except (OSError, SafetensorError) as error:
            raise ModelError(f"{path}: {name} cannot be read ({error})") from error
        return tensor

    def _read_index(self, index: Path) -> None:
        try:
            where: dict[str, str] = json.loads(index.read_text())["weight_map"]
            self.where = {name: index.parent / Path(file).name for name, file in where.items()}
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise ModelError(f"{index}: corrupt or cut short ({error})") from error
        for path in sorted(set(self.where.values())):
            if not path.is_file():
                raise ModelError(f"{path} is missing: was the download finished?")
            self._file(path)

    def _file(self, path: Path) -> Any:  # noqa: ANN401
        if path not in self._files:
            try:
                self._files[path] = self._open.enter_context(safe_open(path, "pt"))
            except (OSError, SafetensorError) as error:
                raise ModelError(f"{path}: corrupt or cut short ({error})") from error
        return self._files[path]


def numbers(path: Path) -> int:
    """How many numbers a safetensors file holds, from its head alone; raises ModelError."""
    try:
        with safe_open(path, "pt") as file:
            return sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path}: corrupt or cut short ({error})") from error
