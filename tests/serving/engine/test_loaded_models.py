import asyncio
from pathlib import Path

import pytest

from serving.core.states import ModelState
from serving.engine.loaded_model import LoadedModel, Version
from serving.engine.loaded_models import LoadedModels
from serving.engine.loading import load_model
from serving.engine.repository import ModelRepository
from serving.errors import ModelNotFound, ModelNotReady, VersionNotFound
from tests import scaled_models

BROKEN = Version(ModelState.UNAVAILABLE, reason="no graph")


def test_what_will_be_loaded_is_loading_until_it_is() -> None:
    models = LoadedModels(["a", "b"])
    assert [(row.name, row.state) for row in models.statuses()] == [
        ("a", ModelState.LOADING),
        ("b", ModelState.LOADING),
    ]
    assert not models.is_strictly_ready()
    with pytest.raises(ModelNotReady, match="it is loading"):
        models.find("a")
    models.remove("a")
    assert ("a" in models, "b" in models, models.names(), models.get("a")) == (False, True, ["b"], None)
    with pytest.raises(ModelNotFound, match="'a' is not found"):
        models.find("a")


async def test_models_are_found_by_name_and_version(tmp_path: Path) -> None:
    scaled_models.add_scaled(tmp_path, 1, 2, extra="version_policy { all { } }")
    loaded = load_model(ModelRepository(tmp_path), "scaled", None, asyncio.get_running_loop())
    models = LoadedModels([])
    models.put("scaled", LoadedModel(loaded, "2"))
    models.put("broken", LoadedModel({"1": BROKEN}))
    assert (models.find("scaled").version, models.find("scaled", "1").version) == ("2", "1")
    assert models.ready_versions("scaled") == ["1", "2"]
    assert {(served.name, served.version) for served in models.served()} == {("scaled", "1"), ("scaled", "2")}
    assert (models.rollouts(), models.rollout("nope")) == ([], None)
    with pytest.raises(VersionNotFound):
        models.find("scaled", "3")
    for served in models.served():
        assert served.close(10)


def test_a_server_is_strictly_ready_while_all_that_was_not_unloaded_serves() -> None:
    models = LoadedModels([])
    assert models.is_strictly_ready()
    models.put("gone", LoadedModel({"1": BROKEN}).unloaded())
    assert models.is_strictly_ready()
    models.put("broken", LoadedModel({"1": BROKEN}))
    assert not models.is_strictly_ready()
