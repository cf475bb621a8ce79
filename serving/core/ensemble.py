"""Ensembles as config.pbtxt defines them: steps, each a model, joined by named tensors.

Source: Triton's core/src/model_config_utils.cc, whose words the errors are. Rule: what is wrong with an ensemble by
itself is found here, without a look at its models; those are `ensemble_models`' part.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from serving.core.model_config import ENSEMBLE, ModelConfig
from serving.errors import ModelLoadFailed


@dataclass(frozen=True, slots=True)
class Step:
    """One request to a model: its inputs and outputs, by its own names, and the ensemble's tensor that each is."""

    model_name: str
    model_version: str
    """"" for the newest."""
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Graph:
    """Steps by number, and what they wait for. Tensors that callers bring are not waited for."""

    steps: tuple[Step, ...]
    waits_for: tuple[frozenset[str], ...]
    """The tensors that other steps write, of each step."""
    readers: Mapping[str, tuple[int, ...]]
    """The steps that wait for a tensor."""


def is_ensemble(config: ModelConfig) -> bool:
    return bool(config.platform == ENSEMBLE or config.HasField("ensemble_scheduling"))


def steps(config: ModelConfig) -> tuple[Step, ...]:
    """None for models that are no ensembles."""
    return tuple(
        Step(
            str(step.model_name),
            "" if step.model_version == -1 else str(step.model_version),
            dict(step.input_map),
            dict(step.output_map),
        )
        for step in config.ensemble_scheduling.step
    )


def graph(config: ModelConfig) -> Graph:
    """Raises `ModelLoadFailed` for steps that don't lead from the inputs to the outputs."""
    _check_fields(config)
    found = steps(config)
    given = {str(tensor.name) for tensor in config.input}
    wanted = {str(tensor.name) for tensor in config.output}
    _check_written_once(config.name, found, given)
    waits_for = tuple(frozenset(step.inputs.values()) - given for step in found)
    _check_use(config.name, found, given, wanted)
    _check_order(config.name, found, waits_for)
    tensors = {tensor for names in waits_for for tensor in names}
    readers = {name: tuple(number for number, names in enumerate(waits_for) if name in names) for name in tensors}
    return Graph(found, waits_for, readers)


def _check_fields(config: ModelConfig) -> None:
    name = config.name
    if config.platform != ENSEMBLE:
        raise ModelLoadFailed(f"ensemble scheduling cannot be set for model '{name}' whose platform is not {ENSEMBLE}")
    if config.backend:
        raise ModelLoadFailed(f"unexpected 'platform' and 'backend' pair, got: {config.platform}, {config.backend}")
    if not config.HasField("ensemble_scheduling"):
        raise ModelLoadFailed(f"ensemble scheduling must be set for ensemble '{name}' whose platform is {ENSEMBLE}")
    for field, words in (("instance_group", "instance group"), ("model_warmup", "model_warmup")):
        if getattr(config, field):
            raise ModelLoadFailed(f"{words} should not be specified for ensemble '{name}', whose models have their own")
    if not config.ensemble_scheduling.step:
        raise ModelLoadFailed(f"must specify 'step' for ensemble '{name}'")
    for number, step in enumerate(config.ensemble_scheduling.step):
        for field in ("model_name", "input_map", "output_map"):
            if not getattr(step, field):
                raise ModelLoadFailed(f"must specify '{field}' in step {number} of ensemble '{name}'")
        if step.model_version < -1:
            raise ModelLoadFailed(
                f"'model_version' in step {number} of ensemble '{name}' must be a version, or -1 for the newest, "
                f"got {step.model_version}"
            )
        if "" in (*step.input_map, *step.input_map.values(), *step.output_map, *step.output_map.values()):
            raise ModelLoadFailed(f"step {number} of ensemble '{name}' maps a tensor without a name")


def _check_written_once(ensemble: str, found: Iterable[Step], given: set[str]) -> None:
    written = set(given)
    for number, step in enumerate(found):
        for tensor in step.outputs.values():
            if tensor in given:
                raise ModelLoadFailed(
                    f"ensemble tensor '{tensor}' is an input of ensemble '{ensemble}', and step {number} writes it too"
                )
            if tensor in written:
                raise ModelLoadFailed(
                    f"ensemble tensor '{tensor}' can appear in an output map only once for ensemble '{ensemble}' "
                    f"step {number}"
                )
            written.add(tensor)


def _check_use(ensemble: str, found: tuple[Step, ...], given: set[str], wanted: set[str]) -> None:
    read = {tensor for step in found for tensor in step.inputs.values()}
    written = {tensor for step in found for tensor in step.outputs.values()}
    for tensor in sorted(given - read):
        raise ModelLoadFailed(f"ensemble input '{tensor}' for ensemble '{ensemble}' is not used")
    for tensor in sorted(wanted - written):
        raise ModelLoadFailed(
            f"output '{tensor}' for ensemble '{ensemble}' is not written: no step has it in its output_map"
        )
    for number, step in enumerate(found):
        for tensor in step.inputs.values():
            if tensor not in written | given:
                raise ModelLoadFailed(
                    f"ensemble tensor '{tensor}' is never written in ensemble '{ensemble}', and step {number} "
                    f"({step.model_name}) reads it"
                )
    for tensor in sorted(written - read - wanted):
        raise ModelLoadFailed(f"ensemble tensor '{tensor}' is unused in ensemble '{ensemble}'")


def _check_order(ensemble: str, found: tuple[Step, ...], waits_for: tuple[frozenset[str], ...]) -> None:
    written: set[str] = set()
    waiting = set(range(len(found)))
    while ready := {number for number in waiting if waits_for[number] <= written}:
        waiting -= ready
        written |= {tensor for number in ready for tensor in found[number].outputs.values()}
    if waiting:
        names = ", ".join(f"{number} ({found[number].model_name})" for number in sorted(waiting))
        raise ModelLoadFailed(f"steps of ensemble '{ensemble}' wait for one another: {names}")
