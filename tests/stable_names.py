"""The names that docs/compatibility.md promises to keep, as they are now and as they were promised.

`python -m tests.stable_names` adds new ones to stable_names.toml; it takes none away.
"""

import re
import tomllib
from pathlib import Path

from serving.access.table import HTTP, RPCS
from serving.core import model_config
from serving.core.model_config import ModelConfig
from serving.core.onnx_options import onnx_fields
from serving.core.torch_options import torch_fields
from serving.exit_codes import ExitCode
from tests.option_table import named_options, slipway

ROOT = Path(__file__).parents[1]
PROMISED = Path(__file__).with_name("stable_names.toml")
_METRIC = r"\b(?:nv|slipway)_[a-z0-9_]+|\bvllm:[a-z0-9_]+"
_OF_RECORDINGS = "slipway_trace"  # a key of their first line
_INSIDE = ("/page", "/static-offline-docs", "/docs/oauth2-redirect")  # what only our own pages ask for

Names = dict[str, list[str]]


def promised() -> Names:
    found: Names = tomllib.loads(PROMISED.read_text())
    return found


def current() -> Names:
    fields = model_config._HONOURED | model_config._HONOURED_IN_ENSEMBLES
    names = {
        "commands": set(_commands("slipway", slipway())),
        "options": {option.opts[0] for option in named_options()},
        "routes": {route for route in HTTP if not route.partition(" ")[2].startswith(_INSIDE)},
        "rpcs": set(RPCS),
        "exit_codes": {f"{code.value} {code.name}" for code in ExitCode},
        "metrics": _metrics(),
        "config_fields": fields | onnx_fields(ModelConfig()) | torch_fields(ModelConfig()),
    }
    return {kind: sorted(each) for kind, each in names.items()}


def scraped(exposition: str) -> set[str]:
    """The metrics in it that are ours or Triton's."""
    return set(re.findall(rf"^# TYPE ({_METRIC}) ", exposition, re.M))


def _metrics() -> set[str]:
    """Names are written out in the server's code; Prometheus' library adds an ending to counters."""
    text = "\n".join(path.read_text() for path in sorted((ROOT / "serving").rglob("*.py")))
    counters = set(re.findall(rf'CounterMetricFamily\(\s*"({_METRIC})"', text))
    names = set(re.findall(rf'"({_METRIC})"', text)) - {_OF_RECORDINGS}
    return {f"{name}_total" if name in counters else name for name in names}


def _commands(name: str, command: object) -> list[str]:
    inside = getattr(command, "commands", None)
    if inside is None:
        return [name]
    return [each for word, child in inside.items() for each in _commands(f"{name} {word}", child)]


def write(names: Names) -> None:
    """Those that were promised stay."""
    before = promised() if PROMISED.exists() else {}
    kinds = {kind: sorted({*before.get(kind, ()), *each}) for kind, each in names.items()}
    lines = ["# What docs/compatibility.md promises to keep. `python -m tests.stable_names` adds to it.", ""]
    for kind, each in kinds.items():
        lines += [f"{kind} = [", *(f"    '{name}'," for name in each), "]", ""]
    PROMISED.write_text("\n".join(lines))


if __name__ == "__main__":
    write(current())
