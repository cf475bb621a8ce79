"""Whether a custom resource is what its definition allows. See schemas/README.md."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs

FOLDER = Path(__file__).parent / "schemas"


def faults(resource: dict[str, Any]) -> list[str]:
    """What its kind's schema has to say of it, with where."""
    schema = json.loads((FOLDER / f"{resource['kind']}.json").read_text())
    errors = jsonschema_rs.validator_for(schema).iter_errors(resource)
    return [f"{'.'.join(map(str, error.instance_path))}: {error.message}" for error in errors]
