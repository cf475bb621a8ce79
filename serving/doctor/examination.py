"""All that `slipway doctor` looks at, in the order in which it is told.

Rule: an area that can't be looked at is a problem of its own, and keeps nobody from seeing the others.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from shlex import quote

from serving.commands.access_config import InvalidAccess, with_keys_of
from serving.doctor import access, certificates, files, machine, models, packages, ports, runtimes
from serving.doctor.finding import Finding, problem
from serving.settings import Settings

Findings = dict[str, list[Finding]]
"""By area."""


def examine(settings: Settings, api_key_file: Path | None) -> Findings:
    keys: list[Finding] = []
    if api_key_file is not None:
        try:
            settings = replace(settings, access=with_keys_of(api_key_file, settings.access))
        except InvalidAccess as error:
            keys = [problem("--api-key-file", str(error).removeprefix("--api-key-file: "), _mends(api_key_file))]
    areas: dict[str, Callable[[], list[Finding]]] = {
        "machine": lambda: machine.examine(settings),
        "packages": lambda: packages.examine(settings.tracing),
        "runtimes": lambda: runtimes.examine(settings.require_gpu),
        "ports": lambda: ports.examine(settings),
        "access": lambda: [*keys, *([] if keys else access.examine(settings))],
        "encryption": lambda: certificates.examine(settings.access.certificates, time.time()),
        "files": lambda: files.examine(settings, api_key_file),
        "models": lambda: models.examine(settings),
    }
    return {area: found for area, look in areas.items() if (found := _seen(look))}


def _mends(api_key_file: Path) -> str:
    if not api_key_file.exists():
        return f"slipway keys new NAME --file {quote(str(api_key_file))}"
    return f"mend {quote(str(api_key_file))}: what `slipway keys new NAME` prints is an entry as it should be"


def _seen(look: Callable[[], list[Finding]]) -> list[Finding]:
    try:
        return look()
    except OSError as error:  # what vanished or may not be read, where nobody expected it
        return [problem("looking", f"failed: {error}", "see whether this user may read it")]
