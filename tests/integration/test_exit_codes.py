"""What keeps a server from running is one line and an exit code of its own."""

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest
from typer.testing import CliRunner

from serving.cli import app
from serving.exit_codes import ExitCode
from tests import tiny_models
from tests.running_server import RunningServer, until
from tests.slipway_command import FREE_PORTS, ROOT, SLIPWAY, serving, url_in

AS_PID_1 = ["unshare", "--fork", "--pid", "--mount-proc"]
AS_A_USER = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.getuid() == 0 else []
"""Root may else read everything."""


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A repository with a model and files in its way."""
    tiny_models.add_double(tmp_path / "models")
    (tmp_path / "file").write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ("serve {0}/nowhere", ExitCode.NO_REPOSITORY, "nowhere does not exist; name another"),
        ("serve {0}/file", ExitCode.NO_REPOSITORY, "file is no folder; name another"),
        ("serve {0}/models/double", ExitCode.MISUSED, "a repository is the folder around models"),
        ("serve {0}/models --http-port {1}", ExitCode.NO_PORT, "can't listen on 127.0.0.1:{1} .* with --http-port"),
        (
            "serve {0}/models --host 203.0.113.9",
            ExitCode.NO_PORT,
            "'203.0.113.9' is no address of this machine; choose another with --host",
        ),
        ("serve {0}/models --require-gpu", ExitCode.NO_GPU, "no CUDA provider; install Slipway's gpu extra"),
        ("serve {0}/models --trace-file {0}/no/f", ExitCode.NO_FILE, "--trace-file: nothing can be written into .*/no"),
        ("serve {0}/models --trace-file {0}", ExitCode.NO_FILE, "--trace-file: {0} can't be written"),
        ("serve {0}/models --record-file {0}/no/f", ExitCode.NO_FILE, "--record-file: .* can't be written"),
        ("serve {0}/models --state-file {0}/file/f", ExitCode.NO_FILE, "the state file .* can't be"),
        ("serve s3://b/m --model-cache {0}/file/c", ExitCode.NO_FILE, "the model cache {0}/file/c can't be written"),
    ],
)
def test_each_failure_has_its_code_and_its_line(
    models: Path, tiny_server: RunningServer, arguments: str, code: ExitCode, words: str
) -> None:
    told = [word.format(models, tiny_server.http_port) for word in arguments.split()]
    ports = [each for name in FREE_PORTS[::2] if name not in told for each in (name, "0")]
    done = CliRunner().invoke(app, [*told, *ports], env={"COLUMNS": "300"})
    assert done.exit_code == code, done.stderr
    assert re.search(words.format(models, tiny_server.http_port), done.stderr)
    assert done.stderr.count("\n") == 1 or code is ExitCode.MISUSED


def test_a_model_that_fails_ends_a_start_that_wants_all_of_them(models: Path) -> None:
    (models / "models" / "broken" / "1").mkdir(parents=True)
    done = CliRunner().invoke(app, ["serve", str(models / "models"), "--exit-on-error", *FREE_PORTS])
    assert done.exit_code == ExitCode.MODEL_FAILED
    assert done.stderr.startswith("slipway serve: broken 1: ")
    assert done.stderr.count("\n") == 1


def test_a_repository_that_the_user_may_not_read_is_said(models: Path) -> None:
    folder = models / "models"
    folder.chmod(0)
    command = [*AS_A_USER, *SLIPWAY, "serve", str(folder), *FREE_PORTS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    folder.chmod(0o755)
    assert done.returncode == ExitCode.NO_REPOSITORY
    assert re.fullmatch(r"slipway serve: the model repository \S+ can't be read by user \d+; give it .*\n", done.stderr)


@pytest.mark.parametrize("called", ["_add_training", "get_command"])  # while it imports, and while Typer reads commands
def test_ctrl_c_in_its_first_moment_ends_it_without_a_word(called: str) -> None:
    code = f"""import os, signal, sys
def interrupt(frame, event, _):
    if event == "call" and frame.f_code.co_name == {called!r}:
        sys.setprofile(None)
        os.kill(os.getpid(), signal.SIGINT)
sys.setprofile(interrupt)
from serving.__main__ import main
main()"""
    done = subprocess.run([sys.executable, "-c", code, "serve"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (128 + signal.SIGINT, "", "")


def test_as_the_first_process_of_a_container_it_hears_signals(tmp_path: Path) -> None:
    """The first of a pid namespace gets only those that it listens to; the second ends it at once."""
    if subprocess.run([*AS_PID_1, "true"], capture_output=True).returncode:
        pytest.skip("this user may make no pid namespace")
    tiny_models.add_double(tmp_path)
    with serving(tmp_path, "--lame-duck-secs", "600", before=AS_PID_1) as (process, banner):
        (server,) = psutil.Process(process.pid).children()
        server.send_signal(signal.SIGTERM)
        until(lambda: httpx.get(f"{url_in(banner)}/v2/health/ready").status_code == 503)
        assert httpx.get(f"{url_in(banner)}/v2/models/double/ready").status_code == 200
        while process.poll() is None:  # what comes soon after the first is the same one
            with suppress(psutil.NoSuchProcess):  # it ended, and the one that started it has not yet
                server.send_signal(signal.SIGTERM)
            time.sleep(0.1)
        assert process.returncode == ExitCode.SECOND_SIGNAL
