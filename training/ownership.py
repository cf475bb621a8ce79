"""Whether a name is free for a model. Rule: what another recipe made is not written over, and that is told at once."""

import json
from pathlib import Path

from training.checkpoint_files import DESCRIPTION
from training.errors import InvalidConfig
from training.export.versions import versions

_MANIFEST = "manifest.json"


def check_free(recipe: str, checkpoint: Path, model: Path) -> None:
    """For `recipe` to write a checkpoint and a model's next version. Raises `InvalidConfig`."""
    described = _read(checkpoint / DESCRIPTION).get("recipe", recipe)
    if described != recipe:
        raise _taken(checkpoint, f"a checkpoint of {described}")
    newest = max(versions(model), default=None)
    lineage = {} if newest is None else _read(model / str(newest) / _MANIFEST).get("lineage")
    made_by = lineage.get("recipe", "no recipe") if isinstance(lineage, dict) and lineage else recipe
    if made_by != recipe:
        raise _taken(model, f"a model of {made_by}")


def _taken(path: Path, what: str) -> InvalidConfig:
    return InvalidConfig(f"{path} is {what}; give this one another --name")


def _read(path: Path) -> dict[str, object]:
    """Nothing of what is not there, or can't be read, which others complain about."""
    try:
        document = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}
