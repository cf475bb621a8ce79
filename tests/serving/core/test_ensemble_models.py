from collections.abc import Mapping

import pytest

from serving.core import ensemble_models, model_config
from serving.core.ensemble_models import check_no_circle, load_order, only_needed_by
from serving.core.model_config import ModelConfig
from serving.errors import ModelLoadFailed

FIRST = 'input_map { key: "x" value: "IN" } output_map { key: "y" value: "t" }'
SECOND = 'input_map { key: "x" value: "t" } output_map { key: "y" value: "OUT" }'


def tensors(x: str, y: str, x_name: str = "x", y_name: str = "y") -> str:
    return f'input {{ name: "{x_name}" {x} }} output {{ name: "{y_name}" {y} }}'


def model(name: str, max_batch_size: int, x: str, y: str, more: str = "") -> ModelConfig:
    text = f'backend: "python" max_batch_size: {max_batch_size} {tensors(x, y)} {more}'
    return model_config.parse(text, name)


def ensemble(max_batch_size: int, x: str, y: str, first: str = FIRST, second: str = SECOND) -> ModelConfig:
    text = f"""platform: "ensemble" max_batch_size: {max_batch_size} {tensors(x, y, "IN", "OUT")}
    ensemble_scheduling {{ step {{ model_name: "a" {first} }} step {{ model_name: "b" {second} }} }}"""
    return model_config.parse(text, "E")


F4, F5, F_ANY, I4 = (
    "data_type: TYPE_FP32 dims: 4",
    "data_type: TYPE_FP32 dims: 5",
    "data_type: TYPE_FP32 dims: -1",
    "data_type: TYPE_INT32 dims: 4",
)


@pytest.mark.parametrize(
    ("config", "a", "b"),
    [
        (ensemble(8, F4, F4), model("a", 8, F4, F4), model("b", 16, F4, F4)),
        (ensemble(8, F4, F4), model("a", 8, F_ANY, F4), model("b", 8, F_ANY, F4)),
        (ensemble(0, F4, F4), model("a", 8, F4, F4), model("b", 0, F4, F4)),
        (
            ensemble(0, "data_type: TYPE_FP32 dims: [ -1, 4 ]", F4),
            model("a", 8, F4, F4),
            model("b", 0, "data_type: TYPE_FP32 dims: [ -1, 4 ]", F4),
        ),
    ],
)
def test_models_that_fit_together(config: ModelConfig, a: ModelConfig, b: ModelConfig) -> None:
    ensemble_models.check_models(config, [a, b])


@pytest.mark.parametrize(
    ("config", "a", "b", "reason"),
    [
        (
            ensemble(8, F4, F4),
            model("a", 8, F4, F4),
            model("b", 4, F4, F4),
            "ensemble E allows maximum batch size 8, but it contains model b which only allows maximum batch size to "
            "be 4",
        ),
        (
            ensemble(8, F4, F4, FIRST.replace('"x"', '"w"')),
            model("a", 8, F4, F4),
            model("b", 8, F4, F4),
            "in ensemble E, ensemble tensor IN is mapping to non-existing input w in model a, which has: x",
        ),
        (
            ensemble(8, F4, F4, second=SECOND.replace('"y"', '"w"')),
            model("a", 8, F4, F4),
            model("b", 8, F4, F4),
            "in ensemble E, ensemble tensor OUT is mapping to non-existing output w in model b, which has: y",
        ),
        (
            ensemble(8, F4, F4),
            model("a", 8, F4, F4),
            model("b", 8, F4, F4, f'input {{ name: "z" {F4} }}'),
            "in ensemble E, input z in model b is not mapped to any ensemble tensors",
        ),
        (
            ensemble(8, F4, F4),
            model("a", 8, F4, I4),
            model("b", 8, F4, F4),
            "ensemble tensor t: inconsistent data type: TYPE_INT32 is inferred from model a while TYPE_FP32 is "
            "inferred from model b",
        ),
        (
            ensemble(8, F4, F4),
            model("a", 8, F4, F5),
            model("b", 8, F4, F4),
            r"ensemble tensor t: inconsistent shape: \[-1,5\] is inferred from model a while \[-1,4\] is inferred from "
            "model b",
        ),
        (
            ensemble(8, F5, F4),
            model("a", 8, F4, F4),
            model("b", 8, F4, F4),
            r"ensemble tensor IN: inconsistent shape: \[-1,5\] is inferred from model E",
        ),
        (
            ensemble(8, F4, I4),
            model("a", 8, F4, F4),
            model("b", 8, F4, F4),
            "ensemble tensor OUT: inconsistent data type: TYPE_INT32 is inferred from model E",
        ),
        (
            ensemble(8, F4, F4),
            model("a", 8, F4, F4, "model_transaction_policy { decoupled: true }"),
            model("b", 8, F4, F4),
            "ensemble E contains model a, which is decoupled",
        ),
    ],
)
def test_models_that_do_not_fit_are_named(config: ModelConfig, a: ModelConfig, b: ModelConfig, reason: str) -> None:
    with pytest.raises(ModelLoadFailed, match=reason):
        ensemble_models.check_models(config, [a, b])


def test_an_input_that_a_model_can_do_without_need_not_be_mapped() -> None:
    optional = model("b", 8, F4, F4, f'input {{ name: "z" {F4} optional: true }}')
    ensemble_models.check_models(ensemble(8, F4, F4), [model("a", 8, F4, F4), optional])


def test_a_model_of_two_steps_is_needed_once() -> None:
    config = ensemble(8, F4, F4)
    assert ensemble_models.needed(config) == ("a", "b")
    config.ensemble_scheduling.step[1].model_name = "a"
    assert ensemble_models.needed(config) == ("a",)
    assert ensemble_models.needed(model("a", 8, F4, F4)) == ()


class Needs:
    def __init__(self, **models: str) -> None:
        self._models: Mapping[str, str] = models

    def __call__(self, name: str) -> list[str]:
        return self._models.get(name, "").split()


def test_models_come_after_what_they_need() -> None:
    needs = Needs(all="outer x", outer="inner y", inner="x z")
    assert load_order(["all", "inner", "q"], needs) == ["x", "z", "inner", "y", "outer", "all", "q"]
    assert load_order(["z", "y", "x"], needs) == ["z", "y", "x"]


def test_models_that_need_one_another_are_all_in_the_order_and_are_refused() -> None:
    needs = Needs(a="b m", b="c", c="a", d="a", m="")
    assert sorted(load_order("abcd", needs)) == ["a", "b", "c", "d", "m"]
    with pytest.raises(ModelLoadFailed, match="circular dependency between ensembles: a -> b -> c -> a"):
        check_no_circle("a", needs)
    with pytest.raises(ModelLoadFailed, match="circular dependency between ensembles: s -> s"):
        check_no_circle("s", Needs(s="s"))
    check_no_circle("d", needs)  # it leads to a circle, and is not in it; its models are, and fail
    check_no_circle("diamond", Needs(diamond="left right", left="x", right="x"))


def test_what_only_an_ensemble_needs_goes_with_it_in_reverse() -> None:
    needs = Needs(outer="inner shared own", inner="deep shared", other="shared")
    loaded = ["outer", "inner", "deep", "own", "shared", "other", "stranger"]
    assert only_needed_by("outer", needs, loaded) == ["own", "inner", "deep"]
    assert only_needed_by("outer", needs, [name for name in loaded if name != "other"]) == [
        *("own", "inner", "shared", "deep")
    ]
    assert only_needed_by("inner", needs, loaded) == []
    assert only_needed_by("stranger", needs, loaded) == []
