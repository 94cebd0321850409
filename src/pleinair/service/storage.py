"""Where files are kept: a folder, or a bucket that speaks S3. Nothing in it is public.

A key is a path of plain names, such as ``videos/video_12/1/0.mp4``. A file is there whole or not
at all, and once `Storage.put` is back it stays, also in a folder whose machine loses its power.
"""

import hashlib
import hmac
import json
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote, urlencode

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from pleinair.errors import AccessError, InputError, NotFoundError, StorageError

CHUNK = 256 * 1024
_NAMES = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*")
_LINK = ("expires", "content_type", "filename")  # what a link says besides its signature


class Storage:
    """Files by their keys.

    Args:
        url: a folder, made if it is not there, or ``s3://bucket/prefix``. Credentials, region and
            address of a bucket come from the environment: ``AWS_ACCESS_KEY_ID``,
            ``AWS_SECRET_ACCESS_KEY``, ``AWS_REGION``, ``AWS_ENDPOINT_URL``.
        secret: signs the links to a folder's files.

    Every method raises InputError for a key that is none, NotFoundError for a file that is not
    there, and StorageError when the store cannot be reached or is full.
    """

    def __init__(self, url: str, secret: bytes) -> None:
        if "://" in url and not url.startswith("s3://"):
            raise InputError("storage", url, "a folder or s3://bucket/prefix")
        self._secret = hmac.digest(secret, b"links", "sha256")
        self._root = None if "://" in url else Path(url).expanduser().absolute()
        self._store = self._open(url)

    def put(
        self, key: str, data: bytes | Path, content_type: str = "application/octet-stream"
    ) -> None:
        """Keep a file, in the place of the one that was there. A folder keeps no content types."""
        with self._told(key):
            if isinstance(self._store, LocalStore):
                obstore.put(self._store, key, data)
            else:
                obstore.put(self._store, key, data, attributes={"Content-Type": content_type})
            self._settle(key)

    def get(self, key: str) -> bytes:
        """The whole file."""
        with self._told(key):
            return obstore.get(self._store, key).bytes().to_bytes()

    def size(self, key: str) -> int:
        """Its length in bytes."""
        with self._told(key):
            return obstore.head(self._store, key)["size"]

    def stream(
        self, key: str, start: int = 0, end: int | None = None, chunk: int = CHUNK
    ) -> Iterator[bytes]:
        """The bytes from ``start`` to before ``end``, in pieces of at most about ``chunk``.

        The file is opened at once, so that one that is not there is known before the first piece.
        """
        size = self.size(key)
        start, end = max(0, start), size if end is None else min(end, size)
        if start >= end:
            return iter(())
        with self._told(key):
            found = obstore.get(self._store, key, options={"range": (start, end)})
            return self._pieces(key, iter(found.stream(chunk)))

    def download(self, key: str, path: Path) -> None:
        """Write the file to ``path``."""
        with path.open("wb") as file:
            for piece in self.stream(key):
                file.write(piece)

    def copy(self, source: str, target: str) -> None:
        """Keep the same bytes under another key too."""
        _check(target)
        with self._told(source):
            obstore.copy(self._store, source, target)
            self._settle(target)

    def delete(self, prefix: str) -> None:
        """Delete the file of that key and everything below it; nothing there is fine."""
        prefix = prefix.rstrip("/")
        with self._told(prefix):
            if self._root is None:
                obstore.delete(self._store, [prefix, *self.list(prefix)])
                return
            path = self._root / prefix
            if path.is_dir():  # with what a killed writer may have left beside the files
                shutil.rmtree(path, ignore_errors=True)
            path.unlink(missing_ok=True)
            for folder in path.relative_to(self._root).parents[:-1]:
                try:
                    (self._root / folder).rmdir()
                except OSError:  # something else is in there
                    break

    def list(self, prefix: str = "") -> Iterator[str]:
        """Keys below a prefix, which is whole names of the path, in no order."""
        prefix = prefix.rstrip("/")
        if prefix:
            _check(prefix)
        with self._told(prefix, check=False):
            for rows in obstore.list(self._store, prefix or None, chunk_size=1000):
                yield from (row["path"] for row in rows)

    def link(
        self, key: str, seconds: float, base_url: str, *, content_type: str, filename: str
    ) -> str:
        """An address that gives the file to whoever has it, for that many seconds.

        A folder's files are given by this server, at ``base_url``/media/, under the type and the
        name that the link says. A bucket gives its own with the type of `put` and the key's name.
        """
        _check(key)
        if isinstance(self._store, S3Store):
            with self._told(key):
                return obstore.sign(self._store, "GET", key, timedelta(seconds=seconds))
        said = {
            "expires": str(int(time.time() + seconds)),
            "content_type": content_type,
            "filename": filename,
        }
        query = urlencode({**said, "signature": self._signature(key, said)})
        return f"{base_url.rstrip('/')}/media/{quote(key)}?{query}"

    def check_link(self, key: str, query: Mapping[str, str]) -> None:
        """Raise AccessError unless `link` gave this key with this query, and not too long ago."""
        _check(key)
        said = {name: query.get(name, "") for name in _LINK}
        came = query.get("signature", "").encode(errors="replace")
        if not hmac.compare_digest(self._signature(key, said).encode(), came):
            raise AccessError("this link was not made here, or was changed")
        if time.time() >= int(said["expires"]):
            raise AccessError("this link has expired; ask for a new one")

    def ping(self) -> None:
        """Raise StorageError when the storage cannot be used."""
        with self._told("", check=False):
            if self._root is not None and not os.access(self._root, os.R_OK | os.W_OK | os.X_OK):
                raise StorageError("the storage folder cannot be read and written")
            if self._root is None:
                next(iter(obstore.list(self._store, "ping", chunk_size=1)), None)

    def _open(self, url: str) -> LocalStore | S3Store:
        with self._told("", check=False):
            if self._root is not None:
                self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
                return LocalStore(self._root)
            endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
            return S3Store.from_url(
                url,
                client_options={
                    "allow_http": (endpoint or "").startswith("http://"),
                    "connect_timeout": timedelta(seconds=5),
                    "read_timeout": timedelta(seconds=30),
                    "timeout": timedelta(minutes=10),
                },
                retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=30)},
            )

    def _signature(self, key: str, said: Mapping[str, str]) -> str:
        message = json.dumps([key, *(said[name] for name in _LINK)]).encode()
        return hmac.new(self._secret, message, hashlib.sha256).hexdigest()

    def _settle(self, key: str) -> None:
        """Bring a file of the folder to the disk, and the names that lead to it."""
        if self._root is None:
            return
        path = self._root / key
        for part in (path, *path.parents):
            handle = os.open(part, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
            if part == self._root:
                break

    def _pieces(self, key: str, pieces: Iterator[bytes]) -> Iterator[bytes]:
        with self._told(key):
            for piece in pieces:
                yield bytes(piece)

    @contextmanager
    def _told(self, key: str, *, check: bool = True) -> Iterator[None]:
        """Errors of the store as ours, without the folder's own path."""
        if check:
            _check(key)
        try:
            yield
        except FileNotFoundError as error:
            raise NotFoundError(f"there is no stored file {key}") from error
        except (BaseError, OSError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            reason = str(error).partition("\n")[0].replace(f"{self._root}", "…")
            raise StorageError(f"the storage cannot be used: {reason}") from error


def _check(key: str) -> None:
    if not _NAMES.fullmatch(key) or len(key) > 1024 or {".", ".."} & set(key.split("/")):
        raise InputError("key", key, "up to 1,024 of A-Z a-z 0-9 . _ - in names divided by /")
