"""Which steps of an ensemble may start when, and what each is given.

Rule: a step starts once, as soon as the last tensor that it waits for is there; arrays go from step to step uncopied.
"""

from collections.abc import Mapping

import numpy as np

from serving.core.ensemble import Graph
from serving.core.requests import Arrays, TensorSpec


class Progress:
    """One request on its way through an ensemble. Steps are known by their number in the graph."""

    def __init__(self, graph: Graph, given: Arrays) -> None:
        """`given` are the ensemble's inputs."""
        self._graph = graph
        self._missing = [len(names) for names in graph.waits_for]
        self.tensors = dict(given)
        """All that there are so far."""

    def __repr__(self) -> str:
        return f"<Progress {len(self.tensors)} tensors, {sum(map(bool, self._missing))} steps wait>"

    def first(self) -> list[int]:
        """The steps that may start at once."""
        return [number for number, missing in enumerate(self._missing) if not missing]

    def finished(self, number: int, outputs: Arrays) -> list[int]:
        """A step's outputs, by its model's names, have come; the steps that may start now."""
        ready = []
        for name, tensor in self._graph.steps[number].outputs.items():
            self.tensors[tensor] = outputs[name]
            for reader in self._graph.readers.get(tensor, ()):
                self._missing[reader] -= 1
                if not self._missing[reader]:
                    ready.append(reader)
        return ready

    def inputs(self, number: int, specs: Mapping[str, TensorSpec], has_batch: bool) -> Arrays:
        """What a step is given, by its model's names. `specs` are the model's, `has_batch` whether it batches."""
        return {
            name: as_taken(self.tensors[tensor], specs.get(name), has_batch)
            for name, tensor in self._graph.steps[number].inputs.items()
        }


def as_taken(array: np.ndarray, spec: TensorSpec | None, has_batch: bool) -> np.ndarray:
    """Between models that batch and models that don't, one row is a batch of one row, as in Triton.

    Whatever else does not fit `spec` stays as it is, for the model to refuse.
    """
    if spec is None:
        return array
    if has_batch and array.ndim == len(spec.shape) - 1:
        return array[np.newaxis]
    if not has_batch and array.ndim == len(spec.shape) + 1 and len(array) == 1:
        one: np.ndarray = array[0]
        return one
    return array
