from pathlib import Path

from training.group import ALONE
from training.runs import Run


def run_in(folder: Path) -> Run:
    """A run of its own, of this process alone."""
    run = Run(folder / "run", {}, ALONE, goes_on=False)
    run.record(state="running")
    return run
