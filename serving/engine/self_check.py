"""Does a version still answer as it did when it was published? Its golden rows, through the instances that will serve.

Rule: a version that answers otherwise gets no traffic.
"""

from collections.abc import Iterable
from pathlib import Path

from serving.backends.backend import ModelInstance
from serving.core import golden
from serving.core.golden import GoldenRows
from serving.core.model_config import ModelConfig
from serving.errors import ModelLoadFailed


def self_check(instances: Iterable[ModelInstance], config: ModelConfig, directory: Path) -> bool:
    """Whether a version's `directory` has golden rows, all of which every instance answers. Raises `ModelLoadFailed`.

    They run in the largest batches that the config allows, and the first also alone.
    """
    path = directory / golden.FILENAME
    if not path.is_file() or config.HasField("sequence_batching") or config.model_transaction_policy.decoupled:
        return False
    try:
        expected = golden.decode(path.read_bytes())
    except OSError as error:
        raise ModelLoadFailed(f"{golden.FILENAME} can't be read: {error.strerror}") from None
    optional = {str(tensor.name) for tensor in config.input if tensor.optional}
    size = config.max_batch_size or expected.rows
    batches = [expected.slice(start, size) for start in range(0, expected.rows, size)]
    for instance in instances:
        _check_names(expected, {spec.name for spec in instance.inputs}, optional)
        for rows in (*batches, *([expected.slice(0, 1)] if config.max_batch_size else [])):
            _check(instance, rows)
    return True


def _check_names(rows: GoldenRows, names: set[str], optional: set[str]) -> None:
    if not names - optional <= rows.inputs.keys() <= names:
        raise ModelLoadFailed(
            f"{golden.FILENAME} has the inputs {', '.join(rows.inputs)}, the model takes {', '.join(sorted(names))}"
        )


def _check(instance: ModelInstance, rows: GoldenRows) -> None:
    try:
        answered = instance.run(rows.inputs)
    except Exception as error:  # a model may raise anything
        raise ModelLoadFailed(f"the self-check failed: the model can't answer its golden rows: {error}") from error
    difference = golden.difference(rows, answered)
    if difference:
        raise ModelLoadFailed(f"the self-check failed: {difference}")
