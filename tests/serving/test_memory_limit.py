import asyncio
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from serving.memory_limit import Memory, memory, watch_memory

MIB = 1024 * 1024


def group(folder: Path, limit: str, used: int, of_files: int = 0) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "memory.max").write_text(f"{limit}\n")
    (folder / "memory.current").write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 5\ninactive_file {of_files}\nactive_file 7\n")


def own(tmp_path: Path, lines: str) -> Path:
    (tmp_path / "own").write_text(lines)
    return tmp_path / "own"


def test_a_containers_limit_is_the_narrowest_of_those_around_it(tmp_path: Path) -> None:
    root = tmp_path / "cgroup"
    group(root / "pods" / "one", "max", 10 * MIB)
    group(root / "pods", str(64 * MIB), 61 * MIB, of_files=MIB)
    found = memory(root, own(tmp_path, "0::/pods/one\n"))
    assert found == Memory(64 * MIB, 4 * MIB)
    assert found.for_requests == 16 * MIB
    assert not found.is_scarce


def test_what_files_take_is_not_counted_as_used_up(tmp_path: Path) -> None:
    group(tmp_path, str(64 * MIB), 63 * MIB, of_files=MIB)
    assert memory(tmp_path, own(tmp_path, "0::/\n")).is_scarce
    group(tmp_path, str(64 * MIB), 63 * MIB, of_files=20 * MIB)
    assert not memory(tmp_path, own(tmp_path, "0::/\n")).is_scarce


def test_version_1_has_other_names(tmp_path: Path) -> None:
    folder = tmp_path / "memory" / "docker"
    folder.mkdir(parents=True)
    (folder / "memory.limit_in_bytes").write_text(str(8 * MIB))
    (folder / "memory.usage_in_bytes").write_text(str(7 * MIB))
    (folder / "memory.stat").write_text(f"total_inactive_file {MIB}\n")
    assert memory(tmp_path, own(tmp_path, "5:cpu,memory:/docker\n0::/\n")) == Memory(8 * MIB, 2 * MIB)


@pytest.mark.parametrize("lines", ["", "0::/nowhere\n", "0::/../..\n"])
def test_without_a_container_it_is_the_machines(tmp_path: Path, lines: str) -> None:
    assert memory(tmp_path / "none", own(tmp_path, lines)).limit == psutil.virtual_memory().total
    assert memory(tmp_path / "none", tmp_path / "missing").limit == psutil.virtual_memory().total


@dataclass
class Holds:
    held: int
    is_scarce: bool = True


@pytest.mark.parametrize("held", [0, 100 * MIB])
async def test_it_tells_of_scarcity_while_something_is_held_and_ends_with_the_server(held: int) -> None:
    holds, stop = Holds(held), asyncio.Event()
    watching = asyncio.create_task(watch_memory(holds, stop))
    async with asyncio.timeout(30):
        while holds.is_scarce:
            await asyncio.sleep(0.01)
    stop.set()
    await watching
