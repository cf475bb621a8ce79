import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from serving.engine.dependencies import Dependencies
from serving.engine.poller import Poller
from serving.engine.registry import ModelRegistry
from serving.engine.repository import ModelRepository
from tests import tiny_models
from tests.serving.engine.test_links import swap


@asynccontextmanager
async def polling(root: Path, watched: list[Path], seconds: float) -> AsyncIterator[ModelRegistry]:
    registry = ModelRegistry(ModelRepository(root), asyncio.get_running_loop())
    stop = asyncio.Event()
    task = asyncio.create_task(Poller(registry, Dependencies(registry).sync, watched, seconds).run(stop))
    try:
        yield registry
    finally:
        stop.set()
        await asyncio.wait_for(task, 10)
        assert await asyncio.to_thread(registry.close, 10)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.02)


def states(registry: ModelRegistry) -> dict[str, str]:
    return {f"{row.name}/{row.version}": row.state.value for row in registry.loaded.statuses()}


@pytest.mark.parametrize("told_by", ["events", "looks"])
async def test_it_follows_what_comes_changes_and_goes(tmp_path: Path, told_by: str) -> None:
    tiny_models.add_double(tmp_path, "a")
    watched, seconds = ([tmp_path], 0.0) if told_by == "events" else ([], 0.1)
    async with polling(tmp_path, watched, seconds) as registry:
        await until(lambda: states(registry) == {"a/1": "READY"})
        tiny_models.add_double(tmp_path, "b")
        await until(lambda: states(registry) == {"a/1": "READY", "b/1": "READY"})
        kept, old = registry.loaded.find("b"), registry.loaded.find("a")
        config = tmp_path / "a" / "config.pbtxt"
        config.write_text(config.read_text() + "\n# touched")
        await until(lambda: registry.loaded.find("a") is not old)
        shutil.rmtree(tmp_path / "a")
        await until(lambda: states(registry) == {"b/1": "READY"})
        assert registry.loaded.find("b") is kept, "what did not change is not loaded anew"


async def test_a_copy_that_goes_on_is_not_read_before_it_is_quiet(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tiny_models.add_double(tmp_path)
    content = (tmp_path / "double" / "1" / "model.onnx").read_bytes()
    async with polling(tmp_path, [tmp_path], 0.0) as registry:
        await until(lambda: states(registry) == {"double/1": "READY"})
        directory = tmp_path / "double" / "2"
        directory.mkdir()
        with (directory / "model.onnx").open("wb") as file:
            for start in range(0, len(content), len(content) // 10):
                file.write(content[start : start + len(content) // 10])
                file.flush()
                await asyncio.sleep(0.1)
        await until(lambda: registry.loaded.find("double").version == "2")
    assert "UNAVAILABLE" not in caplog.text


async def test_an_unreadable_repository_is_logged_and_followed_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = tmp_path / "models"
    tiny_models.add_double(root)
    async with polling(root, [], 0.1) as registry:
        await until(lambda: states(registry) == {"double/1": "READY"})
        root.rename(tmp_path / "away")
        await until(lambda: "the repository can't be read" in caplog.text)
        assert states(registry) == {"double/1": "READY"}
        (tmp_path / "away").rename(root)
        tiny_models.add_double(root, "other")
        await until(lambda: "other/1" in states(registry))


def config_map(folder: Path) -> tuple[Path, Path]:
    """As Kubernetes mounts it; the repository, and the link that is swapped."""
    (folder / "models" / "..1").mkdir(parents=True)
    (folder / "models" / "..data").symlink_to("..1")
    (folder / "models" / "m").symlink_to("..data/m")
    return folder / "models", folder / "models" / "..data"


def config_map_of_one_model(folder: Path) -> tuple[Path, Path]:
    model = folder / "models" / "m"
    (model / "..1" / "m").mkdir(parents=True)
    (model / "..data").symlink_to("..1")
    for name in ("config.pbtxt", "1"):
        (model / name).symlink_to(f"..data/m/{name}")
    return folder / "models", model / "..data"


def git_sync(folder: Path) -> tuple[Path, Path]:
    """The repository itself lies behind a link."""
    (folder / "..1").mkdir(parents=True)
    (folder / "current").symlink_to("..1")
    return folder / "current", folder / "current"


def versions_elsewhere(folder: Path) -> tuple[Path, Path]:
    """A version's folder is a link to one outside, which is a link too."""
    (folder / "models" / "m").mkdir(parents=True)
    (folder / "models" / "m" / "1").symlink_to("../../store/best/m/1")
    (folder / "models" / "m" / "config.pbtxt").symlink_to("../../store/best/m/config.pbtxt")
    (folder / "store" / "..1").mkdir(parents=True)
    (folder / "store" / "best").symlink_to("..1")
    return folder / "models", folder / "store" / "best"


async def test_links_that_are_swapped_are_followed(tmp_path: Path) -> None:
    """The file system alone tells; each release is of another batch size. All layouts at once, since each waits."""
    async with asyncio.TaskGroup() as layouts:
        for layout in (config_map, config_map_of_one_model, git_sync, versions_elsewhere):
            layouts.create_task(check_swaps(*layout(tmp_path / layout.__name__)), name=layout.__name__)


async def check_swaps(root: Path, link: Path) -> None:
    tiny_models.add_double(link.parent / "..1", "m", max_batch_size=1)

    def serves(release: int) -> bool:
        return states(registry) == {"m/1": "READY"} and registry.loaded.find("m").max_batch_size == release

    async with polling(root, [root], 0.0) as registry:
        await until(lambda: serves(1))
        for release in (2, 3):
            tiny_models.add_double(link.parent / f"..{release}", "m", max_batch_size=release)
            swap(link, f"..{release}")
            await until(lambda now=release: serves(now))
            shutil.rmtree(link.parent / f"..{release - 1}")
        tiny_models.add_double(link.parent / "..3", "m", max_batch_size=4)
        await until(lambda: serves(4))


async def test_a_repository_whose_folder_is_replaced_is_followed(tmp_path: Path) -> None:
    for folder, name in (("models", "a"), ("next", "b")):
        tiny_models.add_double(tmp_path / folder, name)
    async with polling(tmp_path / "models", [tmp_path / "models"], 0.0) as registry:
        await until(lambda: states(registry) == {"a/1": "READY"})
        (tmp_path / "models").rename(tmp_path / "before")
        (tmp_path / "next").rename(tmp_path / "models")
        await until(lambda: states(registry) == {"b/1": "READY"})
        tiny_models.add_double(tmp_path / "models", "c")
        await until(lambda: states(registry) == {"b/1": "READY", "c/1": "READY"})


async def test_an_ensemble_comes_with_the_last_of_its_models(tmp_path: Path) -> None:
    tiny_models.add_ensemble(tmp_path, "twice", "double:x>t double:t>y")
    tiny_models.add_ensemble(tmp_path, "outer", "twice:x>y")
    async with polling(tmp_path, [tmp_path], 0.0) as registry:
        await until(lambda: states(registry) == {"outer/": "UNAVAILABLE", "twice/": "UNAVAILABLE"})
        tiny_models.add_double(tmp_path)
        await until(lambda: states(registry) == {"double/1": "READY", "outer/1": "READY", "twice/1": "READY"})
