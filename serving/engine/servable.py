"""What a model's version offers to whoever asks it, be it one model with its threads or an ensemble of others.

Rule: what is in here is all that transports, metrics and the registry know of it.
"""

from collections.abc import AsyncGenerator, Mapping
from typing import Protocol

from serving.core.model_config import ModelConfig
from serving.core.requests import InferRequest, InferResponse, TensorSpec
from serving.core.timeline import Timeline
from serving.engine.processes import Processes
from serving.engine.statistics import ModelStatistics


class Servable(Protocol):
    """`infer`, `stream` and `statistics` belong to the event loop's thread."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def config(self) -> ModelConfig:
        """Completed."""

    @property
    def inputs(self) -> Mapping[str, TensorSpec]: ...

    @property
    def outputs(self) -> Mapping[str, TensorSpec]: ...

    @property
    def max_batch_size(self) -> int: ...

    @property
    def is_decoupled(self) -> bool: ...

    @property
    def caches_responses(self) -> bool:
        """Whether its config asks for that."""

    @property
    def labels(self) -> Mapping[str, tuple[str, ...]]:
        """For each output that has them, the names of its last dimension's entries."""

    @property
    def load_seconds(self) -> float: ...

    @property
    def created(self) -> int:
        """When it was loaded, in seconds since 1970."""

    @property
    def statistics(self) -> ModelStatistics: ...

    @property
    def pending(self) -> int:
        """Requests that wait for an instance."""

    @property
    def queue_limit(self) -> int:
        """How many may; 0 where it has no queue of its own, or one without end."""

    @property
    def lacks(self) -> str:
        """What else it needs to answer and is not there now, in words. May be asked from any thread."""

    @property
    def needs_restart(self) -> str:
        """Why only a start of the server anew would let it answer, in words; "" while it can. May be asked from any
        thread."""

    @property
    def processes(self) -> Processes | None:
        """None for what runs in the server's own."""

    async def infer(self, request: InferRequest, timeline: Timeline | None = None) -> InferResponse:
        """The one response. Cancelling it frees the request's place. A `timeline` is told what happens when.

        Raises `InvalidInput`, `Overloaded`, `ModelNotReady` (unloading), `DeadlineExceeded`, `BackendFailed`; and
        `Unsupported` for a decoupled model, whose requests have any number of responses.
        """

    def stream(self, request: InferRequest, timeline: Timeline | None = None) -> AsyncGenerator[InferResponse, None]:
        """Each response, the last one `final`; closing the generator frees the request's place. A `timeline` as in
        `infer`."""

    def drain(self) -> None:
        """Hold no request back any more; new ones are still answered."""

    def close(self, timeout: float) -> bool:
        """Answer what is accepted, then free the model; False when it still runs after `timeout` seconds.

        Blocks; may be called again, and by several threads. What is asked afterwards is refused with `ModelNotReady`.
        """
