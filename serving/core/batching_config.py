"""A config's `dynamic_batching` block, checked and read into what the scheduler needs of it.

Rule: times are in seconds, and every priority level has its policy; without the block there is one level, and no batch.
The messages are Triton's (core/src/model_config_utils.cc) where it has one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from tritonclient.grpc.model_config_pb2 import ModelConfig, ModelDynamicBatching, ModelQueuePolicy

from serving.core import model_parameters
from serving.errors import ModelLoadFailed

MAX_PRIORITY_LEVELS = 64

OBJECTIVE = "latency_objective_ms"
"""The parameter of config.pbtxt that gives every request of the model a timeout, where it has none of its own."""


@dataclass(frozen=True, slots=True)
class QueuePolicy:
    """What holds for the requests of one priority level that wait.

    `max_queue_size` in requests, 0 where the level has no limit of its own; `default_timeout` in seconds, 0 for none. A
    request that expires is rejected, or with `delays` runs when no other of its level waits. Only where it
    `allows_override` may a request wait longer than the default, by a timeout of its own.
    """

    max_queue_size: int = 0
    default_timeout: float = 0.0
    delays: bool = False
    allows_override: bool = False


@dataclass(frozen=True, slots=True)
class BatchingConfig:
    """`preferred_batch_sizes`, in rows, are never empty; `policies` has one for each priority level, highest first.
    `latency_objective` is the timeout, in seconds, of requests that have none; 0 for none."""

    max_batch_size: int = 1
    max_queue_delay: float = 0.0
    preferred_batch_sizes: tuple[int, ...] = (1,)
    policies: tuple[QueuePolicy, ...] = (QueuePolicy(),)
    default_level: int = 0
    preserve_ordering: bool = False
    latency_objective: float = 0.0

    def level(self, priority: int) -> int:
        """Counted from 0, where priorities count from 1; a priority that there is not means the default."""
        return priority - 1 if 1 <= priority <= len(self.policies) else self.default_level

    def policy(self, priority: int) -> QueuePolicy:
        return self.policies[self.level(priority)]

    def longest_wait(self, timeout: float, priority: int) -> float:
        """Seconds in the queue after which a request is too late, infinity for never. Its own `timeout`, 0 for none, is
        also when it must be answered, as is the objective; a policy's is of the queue alone, as in Triton, and only
        lengthened by the request's where the policy allows it."""
        policy = self.policy(priority)
        queue = policy.default_timeout or inf
        if timeout:
            return timeout if policy.allows_override else min(timeout, queue)
        return min(queue, self.latency_objective or inf)

    def rejects_after(self, timeout: float, priority: int) -> float:
        """The same for requests that are told, not delayed."""
        return inf if self.policy(priority).delays else self.longest_wait(timeout, priority)


def batching_config(config: ModelConfig) -> BatchingConfig:
    """Raises `ModelLoadFailed` naming the field."""
    batching, model = config.dynamic_batching, str(config.name)
    has_batches = config.HasField("dynamic_batching") and not config.model_transaction_policy.decoupled
    max_batch_size = max(1, config.max_batch_size) if has_batches else 1
    preferred = _preferred(batching.preferred_batch_size, config.max_batch_size, model)
    _check_priorities(batching, model)
    if batching.preserve_ordering:
        _check_ordering(config)
    return BatchingConfig(
        max_batch_size,
        batching.max_queue_delay_microseconds * 1e-6,
        preferred if preferred and has_batches else (max_batch_size,),
        _policies(batching),
        batching.default_priority_level - 1 if batching.priority_levels else 0,
        bool(batching.preserve_ordering),
        latency_objective(config),
    )


def latency_objective(config: ModelConfig) -> float:
    """In seconds; 0 where there is none. Raises `ModelLoadFailed`."""
    return (model_parameters.number(config, OBJECTIVE, 3.6e6, "a number of milliseconds") or 0.0) * 1e-3


def _preferred(sizes: Sequence[int], max_batch_size: int, model: str) -> tuple[int, ...]:
    """Smallest first."""
    for size in sizes:
        if size <= 0:
            raise ModelLoadFailed(f"dynamic batching preferred size must be positive for {model}, got {size}")
        if size > max_batch_size:
            raise ModelLoadFailed(
                f"dynamic batching preferred size must be <= max batch size for {model}, got {size} > {max_batch_size}"
            )
    return tuple(sorted(set(sizes)))


def _check_priorities(batching: ModelDynamicBatching, model: str) -> None:
    levels, default = batching.priority_levels, batching.default_priority_level
    if levels > MAX_PRIORITY_LEVELS:
        raise ModelLoadFailed(f"dynamic batching priority_levels must be at most {MAX_PRIORITY_LEVELS}, got {levels}")
    if levels and not 1 <= default <= levels:
        raise ModelLoadFailed(f"default priority level must be in range [1, {levels}] for {model}, got {default}")
    for level in sorted(batching.priority_queue_policy):
        if levels and not 1 <= level <= levels:
            raise ModelLoadFailed(
                f"priority queue policy must have priority level in range [1, {levels}] for {model}, got {level}"
            )


def _check_ordering(config: ModelConfig) -> None:
    """A request's own timeout counts whatever the policy says, so DELAY is refused without a default timeout too."""
    batching, model = config.dynamic_batching, str(config.name)
    if batching.priority_levels > 1:
        raise ModelLoadFailed(f"Only one priority level is allowed when 'preserve_ordering' is true for {model}")
    policies = (batching.default_queue_policy, *batching.priority_queue_policy.values())
    if any(_policy(policy).delays for policy in policies):
        raise ModelLoadFailed(
            f"Queue policy can not have DELAY as timeout action when 'preserve_ordering' is true for {model}"
        )
    if config.model_transaction_policy.decoupled:
        raise ModelLoadFailed(
            f"'dynamic_batching.preserve_ordering' for {model}: the responses of a decoupled model go out as they come"
        )


def _policies(batching: ModelDynamicBatching) -> tuple[QueuePolicy, ...]:
    """A level with a policy of its own takes nothing from the default one, as in Triton."""
    default, own = batching.default_queue_policy, batching.priority_queue_policy
    if not batching.priority_levels:
        return (_policy(default),)
    levels = range(1, batching.priority_levels + 1)
    return tuple(_policy(own.get(level, default)) for level in levels)


def _policy(policy: ModelQueuePolicy) -> QueuePolicy:
    return QueuePolicy(
        int(policy.max_queue_size),
        policy.default_timeout_microseconds * 1e-6,
        policy.timeout_action == policy.DELAY,
        bool(policy.allow_timeout_override),
    )
