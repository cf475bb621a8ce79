"""Which scheduler a model's config asks for, and for which threads.

Rule: without a `dynamic_batching` block requests are not put together, as in Triton.
"""

from collections.abc import Sequence

from serving.backends.backend import ModelInstance
from serving.core.batching_config import batching_config
from serving.core.model_config import ModelConfig, devices
from serving.core.sequence_config import sequence_config
from serving.engine.known_times import KnownTimes
from serving.engine.pending import Pending
from serving.scheduling.dynamic import DynamicBatcher
from serving.scheduling.scheduler import Scheduler
from serving.scheduling.sequence import SequenceBatcher

DEFAULT_MAX_QUEUE_SIZE = 4096
"""Requests that may wait for a version whose config sets no `max_queue_size`; Triton's own default has no bound."""


def queue_limit(config: ModelConfig) -> int:
    """Requests that may wait for a version: each priority level's own, and what the levels without one share."""
    own = [] if config.HasField("sequence_batching") else [it.max_queue_size for it in batching_config(config).policies]
    return sum(own) + (0 if all(own) and own else DEFAULT_MAX_QUEUE_SIZE)


def threads_for(config: ModelConfig, instances: Sequence[ModelInstance]) -> list[tuple[ModelInstance, str]]:
    """What each thread runs, and on which device. A sequence's slot is a row of one instance, which several threads
    would share."""
    has_sequences = config.HasField("sequence_batching")
    return [
        (each, device)
        for each, device in zip(instances, devices(config), strict=True)
        for _ in range(1 if has_sequences else each.concurrency)
    ]


def scheduler_for(config: ModelConfig, places: Sequence[str], known: KnownTimes | None = None) -> Scheduler[Pending]:
    """`places` has the device of each instance. Raises `ModelLoadFailed`."""
    sequences = sequence_config(config)
    if sequences is not None:
        return SequenceBatcher(sequences, len(places), DEFAULT_MAX_QUEUE_SIZE, str(config.name))
    batcher: DynamicBatcher[Pending] = DynamicBatcher(batching_config(config), DEFAULT_MAX_QUEUE_SIZE, places)
    if known is not None:
        for rows, seconds in known.times:
            batcher.learn(known.key, known.device, rows, seconds)
    return batcher
