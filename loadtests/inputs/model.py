"""What a server says of a model, as far as requests need it. Rule: what a server does not say is as usual."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from loadtests.asking import CannotTest
from serving.core.columns import Column
from serving.core.requests import TensorSpec

GENERATES = "generation.task"
"""The parameter of a config that a model which writes has."""


@dataclass(frozen=True, slots=True)
class Model:
    """Shapes are whole, as the metadata has them: with the batch dimension of a model that has a `max_batch_size`.
    `optional` are names of inputs."""

    name: str
    inputs: tuple[TensorSpec, ...] = ()
    outputs: tuple[TensorSpec, ...] = ()
    max_batch_size: int = 0
    optional: frozenset[str] = frozenset()
    parameters: Mapping[str, str] = field(default_factory=dict)
    decoupled: bool = False
    takes_sequences: bool = False

    @property
    def writes(self) -> bool:
        return GENERATES in self.parameters or not self.inputs

    @property
    def reads_texts(self) -> bool:
        """By a tokenizer beside the model."""
        return any(spec.name == "input_ids" for spec in self.inputs)

    @property
    def batches(self) -> bool:
        """Whether tensors have a batch dimension; a plain server does not tell a `max_batch_size`."""
        return bool(self.max_batch_size) or all(len(spec.shape) > 1 and spec.shape[0] == -1 for spec in self.inputs)

    def own_shape(self, spec: TensorSpec) -> tuple[int, ...]:
        """Of one example, without the batch dimension."""
        return spec.shape[1:] if self.batches else spec.shape


@dataclass(frozen=True, slots=True)
class WordCost:
    """A text of n words has `own + n * each` tokens."""

    own: float = 0.0
    each: float = 1.0

    def words(self, tokens: int) -> int:
        return max(1, round((tokens - self.own) / self.each))


@dataclass(frozen=True, slots=True)
class Learnt:
    """What was found out of a model by asking it: a table's `columns`, some `items` that can be recommended, how many
    tokens words are, and how many a text may have with its answer (0: nobody said)."""

    columns: tuple[Column, ...] = ()
    items: tuple[str, ...] = ()
    cost: WordCost = WordCost()
    max_length: int = 0


def from_documents(metadata: Any, config: Any) -> Model:
    """`config` is {} where the server tells none. Raises `CannotTest`."""
    try:
        inputs, outputs = (tuple(map(_spec, metadata[field])) for field in ("inputs", "outputs"))
        name = str(metadata["name"])
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise CannotTest(
            f"the model's metadata lacks what inputs are made from ({error!r}): {metadata}"[:300]
        ) from None
    policy = config.get("model_transaction_policy") or {}
    return Model(
        name,
        inputs,
        outputs,
        int(config.get("max_batch_size") or 0),
        frozenset(each["name"] for each in config.get("input", ()) if each.get("optional")),
        {key: str(each.get("string_value", "")) for key, each in (config.get("parameters") or {}).items()},
        bool(policy.get("decoupled")),
        "sequence_batching" in config,
    )


def _spec(tensor: Any) -> TensorSpec:
    return TensorSpec(tensor["name"], tensor["datatype"], tuple(int(dim) for dim in tensor["shape"]))
