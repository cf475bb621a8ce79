"""Slipway over models that lie elsewhere: a real S3 server, a plain web server, and several repositories at once."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import tiny_models
from tests.running_server import RunningServer, running, until
from tests.s3_server import BUCKET, S3Server, s3_server
from tests.slipway_command import FREE_PORTS, slipway
from tests.web_server import web_server


@pytest.fixture(scope="module")
def s3_of_all() -> Iterator[S3Server]:
    with pytest.MonkeyPatch.context() as environment, s3_server(environment) as server:
        yield server


@pytest.fixture
def s3(s3_of_all: S3Server) -> S3Server:
    s3_of_all.begin()
    return s3_of_all


@pytest.fixture
def models(tmp_path: Path) -> Path:
    root = tmp_path / "models"
    tiny_models.add_double(root)
    return root


def double(server: RunningServer, model: str = "double") -> list[float]:
    tensor = {"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}
    reply = httpx.post(f"{server.url}/v2/models/{model}/infer", json={"inputs": [tensor]})
    return reply.json()["outputs"][0]["data"]  # type: ignore[no-any-return]


def index(server: RunningServer) -> list[dict[str, Any]]:
    return httpx.post(f"{server.url}/v2/repository/index").json()  # type: ignore[no-any-return]


def load(server: RunningServer, model: str = "double") -> httpx.Response:
    return httpx.post(f"{server.url}/v2/repository/models/{model}/load")


def test_a_model_in_a_bucket_is_served(s3: S3Server, models: Path, tmp_path: Path) -> None:
    s3.put_all(models)
    with running((s3.url,), model_cache=tmp_path / "cache") as server:
        assert index(server) == [{"name": "double", "version": "1", "state": "READY"}]
        assert double(server) == [2, 4, 6, 8]


def test_a_new_version_is_fetched_when_the_model_is_loaded_anew(s3: S3Server, models: Path, tmp_path: Path) -> None:
    s3.put_all(models)
    explicit = {"model_control_mode": "explicit", "load_model": ("double",)}
    with running((s3.url,), model_cache=tmp_path / "cache", **explicit) as server:
        s3.put("double/2/model.onnx", (models / "double" / "1" / "model.onnx").read_bytes())
        s3.requests.lines.clear()
        assert load(server).status_code == 200
        assert index(server) == [{"name": "double", "version": "2", "state": "READY"}]
        assert s3.requests.of_objects() == [f"/{BUCKET}/prod/double/2/model.onnx"]


def test_versions_that_the_policy_leaves_out_are_not_fetched(s3: S3Server, models: Path, tmp_path: Path) -> None:
    (models / "double" / "config.pbtxt").write_text('backend: "onnxruntime"')
    s3.put_all(models)
    s3.put("double/2/model.onnx", (models / "double" / "1" / "model.onnx").read_bytes())
    with running((s3.url,), model_cache=tmp_path / "cache") as server:
        assert double(server) == [2, 4, 6, 8]
        assert f"/{BUCKET}/prod/double/1/model.onnx" not in s3.requests.of_objects()


def test_a_restart_fetches_nothing(s3: S3Server, models: Path, tmp_path: Path) -> None:
    s3.put_all(models)
    for fetched in (2, 0):
        s3.requests.lines.clear()
        with running((s3.url,), model_cache=tmp_path / "cache") as server:
            assert double(server) == [2, 4, 6, 8]
        assert len(s3.requests.of_objects()) == fetched


def test_a_file_that_was_damaged_in_the_cache_is_fetched_again(s3: S3Server, models: Path, tmp_path: Path) -> None:
    s3.put_all(models)
    with running((s3.url,), model_cache=tmp_path / "cache"):
        pass
    for blob in (tmp_path / "cache" / "blobs").glob("*/*"):
        blob.chmod(0o644)
        blob.write_bytes(bytes(blob.stat().st_size))
    with running((s3.url,), model_cache=tmp_path / "cache") as server:
        assert double(server) == [2, 4, 6, 8]


def test_a_corrupt_object_costs_its_model_alone_and_leaves_what_was_served(
    s3: S3Server, models: Path, tmp_path: Path
) -> None:
    tiny_models.add_double(models, "other")
    s3.put_all(models)
    explicit = {"model_control_mode": "explicit", "load_model": ("*",)}
    with running((s3.url,), model_cache=tmp_path / "cache", **explicit) as server:
        whole = (models / "double" / "1" / "model.onnx").read_bytes()
        s3.put("double/2/model.onnx", whole[: len(whole) // 2])
        refused = load(server)
        assert refused.status_code == 400
        assert "version 2 is at UNAVAILABLE state: " in refused.json()["error"]
        assert double(server) == double(server, "other") == [2, 4, 6, 8]
        s3.put("double/2/model.onnx", whole)
        assert load(server).status_code == 200


def test_an_outage_leaves_what_was_served(s3: S3Server, models: Path, tmp_path: Path) -> None:
    s3.put_all(models)
    explicit = {"model_control_mode": "explicit", "load_model": ("double",)}
    with running((s3.url,), model_cache=tmp_path / "cache", **explicit) as server:
        s3.refuse_everybody()
        refused = load(server)
        assert refused.status_code == 400
        assert f"model 'double' can't be read from {s3.url}: access denied: " in refused.json()["error"]
        assert "AWS_ACCESS_KEY_ID" in refused.json()["error"]
        assert double(server) == [2, 4, 6, 8]
        (row,) = index(server)
        assert (row["version"], row["state"]) == ("1", "READY")
        assert row["reason"].startswith("it goes on as it was loaded before: ")


def test_a_key_that_leads_out_of_the_folder_is_refused(s3: S3Server, models: Path, tmp_path: Path) -> None:
    s3.put_all(models)
    s3.put("evil/1/../../../../../escaped", b"x")
    with running((s3.url,), model_cache=tmp_path / "cache") as server:
        rows = {row["name"]: row for row in index(server)}
        assert rows["double"]["state"] == "READY"
        assert "has a part '.' or '..'" in rows["evil"]["reason"]
    assert not list(tmp_path.rglob("escaped"))


def test_a_model_on_a_plain_web_server_is_served(models: Path, tmp_path: Path) -> None:
    with web_server(models) as web:
        for fetched in (2, 0):
            web.requests.clear()
            with running((web.url,), model_cache=tmp_path / "cache") as server:
                assert double(server) == [2, 4, 6, 8]
            assert len([line for line in web.requests if not line.endswith("/")]) == fetched


@pytest.mark.parametrize("fault", ["broken", "cut"])
def test_a_download_that_fails_is_the_models_reason(models: Path, tmp_path: Path, fault: str) -> None:
    tiny_models.add_double(models, "other")
    with web_server(models) as web:
        getattr(web, fault).add("/double/1/model.onnx")
        explicit = {"model_control_mode": "explicit", "load_model": ("*",)}
        with running((web.url,), model_cache=tmp_path / "cache", **explicit) as server:
            rows = {row["name"]: row for row in index(server)}
            assert rows["other"]["state"] == "READY"
            assert rows["double"]["state"] == "UNAVAILABLE"
            assert f"'1/model.onnx' can't be read from {web.url}" in rows["double"]["reason"]
            getattr(web, fault).clear()
            assert load(server).status_code == 200
            assert double(server) == [2, 4, 6, 8]


@pytest.mark.parametrize("mode", ["none", "explicit"])
def test_a_name_in_two_repositories_is_not_served_and_says_why(tmp_path: Path, mode: str) -> None:
    tiny_models.add_double(tmp_path / "a", "same")
    tiny_models.add_double(tmp_path / "b", "same")
    tiny_models.add_double(tmp_path / "b", "double")
    places = (tmp_path / "a", str(tmp_path / "b"))
    with running(places, model_control_mode=mode, load_model=("*",) if mode == "explicit" else ()) as server:
        rows = {row["name"]: row for row in index(server)}
        assert len(index(server)) == 2
        assert rows["same"]["state"] == "UNAVAILABLE"
        where = f"model appears in two or more repositories: {tmp_path / 'a'} and {tmp_path / 'b'}"
        assert rows["same"]["reason"].endswith(where)
        assert double(server) == [2, 4, 6, 8]
        if mode == "explicit":
            refused = load(server, "same").json()["error"]
            assert refused.startswith("failed to load 'same', failed to poll from model repository: ")
            assert "not unique across all model repositories" in refused


def test_what_is_wrong_with_repositories_is_told_while_it_lasts(
    models: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    near = tmp_path / "near"
    tiny_models.add_double(near, "other")
    words = "it goes on as it was loaded before: "

    def begun_and_ended(what: str) -> list[int]:
        messages = [record.getMessage() for record in caplog.records]
        return [messages.count(f"{what} is read again"), sum(it.startswith(f"{what} is left") for it in messages)]

    def reason(server: RunningServer) -> str:
        row = next(row for row in index(server) if row["name"] == "double")
        assert row["state"] == "READY"
        return row.get("reason", "")

    with web_server(models) as web:
        places = (near, web.url.replace("//", "//name:secret@"))
        poll = {"model_control_mode": "poll", "repository_poll_secs": 0.1}
        with running(places, model_cache=tmp_path / "cache", **poll) as server:
            reachable = f'slipway_repository_reachable{{repository="{web.url}"}}'
            assert server.metric(reachable) == 1
            web.broken.add("/")
            outage = f"{words}the model repository can't be read from {web.url}: status 500"
            until(lambda: reason(server).startswith(outage))
            web.requests.clear()
            until(lambda: web.requests.count("GET /") > 5)
            assert server.metric(reachable) == 0
            assert begun_and_ended(f"the model repository {web.url}") == [0, 1]
            web.broken.clear()
            until(lambda: server.metric(reachable) == 1)
            assert reason(server) == ""
            tiny_models.add_double(near)
            until(lambda: reason(server) == f"{words}model appears in two or more repositories: {near} and {web.url}")
            web.requests.clear()
            until(lambda: web.requests.count("GET /") > 5)
            assert double(server) == [2, 4, 6, 8]
            shutil.rmtree(near / "double")
            until(lambda: reason(server) == "")
            assert begun_and_ended(f"the model repository {web.url}") == begun_and_ended("model 'double'") == [1, 1]
            assert "secret" not in caplog.text + server.metrics()


def test_folders_buckets_and_the_web_are_served_together(s3: S3Server, models: Path, tmp_path: Path) -> None:
    s3.put_all(models)
    tiny_models.add_double(tmp_path / "near", "near")
    tiny_models.add_double(tmp_path / "web", "web")
    with (
        web_server(tmp_path / "web") as web,
        running((tmp_path / "near", s3.url, web.url), model_cache=tmp_path / "cache") as server,
    ):
        assert [double(server, name) for name in ("near", "double", "web")] == [[2, 4, 6, 8]] * 3


def test_a_bucket_that_is_not_there_ends_the_start_with_one_line(s3: S3Server, tmp_path: Path) -> None:
    ended = slipway("serve", "s3://no-such-bucket/models", "--model-cache", str(tmp_path), *FREE_PORTS)
    assert ended.returncode == 3
    assert ended.stderr == (
        "slipway serve: the model repository can't be read from s3://no-such-bucket/models: "
        "The specified bucket does not exist\n"
    )


def test_missing_credentials_are_said_with_what_to_set(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    ended = slipway("serve", "--model-repository", s3.url, "--model-cache", str(tmp_path), *FREE_PORTS)
    assert ended.returncode == 3
    assert len(ended.stderr.splitlines()) == 1
    assert "no credentials" in ended.stderr
    assert "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE" in ended.stderr


def test_models_lists_what_lies_elsewhere_and_fetches_nothing(s3: S3Server, models: Path) -> None:
    s3.put_all(models)
    listed = slipway("models", s3.url, "--url", "http://127.0.0.1:9")
    assert re.search(r"double +│ 1 +│ yes +│ \?", listed.stdout)
    assert s3.requests.of_objects() == []


def test_a_wrong_address_is_said_with_the_right_ones() -> None:
    ended = slipway("serve", "ftp://host/models", *FREE_PORTS)
    assert ended.returncode == 2
    assert "s3://" in ended.stderr


def test_a_cache_that_cant_be_written_is_said(s3: S3Server, models: Path, tmp_path: Path) -> None:
    s3.put_all(models)
    (tmp_path / "file").touch()
    with running((s3.url,), model_cache=tmp_path / "file") as server:
        assert f"the model cache {tmp_path / 'file'} can't be written" in index(server)[0]["reason"]
