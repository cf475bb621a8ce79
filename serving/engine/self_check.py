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

    They are run one by one and all at once, as batches will be.
    """
    path = directory / golden.FILENAME
    if not path.is_file() or config.HasField("sequence_batching") or config.model_transaction_policy.decoupled:
        return False
    expected = golden.decode(path.read_bytes())
    sizes = (1, config.max_batch_size) if config.max_batch_size else (expected.rows,)
    for instance in instances:
        for rows in sizes:
            _check(instance, expected.first(rows))
    return True


def _check(instance: ModelInstance, rows: GoldenRows) -> None:
    names = {spec.name for spec in instance.inputs}
    if rows.inputs.keys() != names:
        raise ModelLoadFailed(
            f"{golden.FILENAME} has the inputs {', '.join(rows.inputs)}, the model takes {', '.join(sorted(names))}"
        )
    try:
        answered = instance.run(rows.inputs)
    except Exception as error:  # a model may raise anything
        raise ModelLoadFailed(f"the self-check failed: the model can't answer its golden rows: {error}") from error
    difference = golden.difference(rows, answered)
    if difference:
        raise ModelLoadFailed(f"the self-check failed: {difference}")
