"""What a TOML file and the environment say of a command's options.

Rule: an option has one name everywhere: --http-port, SLIPWAY_HTTP_PORT, `http_port = 8000`; a file's values have types.
"""

import difflib
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

from serving.commands.tritonserver import in_our_words

Kinds = Mapping[str, type]
"""By an option's name what it is: bool, int, float, str, or list for several strings."""

_EXPECTED = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a string in quotes",
    list: "a list of strings",
}
# Of lists in the environment; what is in the others has commas itself.
_SEPARATORS = {"model_repository": r"\s*,\s*", "load_model": r"[,\s]+"}

# For a Service called `slipway` Kubernetes sets SLIPWAY_PORT=tcp://10.0.0.1:8000, SLIPWAY_SERVICE_HOST and their like
# in every container; for one called `slipway-http` even SLIPWAY_HTTP_PORT.
_OF_SERVICE = re.compile(r".*_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)")
_SERVICE_ADDRESS = re.compile(r"(tcp|udp|sctp)://.*")

SECRETS = frozenset(["api_key", "http_restricted_api", "grpc_restricted_protocol"])
"""Options whose values nobody is shown."""

VERSION = 1
"""Of the file's format, for its key `version`; a file without one is of this."""

_OTHERS = {"SLIPWAY_CONFIG", "SLIPWAY_URL"}  # this file, and `slipway predict`'s server


class InvalidConfiguration(Exception):
    """The text names the file, the key, what was expected and what came."""


def variable(name: str) -> str:
    return f"SLIPWAY_{name.upper()}"


def from_file(path: Path, kinds: Kinds) -> dict[str, object]:
    """By an option's name; hyphens in keys are taken too. Raises `InvalidConfiguration`."""
    chosen: dict[str, object] = {}
    written = _read(path)
    _check_version(path, written.pop("version", VERSION))
    for key, value in written.items():
        name = key.replace("-", "_")
        if isinstance(value, dict):
            raise InvalidConfiguration(f"{path}: {key} is a table; options have none, they are at the file's top")
        if name not in kinds:
            raise InvalidConfiguration(f"{path}: there is no option {key!r}{_meant(name, kinds)}")
        if name in chosen:
            raise InvalidConfiguration(f"{path}: {name} is there with hyphens too; leave one out")
        if not _is(value, kinds[name]):
            got = "something else" if name in SECRETS else _shown(value)
            raise InvalidConfiguration(f"{path}: {key} must be {_EXPECTED[kinds[name]]}, got {got}")
        chosen[name] = value
    return chosen


def from_environment(environment: Mapping[str, str], kinds: Kinds) -> dict[str, object]:
    """By an option's name, as text; a variable without a value says nothing."""
    values = {name: environment.get(variable(name), "") for name in kinds}
    return {
        name: _list(name, value) if kinds[name] is list else value
        for name, value in values.items()
        if value.strip() and not _is_of_kubernetes(variable(name), value)
    }


def unknown(environment: Mapping[str, str], kinds: Kinds) -> list[str]:
    """A warning for each variable that looks like ours and has no effect."""
    known = {*map(variable, kinds), *_OTHERS}
    names = [name for name, value in environment.items() if name not in known and not _is_of_kubernetes(name, value)]
    return [
        f"the environment's {name} has no effect: there is no such option"
        f"{_meant(name.removeprefix('SLIPWAY_').lower(), kinds, variable)}"
        for name in sorted(names)
        if name.startswith("SLIPWAY_")
    ]


def _check_version(path: Path, version: object) -> None:
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise InvalidConfiguration(f"{path}: version, the file's format, must be {VERSION}, got {_shown(version)}")
    if version > VERSION:
        raise InvalidConfiguration(
            f"{path} is of version {version}, and this Slipway reads {VERSION}; it needs a newer Slipway, or "
            f"`version = {VERSION}` and options that this one has (slipway config shows them)"
        )


def _read(path: Path) -> dict[str, object]:
    try:
        data = path.read_bytes()
        return tomllib.loads(data.decode())
    except OSError as error:
        raise InvalidConfiguration(f"the configuration file {path} can't be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InvalidConfiguration(f"{path} is no TOML: what is no UTF-8 (at line {line})") from None
    except tomllib.TOMLDecodeError as error:
        last = data.count(b"\n") + 1
        why = str(error).replace("at end of document", f"at line {last}, the end")
        raise InvalidConfiguration(f"{path} is no TOML: {why}") from None
    except RecursionError:
        raise InvalidConfiguration(f"{path} is no TOML that can be read: it is nested too deeply") from None


def _is(value: object, kind: type) -> bool:
    if kind is list:
        return isinstance(value, list) and all(isinstance(each, str) for each in value)
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)


def _shown(value: object) -> str:
    shown = {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)
    return shown if len(shown) <= 100 else f"{shown[:100]}..."


def _list(name: str, value: str) -> list[str]:
    return list(filter(None, re.split(_SEPARATORS.get(name, r"\s+"), value.strip())))


def _is_of_kubernetes(name: str, value: str) -> bool:
    return bool(_OF_SERVICE.fullmatch(name) or (name.endswith("_PORT") and _SERVICE_ADDRESS.fullmatch(value)))


def _meant(name: str, kinds: Kinds, spelt: Callable[[str], str] = str) -> str:
    """The end of a sentence, with Triton's names too, which are other words for the same."""
    of_triton = in_our_words(f"--{name.replace('_', '-')}").removeprefix("--").replace("-", "_")
    longer = [each for each in kinds if each.endswith(f"_{name}")]
    near = ([of_triton] if of_triton in kinds else []) or longer or difflib.get_close_matches(name, kinds, n=1)
    return f"; did you mean {spelt(near[0])}?" if near else ""
