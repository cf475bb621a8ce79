"""docs/reliability.md names tests that there are, for every fault that is caused here and every threat."""

import ast
import re
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "reliability.md").read_text()
NAMED = sorted(set(re.findall(r"`([\w/]+\.py)::(\w+)`", PAGE)))


@cache
def functions(path: Path) -> frozenset[str]:
    """None of a file that is not there."""
    tree = ast.parse(path.read_text() if path.is_file() else "")
    made = [it.targets[0] for it in tree.body if isinstance(it, ast.Assign)]  # as hypothesis makes one of a machine
    machines = (name.id for name in made if isinstance(name, ast.Name) and name.id.startswith("Test"))
    return frozenset(
        [*(it.name for it in tree.body if isinstance(it, ast.FunctionDef | ast.AsyncFunctionDef)), *machines]
    )


def table(heading: str) -> list[list[str]]:
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.*) \|$", section, re.MULTILINE)[1:]
    return [row.split(" | ") for row in rows]


def test_the_tests_that_the_page_names_are_there() -> None:
    assert len(NAMED) > 50
    assert [f"{file}::{name}" for file, name in NAMED if name not in functions(TESTS / file)] == []


def test_every_fault_and_every_threat_has_a_test() -> None:
    faults = [row for row in table("Faults") if len(row) == 4]
    assert len(faults) > 20
    assert [row[0] for row in table("Threats")] == [str(number) for number in range(1, 32)]
    assert all(re.search(r"`[\w/]+\.py::\w+`", row[3]) for row in [*faults, *table("Threats")])


def test_every_fault_that_is_caused_here_is_on_the_page() -> None:
    caused = {
        (f"faults/{path.name}", name)
        for path in TESTS.glob("faults/test_*.py")
        for name in functions(path)
        if name.startswith("test_") and path != Path(__file__)
    }
    assert caused <= set(NAMED)
