import pytest

from serving.core.model_config import ModelConfig, parse, unhonoured
from serving.core.nan_check import checks_outputs
from serving.errors import ModelLoadFailed

IO = """input { name: "x" data_type: TYPE_FP32 dims: 4 } output { name: "y" data_type: TYPE_FP32 dims: 4 }"""


def config(value: str, extra: str = 'backend: "onnxruntime"') -> ModelConfig:
    return parse(f'{extra} {IO} parameters {{ key: "nan_check" value {{ string_value: "{value}" }} }}', "m")


def test_it_is_off_unless_a_config_asks_for_it() -> None:
    assert checks_outputs(config("true"))
    assert not checks_outputs(config("false"))
    assert not checks_outputs(parse('backend: "onnxruntime"', "m"))
    assert unhonoured(config("true")) == []


def test_what_can_not_be_meant_is_refused() -> None:
    with pytest.raises(ModelLoadFailed, match=r"parameters\.nan_check must be true, false, 1 or 0, got 'NaN'"):
        checks_outputs(config("NaN"))
    decoupled = 'backend: "python" model_transaction_policy { decoupled: true }'
    with pytest.raises(ModelLoadFailed, match=r"parameters\.nan_check is not for decoupled models"):
        checks_outputs(config("true", decoupled))
    with pytest.raises(ModelLoadFailed, match=r"parameters\.nan_check is not for ensembles"):
        checks_outputs(config("true", 'platform: "ensemble"'))
