"""Models that take rows of a table, whose columns `columns.json` names. Rule: the columns fit the model's input."""

from pathlib import Path

from serving.core import columns
from serving.core.columns import Column
from serving.core.model_config import ModelConfig, input_specs
from serving.engine.servable import Servable
from serving.engine.served_model import ServedModel
from serving.errors import ModelLoadFailed

Columns = tuple[Column, ...]


def read_columns(config: ModelConfig, directory: Path) -> Columns:
    """None of them for a model without the file. Raises `ModelLoadFailed` where they don't fit it."""
    path = directory / columns.FILENAME
    if not path.is_file():
        return ()
    found, inputs = columns.decode(path.read_bytes()), input_specs(config)
    if len(inputs) != 1 or inputs[0].datatype != "FP32" or inputs[0].shape not in ((-1, len(found)), (len(found),)):
        raise ModelLoadFailed(
            f"{columns.FILENAME} has {len(found)} columns, for one input of FP32 [{len(found)}] in a batch; the model "
            f"takes {', '.join(map(str, inputs))}"
        )
    return found


def columns_of(model: Servable) -> Columns:
    return model.columns if isinstance(model, ServedModel) else ()
