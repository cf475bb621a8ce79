"""What `slipway config` says, for tests of what the server's options come to."""

import json
from typing import Any

from typer.testing import CliRunner, Result

from serving.cli import app


def said(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(app, ["config", *arguments], env={"COLUMNS": "400", **environment})


def configuration(*arguments: str, **environment: str) -> dict[str, Any]:
    """By option its value and where it is from."""
    result = said("--json", *arguments, **environment)
    assert result.exit_code == 0, result.output
    told: dict[str, Any] = json.loads(result.stdout)
    return told


def refusal(*arguments: str, **environment: str) -> str:
    """Why it is none."""
    result = said(*arguments, **environment)
    assert result.exit_code == 2, result.output
    return result.stderr
