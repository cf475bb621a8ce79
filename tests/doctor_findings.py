"""What `serving.doctor` found, for tests of its areas."""

from collections.abc import Iterable

from serving.doctor.finding import Finding, Grade


def grades(findings: Iterable[Finding]) -> dict[str, Grade]:
    """By what was looked at. Whatever is not well says what mends it."""
    findings = list(findings)
    assert all(bool(each.fix) == (each.grade is not Grade.OK) for each in findings), findings
    return {each.what: each.grade for each in findings}


def troubles(findings: Iterable[Finding]) -> list[Finding]:
    return [each for each in findings if each.grade is not Grade.OK]
