import asyncio
from pathlib import Path

import pytest

from serving.core.remembered import RolledBack
from serving.core.repository_files import of_version
from serving.engine.dispatch import Dispatch
from serving.engine.load_policy import DEFAULT_POLICY, LoadPolicy
from serving.engine.loading import Before
from serving.engine.model_source import ModelSource
from serving.engine.override import read_override
from serving.engine.repository import ModelRepository
from serving.errors import RepositoryPollFailed
from tests import scaled_models, tiny_models

NOWHERE = Dispatch(lambda *_: pytest.fail("only ensembles look for models"), lambda _: None)


def source(root: Path, policy: LoadPolicy = DEFAULT_POLICY) -> ModelSource:
    return ModelSource(ModelRepository(root), asyncio.get_running_loop(), policy, NOWHERE)


async def test_versions_come_from_the_repository_but_for_those_that_are_kept_or_left_out(tmp_path: Path) -> None:
    scaled_models.add_scaled(tmp_path, 1, 2, 3, extra="version_policy { all { } }")
    first, folder = source(tmp_path).load("scaled", None, Before(without=["3"]))
    again, _ = source(tmp_path).load("scaled", None, Before(None, {"1": first["1"]}, ["2"]))
    assert (list(first), list(again), folder) == (["1", "2"], ["1", "3"], None)
    assert again["1"] is first["1"]
    for version in (*first.values(), again["3"]):
        assert version.served is not None
        assert version.served.close(10)


async def test_what_a_request_brings_lies_in_a_folder_of_its_own(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    content = (tmp_path / "double" / "1" / "model.onnx").read_bytes()
    override = read_override("{}", {"4/model.onnx": content}, "double")
    versions, folder = source(tmp_path).load("double", override)
    assert folder is not None
    assert list(versions) == ["4"]
    assert versions["4"].served is not None
    assert versions["4"].served.close(10)
    folder.cleanup()


async def test_a_name_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RepositoryPollFailed, match="the repository has no folder 'nope'"):
        source(tmp_path).load("nope", None)


async def test_a_manifest_can_be_required(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    scaled_models.add_scaled(tmp_path, 1)
    strict = source(tmp_path, LoadPolicy(require_manifest=True))
    refused, _ = strict.load("double", None)
    assert "has no manifest.json, which --require-manifest wants" in refused["1"].reason
    taken, _ = strict.load("scaled", None)
    assert taken["1"].served is not None
    assert taken["1"].served.close(10)


async def test_what_is_away_gets_the_digest_of_its_files_unless_they_changed(tmp_path: Path) -> None:
    scaled_models.add_scaled(tmp_path, 1, 2)
    lies = source(tmp_path)
    there = {number: RolledBack(of_version(lies.files("scaled"), number), "slow") for number in ("1", "2")}
    changed = RolledBack({"1/model.onnx": 0}, "slow")
    told = lies.with_digests("scaled", {"2": there["2"], "1": changed, "9": RolledBack({}, "gone")})
    assert told["2"].digest == lies.digest("scaled", "2") != lies.digest("scaled", "1")
    assert (told["1"], told["9"].digest) == (changed, "")
    assert lies.with_digests("scaled", told) == told
