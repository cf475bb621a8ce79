"""The stored inputs: where fuzzing begins, and what ever failed. Rule: small, and replayed in every test run."""

from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"


def inputs(target: str) -> list[Path]:
    return sorted((CORPUS / target).iterdir())
