"""`python -m tests.fuzz`: every target for so many seconds. Exit code 1 where something was found.

Rule: what was found is in the corpus afterwards, so that the test suite fails until it is mended.
"""

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.status import Status

from tests.fuzz.corpus import CORPUS, inputs
from tests.fuzz.targets import TARGETS

_ROOT = CORPUS.parents[2]
_LONGEST = 4096  # bytes of an input
_SLOW = 10  # seconds that one may take
_MEMORY = 3000  # MB that the process may have
_STATE = re.compile(r"#(\d+)\s.*?cov: (\d+).*?corp: (\d+)/.*?exec/s: (\d+)")
_WRITTEN = re.compile(r"Test unit written to (\S+)")
_WORD = re.compile(rb'"[ -!#-\[\]-~]{1,40}"|[A-Za-z_][\w.:-]{2,40}')
_LAST_WORDS = 30  # lines


@dataclass(frozen=True, slots=True)
class Fuzzed:
    """`state` is in libFuzzer's figures; `found` are its inputs that failed."""

    state: str
    found: list[Path]
    last_words: str


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    options.add_argument("targets", nargs="*", default=list(TARGETS), metavar="TARGET", help=", ".join(TARGETS))
    options.add_argument("--seconds", type=int, default=60, help="for each target")
    options.add_argument(
        "--folder", type=Path, default=_ROOT / ".venv" / "fuzz", help="what reached new code is kept here"
    )
    asked = options.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 120)
    found: list[Path] = []
    for number, target in enumerate(asked.targets, 1):
        with console.status("") as status:
            title = f"{number} of {len(asked.targets)}: {target}"
            done = fuzzed(target, asked.seconds, asked.folder / target, status, title)
        console.print(f"{target:20}{done.state}", highlight=False)
        found += done.found
        if done.found:
            console.print(done.last_words, markup=False, highlight=False)
    for path in found:
        console.print(f"[red]found: {path.relative_to(_ROOT)}[/red]", highlight=False)
    return bool(found)


def fuzzed(target: str, seconds: int, folder: Path, status: Status, title: str) -> Fuzzed:
    folder.mkdir(parents=True, exist_ok=True)
    dictionary = folder.with_suffix(".dict")
    dictionary.write_text("".join(f'"{word}"\n' for word in sorted({*_words(target), "x"})))  # an empty one is refused
    command = [sys.executable, "-m", "tests.fuzz.fuzzing", target, f"-max_total_time={seconds}", f"-max_len={_LONGEST}"]
    command += [f"-timeout={_SLOW}", f"-rss_limit_mb={_MEMORY}", f"-dict={dictionary}"]
    command += [f"-artifact_prefix={CORPUS / target}/", str(folder), str(CORPUS / target)]
    lines, found, state = list[str](), list[Path](), "did not run"
    with subprocess.Popen(
        command,
        cwd=_ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=os.environ,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines = [*lines[1 - _LAST_WORDS :], line]
            if figures := _STATE.search(line):
                runs, covered, kept, rate = figures.groups()
                state = f"{int(runs):>10,} runs, {int(rate):>6,} a second, {covered} branches, {kept} inputs"
                status.update(f"{title}: {state}")
            if written := _WRITTEN.search(line):
                found.append(Path(written[1]))
    if process.returncode and not found:
        raise SystemExit(f"{target} did not run:\n{''.join(lines)}")
    return Fuzzed(state, found, "".join(lines))


def _words(target: str) -> Iterator[str]:
    """Of its sound inputs, from which others can be put together; in libFuzzer's spelling."""
    for path in inputs(target):
        for word in _WORD.findall(path.read_bytes()):
            yield word.decode().replace("\\", "\\\\").replace('"', '\\"')


if __name__ == "__main__":
    sys.exit(main())
