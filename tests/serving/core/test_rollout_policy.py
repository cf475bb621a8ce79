import pytest

from serving.core.model_config import ModelConfig, parse, unhonoured
from serving.core.rollout_policy import RolloutPolicy, Strategy, rollout_policy
from serving.errors import ModelLoadFailed

TENSOR = '{ name: "x" data_type: TYPE_INT32 dims: 1 }'


def parameter(name: str, text: str) -> str:
    return f'parameters {{ key: "{name}" value {{ string_value: "{text}" }} }}'


def config(rest: str = "", **rollout: str) -> ModelConfig:
    rules = " ".join(parameter(f"rollout.{name}", text) for name, text in rollout.items())
    return parse(f"input {TENSOR} output {TENSOR} {rules} {rest}", "m")


def test_without_its_parameters_a_model_has_no_policy() -> None:
    assert rollout_policy(config(parameter("intra_op_thread_count", "2"))) is None


@pytest.mark.parametrize("strategy", list(Strategy))
def test_a_strategy_is_enough(strategy: Strategy) -> None:
    assert rollout_policy(config(strategy=strategy)) == RolloutPolicy(strategy)


def test_everything_can_be_said() -> None:
    given = config(
        strategy="shadow",
        percent="2.5",
        min_requests="1000",
        max_error_increase="0",
        max_latency_ratio="1.5",
        max_disagreement="1",
        tolerance="1e-3",
        automatic="false",
    )
    assert rollout_policy(given) == RolloutPolicy(Strategy.SHADOW, 2.5, 1000, 0.0, 1.5, 1.0, 0.001, False)
    assert not [field for field in unhonoured(given) if "rollout" in field]


@pytest.mark.parametrize(
    ("rollout", "reason"),
    [
        ({"strategy": "blue"}, r"parameters\.rollout\.strategy must be one of canary, shadow, got 'blue'"),
        ({"strategy": ""}, r"parameters\.rollout\.strategy must be one of canary, shadow, got ''"),
        ({"stratgy": "canary"}, r"parameters\.rollout\.stratgy is not known; did you mean rollout\.strategy\?"),
        ({"minRequests": "9"}, r"parameters\.rollout\.minRequests is not known; did you mean rollout\.min_requests\?"),
        ({"zzz": "1"}, r"parameters\.rollout\.zzz is not known; known are rollout\.strategy, rollout\.percent, "),
        ({"percent": "0"}, r"parameters\.rollout\.percent must be a number from 0\.1 to 99, got '0'"),
        ({"percent": "100"}, "percent must be a number from 0.1 to 99, got '100'"),
        ({"percent": "nan"}, "percent must be a number from 0.1 to 99, got 'nan'"),
        ({"percent": "10%"}, "percent must be a number from 0.1 to 99, got '10%'"),
        ({"min_requests": "1.5"}, r"parameters\.rollout\.min_requests must be a whole number, got '1\.5'"),
        ({"min_requests": "0"}, "min_requests must be a number from 1 to 1e"),
        ({"min_requests": "inf"}, "min_requests must be a number from 1 to"),
        ({"max_error_increase": "-0.1"}, "max_error_increase must be a number from 0 to 1, got '-0.1'"),
        ({"max_latency_ratio": "0.5"}, "max_latency_ratio must be a number from 1 to 1000, got '0.5'"),
        ({"max_disagreement": "2"}, "max_disagreement must be a number from 0 to 1, got '2'"),
        ({"tolerance": "-1"}, "tolerance must be a number from 0 to"),
        ({"automatic": "True"}, "automatic must be 'true' or 'false', got 'True'"),
    ],
)
def test_what_is_wrong_is_named(rollout: dict[str, str], reason: str) -> None:
    with pytest.raises(ModelLoadFailed, match=reason):
        rollout_policy(config(**{"strategy": "canary", **rollout}))


def test_the_other_parameters_need_a_strategy() -> None:
    with pytest.raises(
        ModelLoadFailed, match=r"parameters\.rollout\.strategy must be set beside the other rollout\.\*"
    ):
        rollout_policy(config(percent="10"))


@pytest.mark.parametrize("kind", ["sequence_batching { }", "model_transaction_policy { decoupled: true }"])
def test_models_whose_requests_belong_to_one_version_can_have_none(kind: str) -> None:
    with pytest.raises(ModelLoadFailed, match=r"parameters\.rollout\.strategy: a model with sequences, or a decoupled"):
        rollout_policy(config(kind, strategy="canary"))
    assert rollout_policy(config(kind)) is None
