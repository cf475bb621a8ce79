import pytest

from serving.core.isolation import Isolation, is_isolated, isolation
from serving.core.model_config import ModelConfig, complete, parse, unhonoured
from serving.errors import ModelLoadFailed

IO = """input { name: "x" data_type: TYPE_FP32 dims: 4 } output { name: "y" data_type: TYPE_FP32 dims: 4 }"""


def config(value: str, extra: str = 'backend: "onnxruntime"', **more: str) -> ModelConfig:
    """`more` are parameters `isolation.*`."""
    given = {"isolation": value, **{f"isolation.{name}": text for name, text in more.items()}}
    parameters = (f'parameters {{ key: "{key}" value {{ string_value: "{text}" }} }}' for key, text in given.items())
    return parse(f"{extra} {IO} {' '.join(parameters)}", "m")


def test_a_model_is_isolated_when_its_config_says_so() -> None:
    assert is_isolated(config("process"))
    assert not is_isolated(parse('backend: "onnxruntime"', "m"))


@pytest.mark.parametrize("value", ["thread", "", "Process", "true"])
def test_another_value_is_refused_by_name_and_says_what_is_known(value: str) -> None:
    with pytest.raises(ModelLoadFailed, match=f"parameters.isolation must be 'process'.*got '{value}'"):
        complete(config(value))


def test_it_has_an_effect_for_every_backend_but_none_for_an_ensemble() -> None:
    assert unhonoured(config("process", memory_byte_size="1")) == []
    assert unhonoured(config("process", 'platform: "ensemble"')) == ["parameters.isolation"]


def test_what_the_process_has_is_said_beside_it() -> None:
    assert isolation(config("process")) == Isolation(None, ())
    given = config("process", memory_byte_size="1000000", environment="HF_TOKEN  S3_*")
    assert isolation(given) == Isolation(1_000_000, ("HF_TOKEN", "S3_*"))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"memory": "1"}, "isolation.memory is not known; there are isolation, isolation.memory_byte_size"),
        ({"memory_byte_size": "2 GB"}, "memory_byte_size must be a number of bytes.*got '2 GB'"),
        ({"memory_byte_size": "0"}, "memory_byte_size must be a number of bytes, 1 to"),
        ({"environment": "A B=1"}, "environment must be names of variables.*got 'B=1'"),
        ({"environment": "A,B"}, "environment must be names of variables"),
    ],
)
def test_what_can_t_be_meant_is_refused_by_name(more: dict[str, str], words: str) -> None:
    with pytest.raises(ModelLoadFailed, match=words):
        complete(config("process", **more))


def test_a_process_that_there_is_not_has_nothing() -> None:
    lonely = 'parameters { key: "isolation.memory_byte_size" value { string_value: "1" } }'
    with pytest.raises(ModelLoadFailed, match=r"memory_byte_size needs parameters\.isolation"):
        complete(parse(f'backend: "onnxruntime" {IO} {lonely}', "m"))
