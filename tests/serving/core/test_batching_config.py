from math import inf

import pytest

from serving.core.batching_config import BatchingConfig, QueuePolicy, batching_config
from serving.core.model_config import parse
from serving.errors import ModelLoadFailed


def read(batching: str, extra: str = "") -> BatchingConfig:
    return batching_config(parse(f"max_batch_size: 8 {extra} dynamic_batching {{ {batching} }}", "m"))


def test_without_the_block_requests_run_alone() -> None:
    assert batching_config(parse("max_batch_size: 8", "m")) == BatchingConfig()


def test_a_decoupled_models_requests_run_alone() -> None:
    config = read("preferred_batch_size: 4", "model_transaction_policy { decoupled: true }")
    assert (config.max_batch_size, config.preferred_batch_sizes) == (1, (1,))


def test_an_empty_block_prefers_full_batches() -> None:
    assert read("") == BatchingConfig(8, 0.0, (8,))


def test_sizes_and_delays() -> None:
    config = read("preferred_batch_size: [ 4, 2, 4 ] max_queue_delay_microseconds: 1500 preserve_ordering: true")
    assert (config.preferred_batch_sizes, config.max_queue_delay) == ((2, 4), 0.0015)
    assert config.preserve_ordering


def test_a_level_has_its_own_policy_or_the_default_one() -> None:
    config = read(
        """priority_levels: 3 default_priority_level: 2
        default_queue_policy { timeout_action: DELAY default_timeout_microseconds: 5000 max_queue_size: 7 }
        priority_queue_policy { key: 1 value { default_timeout_microseconds: 1000 } }"""
    )
    default = QueuePolicy(7, 0.005, True)
    assert config.policies == (QueuePolicy(0, 0.001, False), default, default)
    assert [config.level(priority) for priority in (0, 1, 2, 3, 4)] == [1, 0, 1, 2, 1]


def test_a_request_may_wait_longer_than_the_default_only_where_its_level_allows_it() -> None:
    config = read(
        """priority_levels: 3 default_priority_level: 3
        default_queue_policy { default_timeout_microseconds: 5000 }
        priority_queue_policy { key: 1 value { default_timeout_microseconds: 5000 allow_timeout_override: true } }
        priority_queue_policy { key: 2 value { } }"""
    )
    wait = {priority: [config.longest_wait(own, priority) for own in (0.0, 0.001, 9.0)] for priority in (1, 2, 3, 0)}
    assert wait == {1: [0.005, 0.001, 9.0], 2: [inf, 0.001, 9.0], 3: [0.005, 0.001, 0.005], 0: [0.005, 0.001, 0.005]}


def test_without_levels_every_priority_is_the_same() -> None:
    config = read("default_priority_level: 5 priority_queue_policy { key: 2 value { max_queue_size: 1 } }")
    assert config.policies == (QueuePolicy(),)
    assert {config.level(priority) for priority in (0, 1, 5)} == {0}


@pytest.mark.parametrize(
    ("batching", "reason"),
    [
        ("preferred_batch_size: 0", "dynamic batching preferred size must be positive for m, got 0"),
        (
            "preferred_batch_size: [ 4, 9 ]",
            "dynamic batching preferred size must be <= max batch size for m, got 9 > 8",
        ),
        ("priority_levels: 65", "priority_levels must be at most 64, got 65"),
        ("priority_levels: 2", r"default priority level must be in range \[1, 2\] for m, got 0"),
        ("priority_levels: 2 default_priority_level: 3", r"default priority level must be in range \[1, 2\] for m"),
        (
            "priority_levels: 2 default_priority_level: 1 priority_queue_policy { key: 3 value { } }",
            r"priority queue policy must have priority level in range \[1, 2\] for m, got 3",
        ),
        (
            "priority_levels: 2 default_priority_level: 1 priority_queue_policy { key: 0 value { } }",
            r"priority queue policy must have priority level in range \[1, 2\] for m, got 0",
        ),
        (
            "priority_levels: 2 default_priority_level: 1 preserve_ordering: true",
            "Only one priority level is allowed when 'preserve_ordering' is true for m",
        ),
        (
            "preserve_ordering: true default_queue_policy { timeout_action: DELAY }",
            "Queue policy can not have DELAY as timeout action when 'preserve_ordering' is true for m",
        ),
        (
            """preserve_ordering: true priority_levels: 1 default_priority_level: 1
            priority_queue_policy { key: 1 value { timeout_action: DELAY } }""",
            "Queue policy can not have DELAY as timeout action when 'preserve_ordering' is true for m",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(batching: str, reason: str) -> None:
    with pytest.raises(ModelLoadFailed, match=reason):
        read(batching)


def test_a_decoupled_model_keeps_no_order() -> None:
    with pytest.raises(
        ModelLoadFailed, match=r"'dynamic_batching.preserve_ordering' for m: the responses of a decoupled"
    ):
        read("preserve_ordering: true", "model_transaction_policy { decoupled: true }")


def objective(text: str, batching: str = "") -> BatchingConfig:
    return read(batching, f'parameters {{ key: "latency_objective_ms" value {{ string_value: "{text}" }} }}')


def test_an_objective_is_how_long_a_request_without_a_timeout_may_wait_at_most() -> None:
    config = objective("250", "default_queue_policy { default_timeout_microseconds: 125000 }")
    assert config.latency_objective == 0.25
    assert (config.longest_wait(0.0, 0), config.longest_wait(3.0, 0)) == (0.125, 0.125)
    assert objective("0.5").longest_wait(0.0, 0) == 0.0005
    assert read("").longest_wait(0.0, 0) == inf


def test_what_may_be_delayed_is_never_rejected() -> None:
    policy = "default_queue_policy { timeout_action: DELAY default_timeout_microseconds: 125000 }"
    assert (read(policy).rejects_after(1.0, 0), read(policy).longest_wait(0.0, 0)) == (inf, 0.125)
    assert objective("250").rejects_after(0.0, 0) == 0.25


@pytest.mark.parametrize("text", ["0", "-5", "fast", "nan", "1e9", ""])
def test_an_objective_that_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ModelLoadFailed) as refused:
        objective(text)
    assert str(refused.value) == (
        f"parameters.latency_objective_ms must be a number of milliseconds above 0, at most 3.6e+06, got '{text}'"
    )
