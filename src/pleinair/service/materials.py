"""Pictures and clips that videos begin from, kept once for each content."""

import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

import av
import numpy as np
from PIL import Image
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from pleinair.errors import ModelError, NotFoundError, StorageError
from pleinair.media.codec import Video, read_video
from pleinair.media.decode_child import Facts
from pleinair.media.digest import digest
from pleinair.request import VideoRequest
from pleinair.service.db import Database, now
from pleinair.service.intake import clean
from pleinair.service.storage import Storage
from pleinair.service.tables import ACTIVE, Artifact, Character, Material
from pleinair.service.tables import Video as VideoRow

T = TypeVar("T")
TYPES = {"image": "image/png", "video": "video/mp4"}


class Materials:
    """Clean pictures and clips by the SHA-256 of their bytes.

    Args:
        database: where their rows are.
        storage: where their bytes are.
    """

    def __init__(self, database: Database, storage: Storage) -> None:
        self.database = database
        self.storage = storage

    def take(self, data: bytes | Path, *, kind: str | None, field: str) -> Material:
        """Keep what somebody sent, decoded and encoded anew.

        Args:
            data: its bytes, or where they are.
            kind: ``image`` or ``video``, or None where both will do.
            field: name of the field that it came in, for errors.

        Raises:
            InputError: it is of no kind that is allowed, too large, or cannot be decoded.
            UnavailableError: this machine cannot decode it now.
        """
        with clean(data, kind=kind, field=field) as upload:
            return self._keep(
                digest(upload.path),
                upload.kind,
                lambda: upload.facts,
                lambda key: self.storage.put(key, upload.path, TYPES[upload.kind]),
            )

    def adopt(self, artifact: Artifact) -> Material:
        """Keep a finished video's own file; raises NotFoundError when the file is gone."""
        return self._keep(
            artifact.sha256,
            "video",
            lambda: self._read(artifact.key, _facts),
            lambda key: self.storage.copy(artifact.key, key),
        )

    def find(self, sha256: str) -> Material | None:
        """The material of that content, if it is kept."""
        with self.database.read() as session:
            return session.get(Material, sha256)

    def load(self, request: VideoRequest) -> dict[str, Video]:
        """What a request is given, decoded; a picture is a clip of one frame.

        Raises:
            ModelError: something that it names is no longer kept, or is damaged.
        """
        return {sha: self._load(sha) for sha in {item.sha256 for item in request.given}}

    @contextmanager
    def files(self, request: VideoRequest | None) -> Iterator[dict[str, Path]]:
        """The files that a request names, as they are kept, for as long as the context lasts.

        Raises:
            ModelError: one is no longer kept, or is damaged.
        """
        with tempfile.TemporaryDirectory(prefix="pleinair-material-") as folder:
            found = {}
            for sha in {item.sha256 for item in request.given} if request else ():
                found[sha] = Path(folder) / sha
                try:
                    self.storage.download(self._kept(sha).key, found[sha])
                except NotFoundError as error:
                    raise ModelError(f"the material {sha[:12]}… is no longer kept") from error
                if digest(found[sha]) != sha:
                    raise ModelError(f"the material {sha[:12]}… is damaged")
            yield found

    def tidy(self, older_than: float) -> int:
        """Delete what nothing has used for that many seconds, and return how many that were.

        What a waiting or running video, or a character, is made from stays.
        """
        with self.database.write() as session:
            requests = session.scalars(select(VideoRow.request).where(VideoRow.state.in_(ACTIVE)))
            used = {item["sha256"] for request in requests for item in request.get("given", ())}
            used |= set(session.scalars(select(Character.sha256)))
            unused = Material.used_at < now() - older_than
            rows = session.execute(select(Material.sha256, Material.key).where(unused)).all()
            gone = [(sha, key) for sha, key in rows if sha not in used]
            for sha, _ in gone:
                session.execute(delete(Material).where(Material.sha256 == sha, unused))
        for _, key in gone:
            self.storage.delete(key)
        return len(gone)

    def _keep(
        self, sha256: str, kind: str, facts: Callable[[], Facts], store: Callable[[str], None]
    ) -> Material:
        if found := self._touch(sha256):
            return found
        # Each time a content is kept, it is under a key of its own: nobody who tidies away the
        # row of last year deletes the file of today.
        key = f"materials/{sha256}/{secrets.token_hex(8)}"
        told = facts()
        store(key)
        made = Material(
            sha256=sha256,
            key=key,
            kind=kind,
            width=told.width,
            height=told.height,
            frames=told.frames,
            fps=told.fps,
            size=self.storage.size(key),
        )
        try:
            with self.database.write() as session:
                made.used_at = session.scalars(select(now())).one()
                session.add(made)
        except BaseException as error:
            self.storage.delete(key)
            found = self._touch(sha256) if isinstance(error, IntegrityError) else None
            if found is None:
                raise
            return found  # somebody kept the same at the same moment
        return made

    def _touch(self, sha256: str) -> Material | None:
        """The material of that content, marked as used now."""
        this = Material.sha256 == sha256
        with self.database.write() as session:
            session.execute(update(Material).where(this).values(used_at=now()))
            return session.scalars(select(Material).where(this)).first()

    def _kept(self, sha256: str) -> Material:
        material = self.find(sha256)
        if material is None:
            raise ModelError(f"the material {sha256[:12]}… is no longer kept")
        return material

    def _load(self, sha256: str) -> Video:
        material = self._kept(sha256)

        def read(path: Path) -> Video:
            if digest(path) != sha256:
                raise ModelError(f"the material {sha256[:12]}… is damaged")
            return read_video(path) if material.kind == "video" else _picture(path)

        try:
            return self._read(material.key, read)
        except NotFoundError as error:
            raise ModelError(f"the material {sha256[:12]}… is no longer kept") from error

    def _read(self, key: str, read: Callable[[Path], T]) -> T:
        with tempfile.TemporaryDirectory(prefix="pleinair-material-") as folder:
            path = Path(folder) / "file"
            self.storage.download(key, path)
            return read(path)


def _picture(path: Path) -> Video:
    with Image.open(path, formats=["PNG"]) as image:
        return Video(np.asarray(image.convert("RGB"))[None], Fraction(1))


def _facts(path: Path) -> Facts:
    """What a file that was made here says of itself."""
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            rate = float(stream.average_rate or 0)
            return Facts(stream.width, stream.height, stream.frames, rate)
    except (av.FFmpegError, IndexError) as error:
        raise StorageError("the stored video is damaged") from error
