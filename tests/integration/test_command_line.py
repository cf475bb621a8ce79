"""The `slipway` command as a person types it: in processes of its own, and here where it only asks or refuses."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from PIL import Image

from tests import tiny_models
from tests.running_server import RunningServer, running, until
from tests.slipway_command import ROOT, serving, slipway, typed, url_in
from tests.tiny_decoders import add_tiny_decoder
from tests.tiny_encoders import add_tiny_text_classifier


@pytest.fixture(scope="module")
def served(repository: Path) -> Iterator[str]:
    """What a server over the example models printed."""
    with serving(repository) as (_, banner):
        yield banner


def test_the_banner_shows_where_to_look(served: str, repository: Path) -> None:
    url = url_in(served)
    assert re.search(r"digits-cnn +1 +READY", served)
    assert f"{url}/docs" in served
    assert f"Models, to see and try {url}/\n" in served
    metrics = re.search(r"http://\S+/metrics", served)
    assert metrics
    assert "nv_inference_count" in subprocess.check_output(["curl", "-s", metrics[0]], text=True)


def test_the_curl_lines_of_the_banner_work_when_pasted(served: str, tmp_path: Path) -> None:
    lines = re.findall(r"^ +(curl .*)$", served, re.MULTILINE)
    assert len(lines) == 2
    for line in lines:
        reply = json.loads(subprocess.check_output(line, shell=True, text=True, cwd=tmp_path))
        assert reply[0]["score"] > 0.9


def test_the_banner_has_a_curl_for_a_model_that_writes(tmp_path: Path) -> None:
    add_tiny_decoder(tmp_path)
    (tmp_path / "writer" / "1" / "example.json").write_text('{"text_input": "a", "max_tokens": 2}')
    with serving(tmp_path) as (_, banner):
        [line] = re.findall(r"^ +(curl .*)$", banner, re.MULTILINE)
        reply = json.loads(subprocess.check_output(line, shell=True, text=True))
    assert reply["usage"]["completion_tokens"] > 0


def test_the_banner_has_a_curl_for_a_model_that_draws(tmp_path: Path) -> None:
    tiny_models.add_drawing(tmp_path)
    with serving(tmp_path) as (_, banner):
        [line] = re.findall(r"^ +(curl .*)$", banner, re.MULTILINE)
        reply = json.loads(subprocess.check_output(line, shell=True, text=True))
    assert [picture["revised_prompt"] for picture in reply["data"]] == ["bright"] * 2


def test_with_keys_the_curl_lines_show_one_from_the_environment(tmp_path: Path) -> None:
    tiny_models.add_brightness(tmp_path)
    Image.new("L", (4, 4), 255).save(tmp_path / "brightness" / "1" / "example.png")
    tiny_models.add_drawing(tmp_path)
    add_tiny_decoder(tmp_path)
    with serving(tmp_path, SLIPWAY_API_KEY="a-key") as (_, banner):
        lines = re.findall(r"^ +(curl .*)$", banner, re.MULTILINE)
        assert len(lines) == 3
        for key in ("a-key", "another"):
            env = {**os.environ, "SLIPWAY_API_KEY": key}
            replies = [json.loads(subprocess.check_output(line, shell=True, text=True, env=env)) for line in lines]
            assert ["error" in reply for reply in replies] == [key == "another"] * 3
    assert "Try it, with a key in SLIPWAY_API_KEY:" in banner
    assert "a-key" not in banner


def test_the_curl_of_the_readme_answers_the_right_digit(served: str) -> None:
    line = re.search(r"^(curl .*seven\.png.*)$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert line
    command = re.sub(r"(http://)?localhost:8000", url_in(served), line[1])
    reply = json.loads(subprocess.check_output(command, shell=True, text=True, cwd=ROOT))
    assert reply[0]["label"] == "7"


def test_predict_draws_the_scores(served: str) -> None:
    done = slipway("predict", "digits-cnn", "docs/images/seven.png", "--url", url_in(served), "--top-k", "2")
    assert done.returncode == 0
    first, second = done.stdout.splitlines()
    assert re.match(r"7  +\d+\.\d+%  █+$", first)
    assert len(second.split()) >= 2


def test_predict_takes_files_texts_and_standard_input(served: str, repository: Path) -> None:
    example = repository / "breast-cancer-mlp" / "1" / "example.json"
    where = ("--url", url_in(served), "--json")
    answers = [
        json.loads(slipway("predict", "breast-cancer-mlp", data, *where, stdin=example.read_text()).stdout)
        for data in (str(example), example.read_text(), "-")
    ]
    assert answers[0] == answers[1] == answers[2]
    assert answers[0][0]["score"] > 0.9


def test_predict_tells_what_is_where_in_a_picture(tiny_server: RunningServer, tmp_path: Path) -> None:
    picture = Image.new("L", (16, 16))
    picture.paste(255, (4, 2, 8, 5))
    picture.save(tmp_path / "spot.png")
    done = typed("predict", "spot", str(tmp_path / "spot.png"), "--url", tiny_server.url)
    assert done.stdout == "spot   75.00%  x 4 to 8, y 2 to 5\n"


def test_predict_takes_a_text_for_a_model_that_reads_texts(tmp_path: Path) -> None:
    add_tiny_text_classifier(tmp_path / "models")
    (tmp_path / "fox.txt").write_text("a quick fox\n")
    (tmp_path / "picture").write_bytes(b"\xff\xd8")
    with running(tmp_path / "models") as server:
        replies = [
            slipway("predict", "topics", data, "--url", server.url, "--json", stdin="a quick fox")
            for data in ("a quick fox", str(tmp_path / "fox.txt"), "-", '{"inputs": "a quick fox"}')
        ]
        picture = slipway("predict", "topics", str(tmp_path / "picture"), "--url", server.url)
    assert replies[0].stdout.startswith('[{"label": ')
    assert {reply.stdout for reply in replies} == {replies[0].stdout}
    assert "model 'topics' reads texts, and what was given is none in UTF-8" in picture.stderr


def test_predict_tells_what_a_user_may_want(tmp_path: Path) -> None:
    tiny_models.add_chart(tmp_path)
    with running(tmp_path) as server:
        done = typed("predict", "chart", '{"inputs": ["coffee"]}', "--url", server.url, "--top-k", "2")

    assert [line.split()[:2] for line in done.stdout.splitlines()] == [["tea", "40.00%"], ["juice", "20.00%"]]


def test_predict_sends_named_tensors_to_the_tensor_endpoint(served: str) -> None:
    tensor = {"name": "image", "shape": [1, 1, 8, 8], "datatype": "FP32", "data": [0] * 64}
    done = typed("predict", "digits-cnn", json.dumps({"inputs": [tensor]}), "--url", url_in(served))
    assert json.loads(done.stdout)["outputs"][0]["name"] == "probabilities"


def test_predict_takes_a_bare_list_for_a_model_with_labels(served: str, repository: Path) -> None:
    row = list(json.loads((repository / "breast-cancer-mlp" / "1" / "example.json").read_text())["inputs"].values())
    done = typed("predict", "breast-cancer-mlp", json.dumps(row), "--url", url_in(served), "--json")
    assert json.loads(done.stdout)[0]["score"] > 0.9


@pytest.mark.parametrize(
    ("model", "data", "answers"),
    [
        ("double", "[1, 2, 3, 4]", {"y": [2, 4, 6, 8]}),
        ("double", "[[1, 2, 3, 4], [0, 0, 0, 1]]", {"y": [2, 4, 6, 8, 0, 0, 0, 2]}),
        ("double", '{"x": [1, 2, 3, 4]}', {"y": [2, 4, 6, 8]}),
        ("identity_text", '{"in": "hello", "parameters": {"a": 1}}', {"out": ["hello"]}),
        ("lookup", "[0, 2]", {"entry": [10, 30]}),
        ("simple", json.dumps({"INPUT0": [[1] * 16], "INPUT1": [2] * 16}), {"OUTPUT0": [3] * 16, "OUTPUT1": [-1] * 16}),
    ],
)
def test_predict_takes_bare_numbers_for_a_model_without_labels(
    tiny_server: RunningServer, model: str, data: str, answers: dict[str, list[object]]
) -> None:
    done = typed("predict", model, data, "--url", tiny_server.url)
    assert {tensor["name"]: tensor["data"] for tensor in json.loads(done.stdout)["outputs"]} == answers


def test_predict_says_which_inputs_need_a_name(tiny_server: RunningServer) -> None:
    done = typed("predict", "simple", "[1, 2]", "--url", tiny_server.url)
    assert done.returncode == 1
    assert '2 inputs, so that each needs its name: {"INPUT0": ..., "INPUT1": ...}, with INPUT0 INT32' in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nope", "docs/images/seven.png"], "404: Request for unknown model: 'nope' is not found"),
        (["digits-cnn", "README.md"], "400: the body is not an image"),
        (["digits-cnn", "no-such-file.png"], "there is no file 'no-such-file.png' in"),
        (["digits-cnn", "docs"], "'docs' can't be read: Is a directory"),
        (
            ["digits-cnn", '{"picture": [1]}'],
            "the model has no input 'picture'; it takes {\"image\": ...}, with image FP32",
        ),
        (["digits-cnn", "[1, 2"], "400: "),
        (["nope", "[1]"], "400: Request for unknown model: 'nope' is not found"),
    ],
)
def test_predict_says_what_is_wrong(served: str, arguments: list[str], message: str) -> None:
    done = typed("predict", *arguments, "--url", url_in(served))
    assert done.returncode == 1
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_models_sets_published_and_loaded_side_by_side(served: str, repository: Path) -> None:
    done = typed("models", str(repository), "--url", url_in(served))
    assert done.returncode == 0
    assert re.search(r"digits-cnn +│ 1 +│ yes +│ READY", done.stdout)


def test_names_and_reasons_are_shown_as_they_are(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path, "b[red]c")
    (tiny_models.write_config(tmp_path, "closing", 'backend: "[/red]"') / "1").mkdir()
    with serving(tmp_path) as (_, banner):
        done = typed("models", str(tmp_path), "--url", url_in(banner))
    assert done.returncode == 0
    assert "b[red]c" in done.stdout
    assert "unexpected backend '[/red]'" in done.stdout


def test_without_a_server_predict_says_so() -> None:
    done = slipway("predict", "digits-cnn", "docs/images/seven.png", "--url", "http://127.0.0.1:9")
    assert done.returncode == 1
    assert "is `slipway serve` running?" in done.stderr


def test_a_name_to_load_that_is_not_there_is_shown_among_the_models(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    chosen = {"SLIPWAY_MODEL_CONTROL_MODE": "explicit", "SLIPWAY_LOAD_MODEL": "double nope"}
    with serving(tmp_path, **chosen) as (_, banner):
        assert re.search(r"double +1 +READY", banner)
        assert re.search(r"nope +UNAVAILABLE +the repository has no folder 'nope'", banner)
        assert "failed to load 'nope': the repository has no folder of that name; it has double" in banner


def test_a_model_that_does_not_end_does_not_keep_the_process(tmp_path: Path) -> None:
    tiny_models.add_endless(tmp_path)
    tensor = {"name": "x", "shape": [1], "datatype": "FP32", "data": [1]}
    with serving(tmp_path, SLIPWAY_SHUTDOWN_TIMEOUT="1") as (process, banner), ThreadPoolExecutor(2) as pool:
        url = f"{url_in(banner)}/v2/models/endless/infer"
        asked = [pool.submit(httpx.post, url, json={"inputs": [tensor]}, timeout=60) for _ in range(2)]
        waiting = 'nv_inference_pending_request_count{model="endless",version="1"} 1\n'
        until(lambda: waiting in httpx.get(f"{url_in(banner)}/metrics").text, "the first runs, so the second waits")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
        assert [future.result().status_code for future in asked] == [503, 503]
        assert process.stdout is not None
        assert "2 requests took longer than 1 s and were cut off" in process.stdout.read()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_server_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    tiny_models.add_double(tmp_path)
    with serving(tmp_path) as (process, _):
        process.send_signal(number)
        assert process.wait(timeout=30) == 0
        assert process.stdout is not None
        assert process.stdout.read() == "Stopped; every accepted request was answered.\n"


def test_a_server_without_torch_serves_onnx_and_says_what_the_others_lack(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path / "models")
    tiny_models.add_torchscript(tmp_path / "models")
    (tmp_path / "absent" / "torch").mkdir(parents=True)
    (tmp_path / "absent" / "torch" / "__init__.py").write_text("raise ModuleNotFoundError('no torch', name='torch')")
    with serving(tmp_path / "models", PYTHONPATH=str(tmp_path / "absent")) as (_, banner):
        assert re.search(r"double +1 +READY", banner)
        assert re.search(r"affine +1 +UNAVAILABLE +backend 'pytorch' needs the package 'torch'", banner)


def test_options_come_from_the_environment_and_a_file_too(
    tiny_server: RunningServer, tiny_repository: Path, tmp_path: Path
) -> None:
    """Beside a Service called `slipway-http`, and with a variable that is none."""
    taken = tiny_server.http_port
    (tmp_path / "slipway.toml").write_text(f"http_port = {taken}")
    chosen = {"SLIPWAY_CONFIG": str(tmp_path / "slipway.toml"), "SLIPWAY_MODEL_REPOSITORY": str(tiny_repository)}
    done = slipway("serve", **chosen, SLIPWAY_HTTP_PORT="tcp://10.0.0.1:8000", SLIPWAY_HTTP_PRT="1")
    assert f"can't listen on 127.0.0.1:{taken}" in done.stderr
    assert done.stderr.count("has no effect") == 1
    assert "SLIPWAY_HTTP_PRT has no effect: there is no such option; did you mean SLIPWAY_HTTP_PORT?" in done.stderr


@pytest.mark.parametrize("command", ["train", "export", "serve", "config", "models", "predict", "tune"])
def test_help_teaches_by_example(command: str) -> None:
    done = typed(command, "--help")
    assert done.returncode == 0
    assert f"slipway {command} " in done.stdout.split("Examples")[1]


def test_both_packages_are_commands() -> None:
    assert "slipway 0." in slipway("--version").stdout
    assert "train" in slipway("--help").stdout
    training = subprocess.run([sys.executable, "-m", "training", "--help"], cwd=ROOT, capture_output=True, text=True)
    assert "export" in training.stdout


@pytest.mark.parametrize("option", ["--model-repository", "--model-store"])
def test_tritons_options_name_the_repository_too(option: str, tiny_server: RunningServer, tmp_path: Path) -> None:
    """Also where there is no folder of the default's name; it gets as far as the port, which is taken."""
    refused = typed("serve", f"{option}=/no/such/folder")
    assert "/no/such/folder" in refused.stderr
    assert "does not exist" in refused.stderr
    taken = str(tiny_server.http_port)
    elsewhere = {"SLIPWAY_MODEL_REPOSITORY": "/no/such/default", "SLIPWAY_HTTP_PORT": taken}
    assert f"can't listen on 127.0.0.1:{taken}" in slipway("serve", f"{option}={tmp_path}", **elsewhere).stderr


@pytest.mark.parametrize(
    ("part", "has_config", "is_what"),
    [
        ("double", True, "is the folder of one model, since it has a config.pbtxt"),
        ("double", False, "is the folder of one model, since it has a 1/model.onnx"),
        ("double/1", False, "is the folder of one model's version"),
    ],
)
def test_a_part_of_a_repository_is_none(tmp_path: Path, part: str, has_config: bool, is_what: str) -> None:
    tiny_models.add_double(tmp_path)
    if not has_config:
        (tmp_path / "double" / "config.pbtxt").unlink()
    refused = typed("serve", str(tmp_path / part), COLUMNS="400")
    assert refused.returncode == 2
    assert is_what in refused.stderr
    assert f"slipway serve {tmp_path} " in refused.stderr


def test_a_host_that_is_none_is_said_with_its_option(tiny_repository: Path) -> None:
    refused = slipway("serve", str(tiny_repository), "--host", "no.such.host.invalid")
    assert "choose another with --host" in refused.stderr


def test_a_trace_file_that_cant_be_written_is_said_at_the_start(tiny_repository: Path) -> None:
    refused = typed("serve", str(tiny_repository), "--trace-file", "/no/such/folder/trace.json")
    assert refused.returncode == 7
    assert "--trace-file" in refused.stderr


@pytest.mark.parametrize(
    ("variable", "value"),
    [("SLIPWAY_RESPONSE_CACHE_BYTE_SIZE", "4096"), ("SLIPWAY_CACHE_CONFIG", "local,size=4096")],
)
def test_either_option_gives_the_response_cache_its_size(tmp_path: Path, variable: str, value: str) -> None:
    tiny_models.add_double(tmp_path, extra="response_cache { enable: true }")
    with serving(tmp_path, **{variable: value}) as (_, banner):
        metrics = httpx.get(f"{url_in(banner)}/metrics").text
    assert "slipway_response_cache_size_bytes 4096\n" in metrics
    assert "has no effect" not in banner


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--response-cache-byte-size", "1", "--cache-config", "local,size=1"], "Incompatible flags"),
        (["--cache-config", "redis,host=x"], "there is one cache, 'local'"),
        (["--response-cache-byte-size", "-1"], "greater than or equal to 0"),
    ],
)
def test_a_cache_that_there_can_not_be_is_refused(tmp_path: Path, options: list[str], words: str) -> None:
    done = typed("serve", str(tmp_path), *options)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
