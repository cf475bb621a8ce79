"""Do an ensemble's models fit together, and in which order must models be loaded so that each finds what it needs?

Source: Triton's core/src/ensemble_utils.cc, whose words the errors are. Rule: pure; who has the configs hands them in.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from serving.core.datatypes import to_config
from serving.core.ensemble import Step, steps
from serving.core.model_config import ModelConfig, input_specs, output_specs
from serving.core.requests import TensorSpec, format_shape
from serving.errors import ModelLoadFailed

Needs = Callable[[str], Iterable[str]]
"""The models that a model needs; none, unless it is an ensemble."""


@dataclass(frozen=True, slots=True)
class _Use:
    """A tensor as one model sees it; its shape has a batch dimension in front where the model batches."""

    model: str
    spec: TensorSpec
    has_batch: bool

    @property
    def dims(self) -> tuple[int, ...]:
        return self.spec.shape[1:] if self.has_batch else self.spec.shape


def check_models(config: ModelConfig, models: Sequence[ModelConfig]) -> None:
    """`models` are those of the steps, in their order. Raises `ModelLoadFailed` naming the model and the tensor."""
    own_inputs = {tensor.name: tensor.name for tensor in config.input}
    own_outputs = {tensor.name: tensor.name for tensor in config.output}
    seen = dict(_uses(config.name, config, own_inputs, own_outputs))
    for step, model in zip(steps(config), models, strict=True):
        if model.model_transaction_policy.decoupled:
            raise ModelLoadFailed(
                f"ensemble {config.name} contains model {step.model_name}, which is decoupled; the model of a step "
                "must answer exactly once"
            )
        if model.max_batch_size < config.max_batch_size:
            raise ModelLoadFailed(
                f"ensemble {config.name} allows maximum batch size {config.max_batch_size}, but it contains model "
                f"{step.model_name} which only allows maximum batch size to be {model.max_batch_size}"
            )
        _check_mapping(config.name, step, model)
        for tensor, use in _uses(step.model_name, model, step.inputs, step.outputs):
            _check_consistency(config.name, tensor, seen.setdefault(tensor, use), use)


def needed(config: ModelConfig) -> tuple[str, ...]:
    """The models of the steps, each once."""
    return tuple(dict.fromkeys(step.model_name for step in steps(config)))


def load_order(names: Iterable[str], needs: Needs) -> list[str]:
    """Those models and the ones that they need, each after what it needs; where they go round in circles, in any."""
    order: dict[str, None] = {}
    begun: set[str] = set()

    def add(name: str) -> None:
        if name not in begun:
            begun.add(name)
            for other in needs(name):
                add(other)
            order[name] = None

    for name in names:
        add(name)
    return list(order)


def check_no_circle(name: str, needs: Needs) -> None:
    """Raises `ModelLoadFailed` when a model needs itself, through whichever others."""
    path = _path_back(name, name, needs, set())
    if path:
        raise ModelLoadFailed(f"circular dependency between ensembles: {' -> '.join(path)}")


def only_needed_by(name: str, needs: Needs, others: Iterable[str]) -> list[str]:
    """What a model needs and no other does, in the order in which it can be unloaded: each before what it needs."""
    own = [each for each in reversed(load_order([name], needs)) if each != name]
    kept = set(load_order([other for other in others if other != name and other not in own], needs))
    return [each for each in own if each not in kept]


def _path_back(start: str, name: str, needs: Needs, seen: set[str]) -> list[str]:
    for other in needs(name):
        if other == start:
            return [name, other]
        if other not in seen:
            seen.add(other)
            rest = _path_back(start, other, needs, seen)
            if rest:
                return [name, *rest]
    return []


def _uses(
    model: str, config: ModelConfig, inputs: Mapping[str, str], outputs: Mapping[str, str]
) -> Iterator[tuple[str, _Use]]:
    """By the ensemble's names, which `inputs` and `outputs` give for the model's own."""
    has_batch = config.max_batch_size > 0
    for specs, names in ((input_specs(config), inputs), (output_specs(config), outputs)):
        yield from ((names[spec.name], _Use(model, spec, has_batch)) for spec in specs if spec.name in names)


def _check_mapping(ensemble: str, step: Step, model: ModelConfig) -> None:
    for kind, maps, tensors in (("input", step.inputs, model.input), ("output", step.outputs, model.output)):
        known = [tensor.name for tensor in tensors]
        for name, tensor in maps.items():
            if name not in known:
                raise ModelLoadFailed(
                    f"in ensemble {ensemble}, ensemble tensor {tensor} is mapping to non-existing {kind} {name} in "
                    f"model {step.model_name}, which has: {', '.join(known)}"
                )
    for tensor in model.input:
        if tensor.name not in step.inputs and not tensor.optional:
            raise ModelLoadFailed(
                f"in ensemble {ensemble}, input {tensor.name} in model {step.model_name} is not mapped to any ensemble "
                "tensors"
            )


def _check_consistency(ensemble: str, tensor: str, first: _Use, second: _Use) -> None:
    where = f"in ensemble {ensemble}, ensemble tensor {tensor}: inconsistent"
    if first.spec.datatype != second.spec.datatype:
        raise ModelLoadFailed(
            f"{where} data type: {to_config(first.spec.datatype)} is inferred from model {first.model} while "
            f"{to_config(second.spec.datatype)} is inferred from model {second.model}"
        )
    if not (_agree(first.dims, second.dims) or _agree(first.spec.shape, second.spec.shape)):
        raise ModelLoadFailed(
            f"{where} shape: {format_shape(first.spec.shape)} is inferred from model {first.model} while "
            f"{format_shape(second.spec.shape)} is inferred from model {second.model}"
        )


def _agree(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return len(one) == len(other) and all(-1 in pair or pair[0] == pair[1] for pair in zip(one, other, strict=True))
