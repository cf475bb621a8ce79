"""What is installed, beside what Slipway asks for.

Rule: only descriptions of packages are read; none is imported, since that may be what fails.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

import serving
from serving.core.trace_settings import OPENTELEMETRY
from serving.doctor.finding import Finding, ok, problem, warning
from serving.settings import Tracing

_NAME = "slipway-serving"
_PINS = Path(serving.__file__).parents[1] / "constraints.txt"  # in a checkout only
_ALTERNATIVES = ("onnxruntime", "onnxruntime-gpu")
_FOR_DEVELOPERS = "dev"


@dataclass(frozen=True, slots=True)
class Asked:
    """A requirement, and the extra that asks for it; "" for what every server needs."""

    requirement: Requirement
    extra: str = ""


def examine(tracing: Tracing) -> list[Finding]:
    try:
        found = distribution(_NAME)
    except PackageNotFoundError:
        fix = "pip install -c constraints.txt -e '.[cpu]' in the checkout"
        return [warning("packages", f"{_NAME} is not installed, so that nothing says what it needs", fix)]
    asked = list(_asked(found))
    releases = {each.requirement.name: _release(each.requirement.name) for each in asked}
    wanted = ("tracing",) if tracing.mode == OPENTELEMETRY else ()
    return judged(asked, releases, pinned(_PINS.read_text() if _PINS.is_file() else ""), wanted)


def judged(
    asked: Iterable[Asked],
    releases: Mapping[str, str | None],
    pins: Mapping[str, str],
    wanted: Collection[str] = (),
) -> list[Finding]:
    """`releases` are those that are installed, None for none; `pins` those that the tests ran with. `wanted` are extras
    that the server's options need."""
    asked = list(asked)
    wrong = [finding for each in asked if (finding := _wrong(each, releases[each.requirement.name], wanted))]
    extras = {each.extra: True for each in asked if each.extra}
    for each in asked:
        if each.extra and releases[each.requirement.name] is None:
            extras[each.extra] = False
    findings = [*dict.fromkeys(wrong), *_both(releases)]
    if not findings:
        findings = [ok("packages", f"{sum(release is not None for release in releases.values())} as they are needed")]
    return [*findings, *_unlike(releases, pins), _extras(extras)]


def pinned(constraints: str) -> dict[str, str]:
    """Of the lines that are for this Python and this system."""
    pins = [Requirement(line) for line in constraints.splitlines() if line.strip() and not line.startswith("#")]
    return {pin.name: str(pin.specifier).removeprefix("==") for pin in pins if not pin.marker or pin.marker.evaluate()}


def _wrong(asked: Asked, release: str | None, wanted: Collection[str]) -> Finding | None:
    needs = asked.requirement
    fix = f"pip install '{needs.name}{needs.specifier}'"
    if release is None and not asked.extra:
        return problem(needs.name, "is not installed, and every server needs it", fix)
    if release is None:
        fix = f"pip install '{_NAME}[{asked.extra}]'"
        says = "is not installed, and an option of this server needs it"
        return problem(needs.name, says, fix) if asked.extra in wanted else None
    if needs.specifier.contains(Version(release), prereleases=True):
        return None
    return problem(needs.name, f"{release} is installed, {needs.specifier} is needed", fix)


def _both(releases: Mapping[str, str | None]) -> list[Finding]:
    if any(releases.get(name) is None for name in _ALTERNATIVES):
        return []
    one, other = _ALTERNATIVES
    fix = f"pip uninstall -y {one} {other}, then pip install one of them"
    return [problem(one, f"and {other} are both installed, and write the same files", fix)]


def _unlike(releases: Mapping[str, str | None], pins: Mapping[str, str]) -> list[Finding]:
    """What is fine, and was not tested."""
    others = [
        f"{name} {release} ({pins[name]})"
        for name, release in releases.items()
        if release is not None and name in pins and Version(release).public != pins[name]
    ]
    if not others:
        return []
    says = f"{', '.join(others)}: in parentheses what the tests ran with"
    return [warning("releases", says, "pip install -c constraints.txt -e '.[...]' with your extras")]


def _extras(extras: Mapping[str, bool]) -> Finding:
    there = ", ".join(sorted(name for name, is_there in extras.items() if is_there)) or "none"
    absent = ", ".join(sorted(name for name, is_there in extras.items() if not is_there))
    return ok("extras", f"{there}; not installed: {absent}" if absent else there)


def _asked(found: Distribution) -> Iterator[Asked]:
    extras = [name for name in found.metadata.get_all("Provides-Extra") or [] if name != _FOR_DEVELOPERS]
    for requirement in map(Requirement, found.requires or ()):
        marker = requirement.marker
        if requirement.name == _NAME:
            continue  # extras that consist of others
        if marker is None or marker.evaluate({"extra": ""}):
            yield Asked(requirement)
        else:
            yield from (Asked(requirement, extra) for extra in extras if marker.evaluate({"extra": extra}))


def _release(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
