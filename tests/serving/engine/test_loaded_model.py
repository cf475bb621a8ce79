import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.core.remembered import RolledBack
from serving.core.states import ModelState, VersionStatus
from serving.engine.loaded_model import LoadedModel, Version, newest_ready, sorted_versions
from serving.engine.loading import load_model
from serving.engine.repository import ModelRepository
from serving.engine.running_rollout import begin_rollout
from serving.engine.served_model import ServedModel
from serving.errors import ModelNotReady, VersionNotFound
from tests import tiny_models

LOADING = Version(ModelState.LOADING)
BROKEN = Version(ModelState.UNAVAILABLE, reason="no such file")
Ready = dict[str, Version]


@pytest.fixture
def ready(tmp_path: Path) -> Iterator[Ready]:
    """Versions 2 and 10 that serve, 10 as a canary for 25 % if it is tried; closed at the end."""
    loop = asyncio.new_event_loop()
    rollout = " ".join(
        f'parameters {{ key: "rollout.{key}" value {{ string_value: "{value}" }} }}'
        for key, value in {"strategy": "canary", "percent": "25"}.items()
    )
    tiny_models.add_double(tmp_path, extra=rollout)
    (tmp_path / "double" / "1").rename(tmp_path / "double" / "2")
    versions = load_model(ModelRepository(tmp_path), "double", None, loop)
    (tmp_path / "double" / "2").rename(tmp_path / "double" / "10")
    versions |= load_model(ModelRepository(tmp_path), "double", None, loop)
    yield versions
    for version in versions.values():
        assert served(version).close(10)
    loop.close()


def served(version: Version) -> ServedModel:
    assert version.served is not None
    return version.served


def tried(versions: Ready, strategy: str = "canary") -> LoadedModel:
    """Version 2 serves, and 10 is on trial."""
    candidate = served(versions["10"])
    candidate.config.parameters["rollout.strategy"].string_value = strategy
    return LoadedModel(versions, "2", rollout=begin_rollout(served(versions["2"]), candidate, lambda *_: None))


def notes(model: LoadedModel) -> dict[str, tuple[str, str]]:
    return {row.version: (row.state.value, row.reason) for row in model.statuses("m")}


def test_the_current_version_answers_when_none_is_named(ready: Ready) -> None:
    model = LoadedModel(ready, "2")
    assert model.find("m", "") is ready["2"].served
    assert model.find("m", "10") is ready["10"].served
    assert list(model.served()) == [ready["2"].served, ready["10"].served]
    assert model.has_ready
    assert not model.is_loading


def test_while_it_loads_a_model_is_not_ready_whichever_version_is_asked_for() -> None:
    model = LoadedModel.loading()
    assert (model.has_ready, model.is_loading) == (False, True)
    for number in ("", "3"):
        with pytest.raises(ModelNotReady, match="unknown model: 'm' is not at ready state, it is loading"):
            model.find("m", number)
    assert list(model.statuses("m")) == [VersionStatus("m", "", ModelState.LOADING)]


def test_a_model_with_nothing_to_serve_says_why() -> None:
    model = LoadedModel({"1": BROKEN, "2": Version(ModelState.UNAVAILABLE, reason="no graph")})
    with pytest.raises(VersionNotFound, match="'m' has no available versions: no such file; no graph"):
        model.find("m", "")
    with pytest.raises(ModelNotReady, match="'m' version 1 is not at ready state: no such file"):
        model.find("m", "1")
    with pytest.raises(VersionNotFound, match=r"'m' version 3 is not found$"):
        model.find("m", "3")


def test_a_version_that_could_be_here_says_why_it_is_not(ready: Ready) -> None:
    away = {"3": RolledBack({}, "it is slower"), "4": RolledBack({}, "by hand"), "2": RolledBack({}, "by hand")}
    model = LoadedModel(ready, "2", {"4": "no such file", "": "no config"}, away)
    assert model.absent == {"3": "rolled back: it is slower", "4": "no such file"}
    with pytest.raises(VersionNotFound, match="'m' version 3 is not found: rolled back: it is slower"):
        model.find("m", "3")
    assert [notes(model)[number] for number in ("3", "4")] == [
        ("UNAVAILABLE", "rolled back: it is slower"),
        ("UNAVAILABLE", "no such file"),
    ]


def test_a_failed_load_is_noted_at_what_goes_on(ready: Ready) -> None:
    model = LoadedModel(ready, "10")
    assert notes(model) == {"2": ("READY", ""), "10": ("READY", "")}
    files = {"10/model.onnx": 1}
    failed = model.with_failure("10", "no such file", files)
    assert notes(failed) == {
        "2": ("READY", ""),
        "10": ("READY", "it goes on as it was loaded before: no such file"),
    }
    assert (failed.tried, failed.current) == (files, "10")
    everywhere = failed.with_failure("", "no config", files)
    assert set(notes(everywhere).values()) == {("READY", "it goes on as it was loaded before: no config")}
    assert notes(model)["10"] == ("READY", ""), "it is replaced, not changed"


def test_without_a_rollout_the_current_version_has_all_traffic(ready: Ready) -> None:
    model = LoadedModel(ready, "10")
    assert [model.traffic_percent(number) for number in ("2", "10", "")] == [0, 100, 0]
    assert LoadedModel.loading().traffic_percent("") == 0


def test_a_canary_has_its_share_and_a_shadow_none(ready: Ready) -> None:
    canary = tried(ready, "canary")
    assert [canary.traffic_percent(number) for number in ("2", "10", "7")] == [75, 25, 0]
    assert notes(canary)["10"] == ("READY", "on trial: canary for 25% of the requests")
    assert notes(canary)["2"] == ("READY", "")
    shadow = tried(ready, "shadow")
    assert [shadow.traffic_percent(number) for number in ("2", "10", "7")] == [100, 0, 0]
    assert notes(shadow)["10"] == ("READY", "on trial: shadow for 25% of the requests")


def test_a_model_that_unloads_keeps_nothing_but_its_versions_states(ready: Ready) -> None:
    model = LoadedModel({"1": BROKEN, **ready}, "10", {"10": "no graph"}, {"3": RolledBack({}, "slow")}, {"a": 1})
    going = model.unloading()
    assert notes(going) == {"2": ("UNLOADING", ""), "10": ("UNLOADING", "")}
    assert not going.has_ready
    with pytest.raises(ModelNotReady, match="version 2 is not at ready state: UNLOADING"):
        going.find("m", "2")
    assert not going.was_unloaded
    gone = going.unloaded()
    assert notes(gone) == {"2": ("UNAVAILABLE", "unloaded"), "10": ("UNAVAILABLE", "unloaded")}
    assert gone.was_unloaded
    with pytest.raises(ModelNotReady, match="version 2 is not at ready state: unloaded"):
        gone.find("m", "2")


def test_the_newest_is_the_highest_that_serves_and_numbers_are_no_words(ready: Ready) -> None:
    versions = sorted_versions({"10": ready["10"], "11": BROKEN, "2": ready["2"], "": LOADING})
    assert list(versions) == ["", "2", "10", "11"]
    assert newest_ready(versions) == "10"
    assert newest_ready({"11": BROKEN}) == newest_ready({}) == ""
