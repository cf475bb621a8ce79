"""The processes of a model's instances, where it has some: which are up, and how often one was started again.

Rule: a model in the server's own process has none, and nothing here costs it anything.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from serving.backends.backend import ModelInstance, Prove, SupervisedInstance


@dataclass(frozen=True, slots=True)
class Processes:
    """`restarts` is of all of them together, since the model was loaded; `lacks` says why none is up, and `are_in_vain`
    whether starting them again does not help either."""

    up: int
    restarts: int
    lacks: str
    are_in_vain: bool


def processes_of(instances: Sequence[ModelInstance]) -> Processes | None:
    supervised = _supervised(instances)
    if not supervised:
        return None
    missing = [words for each in supervised if (words := each.lacks)]
    up = len(supervised) - len(missing)
    are_in_vain = not up and all(each.restarts_are_in_vain for each in supervised)
    return Processes(up, sum(each.restarts for each in supervised), "" if up else missing[0], are_in_vain)


def prove_restarts(instances: Sequence[ModelInstance], prove: Prove) -> None:
    """Each process that takes the place of one of theirs has to pass it."""
    for instance in _supervised(instances):
        instance.prove_restarts(prove)


def are_up(instances: Sequence[ModelInstance]) -> list[Callable[[], bool]]:
    """Whether each of them is; empty where none is supervised."""
    return [_is_up(instance) for instance in _supervised(instances)]


def _supervised(instances: Sequence[ModelInstance]) -> list[SupervisedInstance]:
    return [instance for instance in instances if isinstance(instance, SupervisedInstance)]


def _is_up(instance: SupervisedInstance) -> Callable[[], bool]:
    return lambda: not instance.lacks
