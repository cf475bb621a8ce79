import pytest

from serving.core.isolation import is_isolated
from serving.core.model_config import ModelConfig, complete, parse, unhonoured
from serving.errors import ModelLoadFailed

IO = """input { name: "x" data_type: TYPE_FP32 dims: 4 } output { name: "y" data_type: TYPE_FP32 dims: 4 }"""


def config(value: str, extra: str = 'backend: "onnxruntime"') -> ModelConfig:
    return parse(f'{extra} {IO} parameters {{ key: "isolation" value {{ string_value: "{value}" }} }}', "m")


def test_a_model_is_isolated_when_its_config_says_so() -> None:
    assert is_isolated(config("process"))
    assert not is_isolated(parse('backend: "onnxruntime"', "m"))


@pytest.mark.parametrize("value", ["thread", "", "Process", "true"])
def test_another_value_is_refused_by_name_and_says_what_is_known(value: str) -> None:
    with pytest.raises(ModelLoadFailed, match=f"parameters.isolation must be 'process'.*got '{value}'"):
        complete(config(value))


def test_it_has_an_effect_for_every_backend_but_none_for_an_ensemble() -> None:
    assert unhonoured(config("process")) == []
    assert unhonoured(config("process", 'platform: "ensemble"')) == ["parameters.isolation"]
