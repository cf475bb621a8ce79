"""`slipway doctor` as it is typed, within the tests' own process."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from serving.cli import app
from tests import tiny_models

FREE = ("--http-port=0", "--grpc-port=0", "--metrics-port=0")


def doctor(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(app, ["doctor", *arguments], env={"COLUMNS": "200", **environment})


def told(result: Result) -> dict[str, list[dict[str, Any]]]:
    """By area."""
    found: dict[str, list[dict[str, Any]]] = {}
    for each in json.loads(result.stdout)["findings"]:
        found.setdefault(each.pop("area"), []).append(each)
    return found


def test_where_nothing_is_wrong_it_ends_with_0(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    result = doctor(str(tmp_path), *FREE)
    assert result.exit_code == 0, result.output
    areas = [line.split("│")[1].strip() for line in result.stdout.splitlines() if line.startswith("│")]
    assert [area for area in areas if area] == ["machine", "packages", "runtimes", "ports", "access", "models"]


def test_problems_are_told_with_what_mends_them_and_end_with_1(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        result = doctor(str(tmp_path / "no"), *FREE, f"--grpc-port={listening.getsockname()[1]}")
    assert result.exit_code == 1
    assert "-> choose another with --grpc-port N or SLIPWAY_GRPC_PORT=N" in result.stdout
    assert "-> name another: slipway serve FOLDER" in result.stdout
    assert "2 problems" in result.stdout.splitlines()[-1]


def test_it_looks_at_what_file_and_environment_say(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    keys, file = tmp_path / "keys.toml", tmp_path / "slipway.toml"
    keys.write_text("[[keys]]\nname = 'shop'\nsha256 = 'no'\n")
    file.write_text(f"model_repository = ['{tmp_path}']\nhost = '0.0.0.0'\napi_key_file = '{keys}'\n")
    result = doctor("--json", f"--config={file}", *FREE, SLIPWAY_HTTP_PRT="1")
    assert result.exit_code == 1
    found = told(result)
    assert found["access"] == [
        {
            "grade": "problem",
            "what": "--api-key-file",
            "says": f"{keys}: key 'shop': 'sha256' must be 64 hexadecimal digits, not the key itself; "
            "`slipway keys new NAME` makes a key and its entry",
            "fix": f"mend {keys}: what `slipway keys new NAME` prints is an entry as it should be",
        }
    ]
    keys.unlink()
    absent = told(doctor("--json", f"--config={file}", *FREE))
    assert absent["access"][0]["fix"] == f"slipway keys new NAME --file {keys}"
    assert "did you mean SLIPWAY_HTTP_PORT?" in found["settings"][0]["says"]
    assert found["ports"][0]["says"].startswith("0.0.0.0")


def test_what_serve_refuses_it_refuses(tmp_path: Path) -> None:
    result = doctor("--load-model", "m")
    assert (result.exit_code, result.stdout) == (2, "")


def test_a_look_neither_imports_pytorch_nor_lets_onnx_runtime_upload_usage_data(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    code = "import sys, serving.cli; early = 'onnxruntime' in sys.modules\n"
    code += (
        f"try: serving.cli.app(['doctor', {str(tmp_path)!r}, '--http-port=0', '--grpc-port=0', '--metrics-port=0'])\n"
    )
    code += "except SystemExit as end: print(end.code, early, 'torch' in sys.modules)"
    environment = {key: value for key, value in os.environ.items() if key != "ORT_DISABLE_TELEMETRY"}
    environment["HOME"] = "/proc/none"  # where it can't write down what it uploads under, and says so
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[3], env=environment
    )
    assert (done.stdout.splitlines()[-1], done.stderr) == ("0 False False", "")
