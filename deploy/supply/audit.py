"""`make audit`: is a release that constraints.txt or a list of hashes pins known to be vulnerable?

Rule: what could not be asked about is not clean. pip-audit passes over a package that the service does not know, as a
mirror of PyPI without its advisories knows none, and ends with 0; here that is a failure.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[2]
_PYTHON = ROOT / ".venv" / "tools" / "audit" / "bin" / "python"
_LISTS = ("constraints.txt", "deploy/image/tools.txt")  # hashes.txt has the releases of the first
_SERVICES = ("pypi", "osv")
_PATIENCE = 600  # seconds
_HOW = (
    "Run `make audit` where PyPI itself, not a mirror of it, or OSV can be reached, "
    "or give the list of parts of an image, /opt/slipway/sbom.cdx.json, to a scanner that has advisories of its own."
)


@dataclass(frozen=True, slots=True)
class Audit:
    """`vulnerable` by package and release what is known, `unasked` the packages that nothing is known of."""

    asked: int
    vulnerable: Mapping[str, tuple[str, ...]]
    unasked: tuple[str, ...]


def pins(text: str) -> list[str]:
    """Every release that a file pins, for whatever Python and system."""
    return sorted({"==".join(pin) for pin in re.findall(r"^([\w.-]+)==([^\s;\\]+)", text, re.M)})


def read(report: str) -> Audit:
    """What pip-audit writes as JSON."""
    rows = json.loads(report)["dependencies"]
    vulnerable = {
        f"{row['name']} {row['version']}": tuple(map(_told, row["vulns"])) for row in rows if row.get("vulns")
    }
    return Audit(len(rows), vulnerable, tuple(row["name"] for row in rows if "skip_reason" in row))


def verdict(audits: Iterable[Audit]) -> tuple[list[str], bool]:
    """In lines, and whether all is clean."""
    audits = list(audits)
    vulnerable = {name: told for audit in audits for name, told in audit.vulnerable.items()}
    asked, unasked = sum(audit.asked for audit in audits), [name for audit in audits for name in audit.unasked]
    lines = [f"{name}: {'; '.join(told)}" for name, told in vulnerable.items()]
    if unasked:
        lines.append(f"NOT KNOWN: the service has no answer for {len(unasked)} of {asked} packages. {_HOW}")
    elif not vulnerable:
        lines.append(f"Clean: nothing is known of any of {asked} releases.")
    else:
        lines.append("`make lock` pins newer releases.")
    return lines, not vulnerable and not unasked


def apart(pinned: Iterable[str]) -> list[list[str]]:
    """In lists that have each package once."""
    lists: list[dict[str, str]] = []
    for pin in pinned:
        name = pin.partition("==")[0]
        free = next((each for each in lists if name not in each), None)
        if free is None:
            lists.append(free := {})
        free[name] = pin
    return [list(each.values()) for each in lists]


def _told(known: Mapping[str, object]) -> str:
    fixed = known.get("fix_versions") or []
    assert isinstance(fixed, list)
    return f"{known['id']}, {f'mended in {fixed[-1]}' if fixed else 'not mended yet'}"


def ask(service: str, pinned: list[str], folder: Path, python: Path = _PYTHON) -> Audit | str:
    """Or why nobody was asked. pip-audit takes each package once."""
    audits = []
    for number, each in enumerate(apart(pinned)):
        file = folder / f"{number}.txt"
        file.write_text("\n".join(each))
        command = [str(python), "-m", "pip_audit", "-r", str(file), "--no-deps", "--disable-pip"]
        command += ["--progress-spinner", "off", "-f", "json", "--vulnerability-service", service]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE)
        except FileNotFoundError:
            return f"{python} is not there; `make audit` installs pip-audit"
        except subprocess.TimeoutExpired:
            return f"no answer within {_PATIENCE} seconds"
        if not done.stdout.startswith("{"):
            return (done.stderr.strip().splitlines() or ["no answer"])[-1][:200]
        audits.append(read(done.stdout))
    vulnerable = {name: told for audit in audits for name, told in audit.vulnerable.items()}
    return Audit(len(pinned), vulnerable, tuple(name for audit in audits for name in audit.unasked))


def main() -> int:
    """0 only where every release was asked about, and nothing is known of any."""
    pinned = sorted({pin for name in _LISTS for pin in pins((ROOT / name).read_text())})
    with TemporaryDirectory() as folder:
        for service in _SERVICES:
            found = ask(service, pinned, Path(folder))
            if isinstance(found, Audit) and not found.unasked:
                break
            print(f"{service}: {found if isinstance(found, str) else f'no answer for {len(found.unasked)} packages'}")
    audits = [found] if isinstance(found, Audit) else [Audit(len(pinned), {}, tuple(pinned))]
    lines, is_clean = verdict(audits)
    print("\n".join(lines))
    return 0 if is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
