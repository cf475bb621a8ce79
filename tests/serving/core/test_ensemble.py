import pytest

from serving.core import ensemble, model_config
from serving.core.ensemble import Graph, Step
from serving.errors import ModelLoadFailed

IO = """input { name: "IN" data_type: TYPE_FP32 dims: 4 } output { name: "OUT" data_type: TYPE_FP32 dims: 4 }"""


def step(model: str, inputs: dict[str, str], outputs: dict[str, str], more: str = "model_version: -1") -> str:
    maps = [f'input_map {{ key: "{key}" value: "{value}" }}' for key, value in inputs.items()]
    maps += [f'output_map {{ key: "{key}" value: "{value}" }}' for key, value in outputs.items()]
    return f'step {{ model_name: "{model}" {more} {" ".join(maps)} }}'


def graph(*steps: str, io: str = IO, more: str = "") -> Graph:
    text = f'platform: "ensemble" {io} ensemble_scheduling {{ {" ".join(steps)} }} {more}'
    return ensemble.graph(model_config.parse(text, "E"))


ONE = step("a", {"x": "IN"}, {"y": "OUT"})


def test_steps_say_which_tensor_is_which() -> None:
    found = graph(step("a", {"x": "IN"}, {"y": "t"}), step("b", {"u": "t"}, {"v": "OUT"}, "model_version: 3")).steps
    assert found == (Step("a", "", {"x": "IN"}, {"y": "t"}), Step("b", "3", {"u": "t"}, {"v": "OUT"}))


def test_the_graph_says_who_waits_for_what() -> None:
    found = graph(
        step("join", {"p": "left", "q": "right", "raw": "IN"}, {"y": "OUT"}),
        step("split", {"x": "IN"}, {"y": "both"}),
        step("l", {"x": "both"}, {"y": "left"}),
        step("r", {"x": "both"}, {"y": "right"}),
    )
    assert found.waits_for == ({"left", "right"}, set(), {"both"}, {"both"})
    assert found.readers == {"both": (2, 3), "left": (0,), "right": (0,)}


def test_a_tensor_may_be_several_inputs_of_one_step() -> None:
    found = graph(step("a", {"x": "IN"}, {"y": "t"}), step("b", {"u": "t", "v": "t"}, {"w": "OUT"}))
    assert found.waits_for[1] == {"t"}
    assert found.readers == {"t": (1,)}


def test_other_models_have_no_steps() -> None:
    config = model_config.parse(f'backend: "onnxruntime" {IO}', "m")
    assert not ensemble.is_ensemble(config)
    assert ensemble.steps(config) == ()


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ([], "must specify 'step' for ensemble 'E'"),
        ([step("", {"x": "IN"}, {"y": "OUT"})], "must specify 'model_name' in step 0 of ensemble 'E'"),
        ([ONE, step("b", {}, {"y": "t"})], "must specify 'input_map' in step 1 of ensemble 'E'"),
        ([step("a", {"x": "IN"}, {})], "must specify 'output_map' in step 0 of ensemble 'E'"),
        ([step("a", {"x": ""}, {"y": "OUT"})], "step 0 of ensemble 'E' maps a tensor without a name"),
        ([step("a", {"x": "IN"}, {"": "OUT"})], "step 0 of ensemble 'E' maps a tensor without a name"),
        ([step("a", {"x": "IN"}, {"y": "OUT"}, "model_version: -2")], "or -1 for the newest, got -2"),
        (
            [ONE, step("b", {"x": "IN"}, {"y": "OUT"})],
            "'OUT' can appear in an output map only once for ensemble 'E' step 1",
        ),
        (
            [step("a", {"x": "IN"}, {"y": "OUT", "z": "IN"})],
            "'IN' is an input of ensemble 'E', and step 0 writes it too",
        ),
        ([step("a", {"x": "t"}, {"y": "OUT"})], "ensemble input 'IN' for ensemble 'E' is not used"),
        ([step("a", {"x": "IN"}, {"y": "t"})], "output 'OUT' for ensemble 'E' is not written"),
        (
            [step("a", {"x": "IN", "z": "nothing"}, {"y": "OUT"})],
            r"'nothing' is never written in ensemble 'E', and step 0 \(a\) reads it",
        ),
        ([ONE, step("b", {"x": "IN"}, {"y": "spare"})], "ensemble tensor 'spare' is unused in ensemble 'E'"),
        (
            [step("a", {"x": "IN", "back": "u"}, {"y": "t"}), step("b", {"x": "t"}, {"y": "u", "z": "OUT"})],
            r"steps of ensemble 'E' wait for one another: 0 \(a\), 1 \(b\)",
        ),
    ],
)
def test_steps_that_lead_nowhere_are_refused(steps: list[str], reason: str) -> None:
    with pytest.raises(ModelLoadFailed, match=reason):
        graph(*steps)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f'platform: "ensemble" {IO}', "ensemble scheduling must be set for ensemble 'E'"),
        (f'backend: "python" {IO} ensemble_scheduling {{ {ONE} }}', "for model 'E' whose platform is not ensemble"),
        (f'platform: "ensemble" backend: "python" {IO} ensemble_scheduling {{ {ONE} }}', "pair, got: ensemble, python"),
        (
            f'platform: "ensemble" {IO} ensemble_scheduling {{ {ONE} }} instance_group {{ count: 2 }}',
            "instance group should not be specified for ensemble 'E'",
        ),
        (
            f'platform: "ensemble" {IO} ensemble_scheduling {{ {ONE} }} model_warmup {{ name: "w" }}',
            "model_warmup should not be specified for ensemble 'E'",
        ),
    ],
)
def test_fields_that_an_ensemble_can_not_have(text: str, reason: str) -> None:
    config = model_config.parse(text, "E")
    assert ensemble.is_ensemble(config)
    with pytest.raises(ModelLoadFailed, match=reason):
        ensemble.graph(config)
