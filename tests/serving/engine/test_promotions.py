import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from serving.engine.promotions import Promotions
from serving.engine.registry import ModelRegistry
from serving.engine.remote_repository import RemoteRepository
from serving.engine.remote_store import RemoteFile
from serving.engine.repository import ModelRepository, Repository
from serving.errors import InvalidInput, ModelLoadFailed, ModelNotFound
from serving.scheduling.rollout import Verdict
from tests import scaled_models
from tests.memory_store import MemoryBucket

CANARY = 'parameters { key: "rollout.strategy" value { string_value: "canary" } }'
NAME = scaled_models.NAME


class Failing:
    """A bucket that can't be read while it is told so."""

    def __init__(self, bucket: MemoryBucket) -> None:
        self._store = bucket.store
        self.is_out = False

    @property
    def url(self) -> str:
        return self._store.url

    def folders(self) -> list[str]:
        self._check()
        return self._store.folders()

    def files(self, folder: str) -> list[RemoteFile]:
        self._check()
        return self._store.files(folder)

    def fetch(self, file: RemoteFile, target: Path) -> None:
        self._check()
        self._store.fetch(file, target)

    def _check(self) -> None:
        if self.is_out:
            raise ModelLoadFailed("no such host")


@asynccontextmanager
async def loaded(repository: Repository) -> AsyncIterator[tuple[ModelRegistry, Promotions, list[str]]]:
    """With the names of models whose traffic was turned."""
    followed: list[str] = []
    registry = ModelRegistry(repository, asyncio.get_running_loop())
    await asyncio.to_thread(registry.load, NAME)
    yield registry, Promotions(registry, followed.append), followed
    assert registry.close(10)


async def test_a_verdict_is_carried_out_once_and_followed(tmp_path: Path) -> None:
    scaled_models.add_scaled(tmp_path, 1, 2, extra=CANARY)
    async with loaded(ModelRepository(tmp_path)) as (registry, promotions, followed):
        rollout = registry.loaded.rollout(NAME)
        assert rollout is not None
        for promote in (True, False):
            await asyncio.to_thread(promotions.carry_out, rollout, Verdict(promote, "so it is"))
        assert (registry.loaded.model(NAME).current, followed) == ("2", [NAME])
        last = registry.counts[NAME].last_rollout
        assert last is not None
        assert (last.promoted, last.reason) == (True, "so it is")


async def test_people_turn_traffic_and_others_follow(tmp_path: Path) -> None:
    scaled_models.add_scaled(tmp_path, 1, 2)
    async with loaded(ModelRepository(tmp_path)) as (registry, promotions, followed):
        assert await asyncio.to_thread(promotions.roll_back, NAME) == "1"
        assert await asyncio.to_thread(promotions.promote, NAME) == "2"
        assert followed == [NAME, NAME]
        with pytest.raises(InvalidInput):
            await asyncio.to_thread(promotions.promote, NAME, "3")
        with pytest.raises(ModelNotFound):
            await asyncio.to_thread(promotions.roll_back, "nope")
        assert (registry.loaded.model(NAME).current, len(followed)) == ("2", 2)


async def test_a_promotion_while_the_repository_can_not_be_read_keeps_all_that_is_loaded(tmp_path: Path) -> None:
    root = tmp_path / "models"
    scaled_models.add_scaled(root, 1, 2, extra=f"{CANARY} version_policy {{ latest {{ num_versions: 2 }} }}")
    bucket = MemoryBucket()
    bucket.put_all(root)
    store = Failing(bucket)
    async with loaded(RemoteRepository(store, tmp_path / "cache")) as (registry, promotions, _):
        store.is_out = True
        assert await asyncio.to_thread(promotions.promote, NAME) == "2"
        assert registry.loaded.ready_versions(NAME) == ["1", "2"]
