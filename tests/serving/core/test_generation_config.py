import pytest

from serving.core.generation_config import GenerationConfig, complete, generation_config, is_generating
from serving.core.model_config import ModelConfig, parse, unhonoured
from serving.errors import ModelLoadFailed


def config(rest: str = "", task: str = "text-generation", **generation: str) -> ModelConfig:
    given = {"task": task, **generation}
    parameters = " ".join(
        f'parameters {{ key: "generation.{name}" value {{ string_value: "{text}" }} }}' for name, text in given.items()
    )
    return parse(f'backend: "onnxruntime" {parameters} {rest}', "m")


def test_only_models_with_its_parameters_generate() -> None:
    assert is_generating(config())
    assert not is_generating(parse('backend: "onnxruntime"', "m"))


def test_a_task_is_enough_and_everything_can_be_said() -> None:
    assert generation_config(config()) == GenerationConfig()
    given = config(
        max_num_seqs="4",
        max_model_len="100",
        max_num_batched_tokens="64",
        max_num_queued_reqs="7",
        enable_prefix_caching="false",
        itl_objective_ms="50",
    )
    assert generation_config(given) == GenerationConfig(4, 100, 64, 7, False, 0.05)
    assert not unhonoured(complete(given))


def test_what_an_encoder_reads_is_not_kept_for_its_prefix() -> None:
    found = generation_config(config(task="text2text-generation"))
    assert (found.task, found.enable_prefix_caching) == ("text2text-generation", False)
    assert generation_config(config(task="text2text-generation", enable_prefix_caching="false")) == found
    with pytest.raises(ModelLoadFailed, match=r"enable_prefix_caching can't be true with .*text2text.*leave it out"):
        generation_config(config(task="text2text-generation", enable_prefix_caching="true"))


def test_it_has_the_inputs_and_outputs_of_tritons_vllm_backend() -> None:
    completed = complete(config())
    assert [(tensor.name, tensor.optional) for tensor in completed.input] == [
        ("text_input", False),
        ("stream", True),
        ("sampling_parameters", True),
        ("exclude_input_in_output", True),
    ]
    assert [tensor.name for tensor in completed.output] == ["text_output"]
    assert completed.model_transaction_policy.decoupled
    assert complete(completed) == completed


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (config(task="painting"), "generation.task must be text-generation or text2text-generation, got 'painting'"),
        (config(max_num_seq="3"), "generation.max_num_seq is not known.*max_num_seqs"),
        (config(max_num_seqs="many"), "generation.max_num_seqs must be a number above 0"),
        (config(itl_objective_ms="-1"), "generation.itl_objective_ms must be milliseconds above 0"),
        (config(max_num_seqs="8", max_num_batched_tokens="8"), "must be more than the 8 of .*, got 8"),
        (config("max_batch_size: 8"), "max_batch_size must be 0, got 8"),
        (
            config('parameters { key: "isolation" value { string_value: "process" } }'),
            "isolation: a model with generation.task runs in the server's process",
        ),
        (config("dynamic_batching { }"), "dynamic_batching: .* leave it out"),
        (config('input { name: "x" data_type: TYPE_FP32 dims: 1 }'), "input: .* leave it out"),
        (config("instance_group { count: 2 kind: KIND_CPU }"), "one instance.*asks for 2"),
    ],
)
def test_what_is_wrong_is_named(given: ModelConfig, message: str) -> None:
    with pytest.raises(ModelLoadFailed, match=message):
        complete(given)
