"""Where helm, kubectl and the linters are. Rule: what `make` put into `.venv/tools` comes before the machine's."""

import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / ".venv" / "tools"
HELM = TOOLS / "helm"
LINT = TOOLS / "lint"


def program(name: str) -> str | None:
    """Its path, or None where it is not installed."""
    ours = (folder / name for folder in (HELM, LINT / "bin"))
    return next((str(path) for path in ours if path.is_file()), None) or shutil.which(name)
