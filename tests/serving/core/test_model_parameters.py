import pytest

from serving.core import model_parameters
from serving.core.model_config import ModelConfig
from serving.errors import ModelLoadFailed


def with_parameter(value: str) -> ModelConfig:
    config = ModelConfig()
    config.parameters["p"].string_value = value
    return config


def test_what_is_not_set_is_left_to_the_reader() -> None:
    config = ModelConfig()
    assert model_parameters.thread_count(config, "p") == 0
    assert model_parameters.whole_number(config, "p", 5) is None
    assert model_parameters.switch(config, "p", True) is True
    assert model_parameters.choice(config, "p", {"0": "zero"}) is None
    assert model_parameters.text(config, "p") is None


def test_values_are_read() -> None:
    assert model_parameters.thread_count(with_parameter("3"), "p") == 3
    assert model_parameters.whole_number(with_parameter("5"), "p", 5) == 5
    assert [model_parameters.switch(with_parameter(text), "p", True) for text in ("0", "False")] == [False, False]
    assert [model_parameters.switch(with_parameter(text), "p", False) for text in ("1", "true")] == [True, True]
    assert model_parameters.choice(with_parameter("0"), "p", {"0": "zero"}) == "zero"


@pytest.mark.parametrize("value", ["many", "", "-1", "1025", "1.5", "٣", "9" * 5000])
def test_a_number_that_cannot_be_meant_names_the_parameter(value: str) -> None:
    with pytest.raises(ModelLoadFailed) as failure:
        model_parameters.thread_count(with_parameter(value), "p")
    assert str(failure.value) == f"parameters.p must be a number of threads, at most 1024, got '{value[:50]}'"


def test_a_switch_and_a_choice_say_what_they_may_be() -> None:
    with pytest.raises(ModelLoadFailed, match=r"parameters.p must be true, false, 1 or 0, got 'yes'"):
        model_parameters.switch(with_parameter("yes"), "p", False)
    with pytest.raises(ModelLoadFailed, match=r"parameters.p must be 0 \(zero\), 1 \(one\), got '2'"):
        model_parameters.choice(with_parameter("2"), "p", {"0": "zero", "1": "one"})
