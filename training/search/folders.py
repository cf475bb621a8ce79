"""Where searches are: a folder for each question that was asked of a recipe.

    runs/digits-cnn/search/2/search.json     what is searched, and around which parameters
                             trials.db       the trials
                             trials/7        a trial, as a run
                             best.toml       for `slipway train --config`

Rule: who asks the same goes on with the last search; another question is another search.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training import files, readable_json
from training.search.trials import alone

_QUESTION = "search.json"


def folder_for(root: Path, question: Mapping[str, Any], fresh: bool) -> Path:
    """In `root`; a new one where a `fresh` one is wanted."""
    root.mkdir(parents=True, exist_ok=True)
    asked = json.loads(json.dumps(question))
    with alone(root):
        last = max((int(path.name) for path in root.glob("*") if path.name.isdigit()), default=0)
        if last and not fresh and _question(root / str(last)) == asked:
            return root / str(last)
        folder = root / str(last + 1)
        files.replace(folder / _QUESTION, readable_json.encode(asked))
        return folder


def _question(folder: Path) -> Any:
    try:
        return json.loads((folder / _QUESTION).read_text())
    except (OSError, ValueError):
        return None
