import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from serving.engine.blob_store import BlobStore
from serving.engine.model_trees import ModelTrees, Wanted
from serving.errors import ModelLoadFailed

DAY = 86400


class Elsewhere:
    """Files by path, and the number of times that one was fetched."""

    def __init__(self, **files: bytes) -> None:
        self.files = files
        self.fetched = 0

    def wanted(self) -> list[Wanted]:
        return [self._wanted(path.replace("_", "/"), content) for path, content in self.files.items()]

    def _wanted(self, path: str, content: bytes) -> Wanted:
        def fetch(target: Path) -> None:
            self.fetched += 1
            target.write_bytes(content)

        return Wanted(path, len(content), f"{path} {content!r}", fetch)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def trees_in(root: Path) -> ModelTrees:
    return ModelTrees(BlobStore(root))


def test_a_folder_is_filled_from_elsewhere_once(tmp_path: Path) -> None:
    elsewhere = Elsewhere(model=b"one", data_weights=b"two")
    for _ in range(3):  # in processes of their own, so to speak
        trees = trees_in(tmp_path)
        folder = trees.open("s3://b", "m", "state") / "m" / "1"
        trees.fill(folder, elsewhere.wanted())
        assert contents(folder) == {"model": b"one", "data/weights": b"two"}
    assert elsewhere.fetched == 2


def test_another_state_is_another_folder_and_shares_what_did_not_change(tmp_path: Path) -> None:
    trees = trees_in(tmp_path)
    old = trees.open("s3://b", "m", "old") / "m" / "1"
    new = trees.open("s3://b", "m", "new") / "m" / "1"
    trees.fill(old, Elsewhere(model=b"one", weights=b"large").wanted())
    changed = Elsewhere(model=b"two", weights=b"large")
    trees.fill(new, changed.wanted())
    assert changed.fetched == 1
    assert (old / "model").read_bytes() == b"one"
    assert (new / "weights").samefile(old / "weights")


def test_an_empty_folder_is_a_folder(tmp_path: Path) -> None:
    trees = trees_in(tmp_path)
    folder = trees.open("s3://b", "m", "state") / "m"
    trees.fill(folder, [Wanted("1/", 0, "", lambda _: None)])
    trees.fill(folder / "2", [])
    assert sorted(path.name for path in folder.iterdir()) == ["1", "2"]


def test_a_folder_never_appears_half_filled(tmp_path: Path) -> None:
    trees = trees_in(tmp_path)
    folder = trees.open("s3://b", "m", "state") / "m" / "1"

    def fail(_: Path) -> None:
        raise ModelLoadFailed("gone")

    with pytest.raises(ModelLoadFailed, match="gone"):
        trees.fill(folder, [*Elsewhere(model=b"one").wanted(), Wanted("weights", 5, "weights", fail)])
    assert not folder.exists()
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize("damage", [b"", b"on", b"eno"])
def test_what_was_damaged_is_replaced_in_the_next_process(tmp_path: Path, damage: bytes) -> None:
    elsewhere = Elsewhere(model=b"one", weights=b"two")
    folder = tmp_path / "trees" / "1"
    trees_in(tmp_path).fill(folder, elsewhere.wanted())
    (folder / "model").chmod(0o644)
    (folder / "model").write_bytes(damage)  # and the blob with it, since both are one file
    trees_in(tmp_path).fill(folder, elsewhere.wanted())
    assert contents(folder) == {"model": b"one", "weights": b"two"}
    assert elsewhere.fetched == 3


def test_many_at_once_agree(tmp_path: Path) -> None:
    elsewhere = Elsewhere(**{f"file{number}": bytes([number]) * 1000 for number in range(20)})

    def fill(_: int) -> dict[str, bytes]:
        trees = trees_in(tmp_path)
        folder = trees.open("s3://b", "m", "state") / "m" / "1"
        trees.fill(folder, elsewhere.wanted())
        return contents(folder)

    with ThreadPoolExecutor(8) as pool:
        assert all(found == elsewhere.files for found in pool.map(fill, range(8)))
    assert list((tmp_path / "tmp").iterdir()) == []


def used(root: Path, state: str, days_ago: float) -> Path:
    trees = trees_in(root)
    tree = trees.open("s3://b", "m", state)
    trees.fill(tree / "m", Elsewhere(config=state.encode()).wanted())
    os.utime(tree.with_suffix(".lock"), (time.time() - days_ago * DAY,) * 2)
    return tree


def test_pruning_keeps_the_last_used_state_of_a_model(tmp_path: Path) -> None:
    first, second, third = used(tmp_path, "1", 3), used(tmp_path, "2", 1), used(tmp_path, "3", 2)
    trees_in(tmp_path).prune()
    assert (first.exists(), second.exists(), third.exists()) == (False, True, False)


def test_pruning_takes_what_nobody_used_for_long(tmp_path: Path) -> None:
    tree = used(tmp_path, "1", 31)
    trees_in(tmp_path).prune()
    assert not tree.exists()


def test_pruning_leaves_what_another_process_uses(tmp_path: Path) -> None:
    tree = used(tmp_path, "1", 31)
    code = (
        "import sys; from pathlib import Path; from serving.engine.blob_store import BlobStore;"
        "from serving.engine.model_trees import ModelTrees;"
        f"trees = ModelTrees(BlobStore(Path({str(tmp_path)!r}))); trees.open('s3://b', 'm', '1');"
        "print('open', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
    )
    with other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        used(tmp_path, "2", 0)
        os.utime(tree.with_suffix(".lock"), (time.time() - 31 * DAY,) * 2)
        trees_in(tmp_path).prune()
        assert tree.exists()
        other.kill()
    trees_in(tmp_path).prune()
    assert not tree.exists()
