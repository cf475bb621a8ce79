"""Files that were fetched, once each by their content, on this machine's disk.

Rule: a blob is named by the SHA-256 of its content, is never written again, and is used only after its content was
compared with its name; so several processes, and one that was killed, leave nothing half done behind.

    blobs/ab/abcd...    a content, read-only
    known/12/1234...    which content a file elsewhere had, by a hash of its address and identity
    tmp/                what is being written; renamed when it is whole
"""

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp

from serving.errors import ModelLoadFailed

_GRACE = 3600.0  # seconds; a blob that is younger may be about to be linked into a tree by another process
_ABANDONED = 86400.0  # seconds after which what lies in tmp/ is a dead process's
_FORGOTTEN = 30 * 86400.0  # seconds without use after which a note goes


class BlobStore:
    """`root` is made when something is first kept. All methods block and may be called from any thread or process.

    A `source` is the address and the identity of a file elsewhere, "" for one whose identity is not known.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def __repr__(self) -> str:
        return f"<BlobStore {self.root}>"

    def find(self, source: str) -> Path | None:
        """The blob that `source` was; None where it must be fetched. One that was damaged is removed."""
        digest = self._digest(source)
        if digest is None:
            return None
        blob = self._blob(digest)
        with suppress(OSError):
            if _sha256(blob) == digest:
                os.utime(blob)
                return blob
            blob.unlink()
        return None

    def is_content(self, source: str, path: Path) -> bool:
        """Whether `path` holds what `source` was when it was fetched."""
        digest = self._digest(source)
        try:
            return digest is not None and _sha256(path) == digest
        except OSError:
            return False

    def keep(self, source: str, fetch: Callable[[Path], None]) -> Path:
        """The blob of what `fetch` writes into the file it is given, found by `source` later."""
        with self.writing() as folder:
            written = folder / "blob"
            fetch(written)
            _make_durable(written)
            digest = _sha256(written)
            blob = self._blob(digest)
            if not _has_size(blob, written.stat().st_size):
                written.chmod(0o444)
                _rename(written, blob)
            os.utime(blob)
            if source:
                note = folder / "known"
                note.write_text(digest)
                _make_durable(note)
                _rename(note, self._known(source))
        return blob

    @contextmanager
    def writing(self) -> Iterator[Path]:
        """A folder of one's own on the same disk, gone afterwards. `ModelLoadFailed` where the disk refuses."""
        folder = None
        try:
            (self.root / "tmp").mkdir(parents=True, exist_ok=True)
            folder = Path(mkdtemp(dir=self.root / "tmp"))
            yield folder
        except OSError as error:
            raise ModelLoadFailed(
                f"the model cache {self.root} can't be written ({error.strerror or error}); "
                f"choose another with --model-cache"
            ) from None
        finally:
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)

    def prune(self) -> int:
        """Remove the blobs that no tree uses any more, and what dead processes left; the bytes that became free."""
        now, freed = time.time(), 0
        for blob in self.root.glob("blobs/*/*"):
            with suppress(OSError):
                status = blob.stat()
                if status.st_nlink == 1 and now - status.st_mtime > _GRACE:
                    blob.unlink()
                    freed += status.st_size
        for note in self.root.glob("known/*/*"):
            with suppress(OSError):
                if now - note.stat().st_mtime > _FORGOTTEN:
                    note.unlink()
        for folder in self.root.glob("tmp/*"):
            with suppress(OSError):
                if now - folder.stat().st_mtime > _ABANDONED:
                    shutil.rmtree(folder, ignore_errors=True)
        return freed

    def _digest(self, source: str) -> str | None:
        try:
            digest = self._known(source).read_text(encoding="ascii")
            os.utime(self._known(source))
        except (OSError, UnicodeDecodeError):
            return None
        return digest if len(digest) == 64 and digest.isalnum() else None

    def _blob(self, digest: str) -> Path:
        return self.root / "blobs" / digest[:2] / digest

    def _known(self, source: str) -> Path:
        name = hashlib.sha256(source.encode(errors="replace")).hexdigest()
        return self.root / "known" / name[:2] / name


def link(blob: Path, target: Path) -> None:
    """The same bytes under another name; a copy where the disk has no hard links."""
    try:
        target.hardlink_to(blob)
    except OSError:
        shutil.copyfile(blob, target)


def _rename(written: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    written.replace(target)


def _has_size(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except OSError:
        return False


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _make_durable(path: Path) -> None:
    """So that after a power cut its name does not stand for less than was written."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
