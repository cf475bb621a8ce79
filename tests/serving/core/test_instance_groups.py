import pytest

from serving.core import model_config
from serving.core.instance_groups import check_gpu, devices, no_gpus
from serving.core.model_config import ModelConfig
from serving.errors import ModelLoadFailed

IO = """input { name: "x" data_type: TYPE_FP32 dims: 4 } output { name: "y" data_type: TYPE_FP32 dims: 4 }"""


def completed(groups: str, backend: str = "pytorch") -> ModelConfig:
    text = f'backend: "{backend}" {IO} instance_group [{groups}]'
    return model_config.complete(model_config.parse(text, "m"))


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ("", ["cpu"]),
        ("{ count: 2 }, { kind: KIND_CPU }", ["cpu", "cpu", "cpu"]),
        ("{ kind: KIND_GPU count: 2 }", ["cuda:0", "cuda:0"]),
        ("{ kind: KIND_GPU count: 2 gpus: [ 1, 3 ] }", ["cuda:1", "cuda:1", "cuda:3", "cuda:3"]),
        ("{ gpus: [ 1 ] }", ["cuda:1"]),
        ("{ kind: KIND_AUTO }", ["cpu"]),
        ("{ kind: KIND_MODEL count: 2 }, { kind: KIND_GPU }", ["model", "model", "cuda:0"]),
    ],
)
def test_one_place_for_each_instance(groups: str, expected: list[str]) -> None:
    assert devices(completed(groups)) == expected


def test_what_was_filled_in_can_be_seen() -> None:
    groups = completed("{ kind: KIND_GPU }, { gpus: 2 }, { name: 'mine' }").instance_group
    assert [(group.name, group.kind, group.count, list(group.gpus)) for group in groups] == [
        ("m_0", groups[0].KIND_GPU, 1, [0]),
        ("m_1", groups[0].KIND_GPU, 1, [2]),
        ("mine", groups[0].KIND_CPU, 1, []),
    ]


@pytest.mark.parametrize(
    ("groups", "reason"),
    [
        (
            "{ name: 'g' kind: KIND_CPU gpus: 0 }",
            "instance group g of model m has kind KIND_CPU but specifies one or more GPUs",
        ),
        ("{ kind: KIND_MODEL gpus: 0 }", "instance group m_0 of model m has kind KIND_MODEL but specifies one or more"),
        ("{ kind: KIND_GPU gpus: -1 }", "has kind KIND_GPU and specifies invalid or unsupported gpu id -1"),
        ("{ count: -1 }", r"count must be in range \[1, 256\], got -1"),
        ("{ kind: KIND_GPU count: 100 gpus: [ 0, 1, 2 ] }", "counts must be at most 256 together"),
    ],
)
def test_groups_that_cannot_be_had_are_refused_by_name(groups: str, reason: str) -> None:
    with pytest.raises(ModelLoadFailed, match=reason):
        completed(groups)


def test_only_backends_whose_models_have_code_place_themselves() -> None:
    assert devices(completed("{ kind: KIND_MODEL }", "python")) == ["model"]
    with pytest.raises(ModelLoadFailed, match="kind KIND_MODEL, but onnxruntime models do not place themselves"):
        completed("{ kind: KIND_MODEL }", "onnxruntime")


def test_the_group_that_wants_a_gpu_is_named_in_tritons_words() -> None:
    config = completed("{ kind: KIND_CPU }, { kind: KIND_GPU }")
    assert str(no_gpus(config, "there is none")) == (
        "instance group m_1 of model m has kind KIND_GPU but no GPUs are available: there is none"
    )


def test_a_gpu_that_is_not_there_is_told_with_those_that_are() -> None:
    check_gpu("cuda:1", 2)
    with pytest.raises(ModelLoadFailed, match=r"invalid or unsupported gpu id 2\. GPUs are: 0, 1"):
        check_gpu("cuda:2", 2)
