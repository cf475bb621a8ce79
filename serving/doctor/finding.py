"""What was looked at, how it is, and what to do about it. Rule: whatever is not well says in one line what mends it."""

from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    OK = "ok"
    WARNING = "warning"
    """A server runs; not as well, or not as safely, as it could."""
    PROBLEM = "problem"
    """It does not start, or not all that was asked for works."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`fix` is "" for what is well, else a command, or an option and what to do with it."""

    grade: Grade
    what: str
    says: str
    fix: str = ""


def ok(what: str, says: str) -> Finding:
    return Finding(Grade.OK, what, says)


def warning(what: str, says: str, fix: str) -> Finding:
    return Finding(Grade.WARNING, what, says, fix)


def problem(what: str, says: str, fix: str) -> Finding:
    return Finding(Grade.PROBLEM, what, says, fix)
