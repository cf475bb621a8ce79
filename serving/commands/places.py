"""Where the models are that a command is about. Rule: the command line comes before the environment."""

import os

DEFAULT = "model_repository"
VARIABLE = "SLIPWAY_MODEL_REPOSITORY"

HELP = (
    "Folder with one folder per model, or an address (s3://, gs://, az://, http://); may be several. "
    f"Unless named here, what {VARIABLE} holds, with commas between several; else {DEFAULT}."
)


def chosen(named: list[str]) -> list[str]:
    """All that the command line names; else those of the environment, else the default."""
    return named or [place for place in os.environ.get(VARIABLE, "").split(",") if place] or [DEFAULT]
