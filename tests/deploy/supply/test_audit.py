import json
from pathlib import Path

from deploy.supply.audit import apart, ask, pins, read, verdict

CLEAN = {"name": "a", "version": "1", "vulns": []}
KNOWN = {"name": "b", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"]}, {"id": "GHSA-2"}]}
UNASKED = {"name": "c", "skip_reason": "Dependency not found on PyPI and could not be audited: c (3)"}


def told(*rows: object) -> tuple[list[str], bool]:
    return verdict([read(json.dumps({"dependencies": rows}))])


def test_only_what_was_asked_about_is_clean() -> None:
    assert told(CLEAN) == (["Clean: nothing is known of any of 1 releases."], True)
    lines, is_clean = told(CLEAN, UNASKED)
    assert not is_clean
    assert lines[0].startswith("NOT KNOWN: the service has no answer for 1 of 2 packages. Run `make audit` where")


def test_what_is_known_is_named_with_the_release_that_mends_it() -> None:
    lines, is_clean = told(CLEAN, KNOWN)
    assert not is_clean
    assert lines == ["b 2: PYSEC-1, mended in 2.1; GHSA-2, not mended yet", "`make lock` pins newer releases."]


def test_where_pip_audit_is_not_installed_that_is_said(tmp_path: Path) -> None:
    said = ask("pypi", ["a==1"], tmp_path, tmp_path / "python")
    assert said == f"{tmp_path}/python is not there; `make audit` installs pip-audit"


def test_all_that_is_pinned_is_asked_about_each_package_once_at_a_time() -> None:
    text = "a==1 ; python_version < '3.12'\na==2 ; python_version >= '3.12'\nb==3 \\\n    --hash=sha256:0\n# c==1\n"
    assert pins(text) == ["a==1", "a==2", "b==3"]
    assert apart(pins(text)) == [["a==1", "b==3"], ["a==2"]]
