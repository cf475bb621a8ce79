import pytest

from serving.core import model_config
from serving.core.onnx_options import GraphLevel, OnnxOptions, onnx_fields, onnx_options, providers, refuse_files
from serving.errors import ModelLoadFailed


def options(text: str) -> OnnxOptions:
    return onnx_options(model_config.parse(text, "m"))


def parameter(name: str, value: str) -> str:
    return f'parameters {{ key: "{name}" value {{ string_value: "{value}" }} }}'


def accelerators(cpu: str = "", gpu: str = "") -> str:
    named = [("cpu_execution_accelerator", cpu), ("gpu_execution_accelerator", gpu)]
    blocks = " ".join(f"{field} [{text}]" for field, text in named if text)
    return f"optimization {{ execution_accelerators {{ {blocks} }} }}"


def test_an_empty_config_leaves_the_runtimes_defaults() -> None:
    assert options("") == OnnxOptions(0, 0, False, GraphLevel.ALL, True, True, "", (), (), {})


def test_parameters_have_tritons_names_and_meaning() -> None:
    chosen = options(
        parameter("intra_op_thread_count", "2")
        + parameter("inter_op_thread_count", "3")
        + parameter("execution_mode", "1")
        + parameter("enable_mem_arena", "0")
        + parameter("enable_mem_pattern", "0")
        + parameter("gpu_mem_limit", "4294967296")
        + parameter("cudnn_conv_algo_search", "1")
        + parameter("arena_extend_strategy", "1")
        + parameter("do_copy_in_default_stream", "0")
        + "optimization { graph { level: -1 } }"
    )
    assert (chosen.intra_op_threads, chosen.inter_op_threads, chosen.is_parallel) == (2, 3, True)
    assert (chosen.mem_arena, chosen.mem_pattern, chosen.graph_level) == (False, False, GraphLevel.BASIC)
    assert chosen.cuda == {
        "cudnn_conv_algo_search": "HEURISTIC",
        "arena_extend_strategy": "kSameAsRequested",
        "do_copy_in_default_stream": "0",
        "gpu_mem_limit": "4294967296",
    }


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (parameter("execution_mode", "2"), r"execution_mode must be 0 \(sequential\), 1 \(parallel\), got '2'"),
        (parameter("enable_mem_arena", "no"), "enable_mem_arena must be true, false, 1 or 0, got 'no'"),
        (parameter("cudnn_conv_algo_search", "FAST"), r"cudnn_conv_algo_search must be 0 \(EXHAUSTIVE\).*got 'FAST'"),
        (parameter("gpu_mem_limit", "4GB"), "gpu_mem_limit must be a number of bytes, at most .*, got '4GB'"),
        (parameter("memory.enable_memory_arena_shrinkage", "1"), "must name devices such as 'cpu:0'.*, got '1'"),
        (
            parameter("memory.enable_memory_arena_shrinkage", "cpu:0") + parameter("enable_mem_arena", "0"),
            "shrinks the arena that enable_mem_arena switches off",
        ),
        ("optimization { graph { level: 3 } }", r"optimization.graph.level must be -1 \(basic\).*got 3"),
        (accelerators(cpu='{ name: "warp" }'), "unknown Execution Accelerator 'warp' is requested, known are cuda"),
        (
            accelerators(gpu='{ name: "tensorrt" parameters { key: "precision_mode" value: "FP8" } }'),
            "precision_mode must be one of FP32, FP16, INT8, got 'FP8'",
        ),
        (
            accelerators(
                gpu='{ name: "tensorrt" parameters { key: "trt_extra_plugin_lib_paths" value: "/tmp/x.so" } }'
            ),
            "tensorrt's trt_extra_plugin_lib_paths is nothing that a config may set",
        ),
        (
            accelerators(gpu='{ name: "cuda" parameters { key: "gpu_external_alloc" value: "140735" } }'),
            "cuda's gpu_external_alloc is nothing that a config may set",
        ),
    ],
)
def test_what_cannot_be_meant_names_the_field_and_what_it_may_be(text: str, reason: str) -> None:
    with pytest.raises(ModelLoadFailed, match=reason):
        options(text)


def test_only_a_config_of_this_machine_names_files_of_it() -> None:
    asked = accelerators(gpu='{ name: "tensorrt" parameters { key: "trt_engine_cache_path" value: "/tmp" } }')
    config = model_config.parse(asked, "m")
    refuse_files(config, "")
    refuse_files(model_config.parse("", "m"), "s3://bucket/models")
    with pytest.raises(ModelLoadFailed, match=r"tensorrt's trt_engine_cache_path names a file .* comes from s3://b"):
        refuse_files(config, "s3://bucket/models")


def test_the_cpu_is_always_the_last_resort() -> None:
    openvino = accelerators(cpu='{ name: "openvino" parameters { key: "num_streams" value: "2" } }')
    assert providers(options(""), "cpu") == [("CPUExecutionProvider", {})]
    assert providers(options(openvino), "cpu") == [
        ("OpenVINOExecutionProvider", {"num_streams": "2"}),
        ("CPUExecutionProvider", {}),
    ]


def test_a_gpu_has_its_number_and_its_accelerators_first() -> None:
    chosen = options(
        accelerators(
            gpu="""{ name: "tensorrt" parameters { key: "precision_mode" value: "FP16" }
            parameters { key: "max_workspace_size_bytes" value: "1024" }
            parameters { key: "trt_engine_cache_enable" value: "1" } }"""
        )
        + parameter("gpu_mem_limit", "7")
    )
    assert providers(chosen, "cuda:1") == [
        (
            "TensorrtExecutionProvider",
            {
                "device_id": "1",
                "trt_fp16_enable": "1",
                "trt_max_workspace_size": "1024",
                "trt_engine_cache_enable": "1",
            },
        ),
        ("CUDAExecutionProvider", {"cudnn_conv_algo_search": "HEURISTIC", "device_id": "1", "gpu_mem_limit": "7"}),
        ("CPUExecutionProvider", {}),
    ]
    assert providers(chosen, "cpu") == [("CPUExecutionProvider", {})]


def test_cuda_as_an_accelerator_is_there_once() -> None:
    chosen = options(accelerators(gpu='{ name: "cuda" parameters { key: "gpu_mem_limit" value: "9" } }'))
    assert providers(chosen, "cuda:0") == [
        ("CUDAExecutionProvider", {"cudnn_conv_algo_search": "HEURISTIC", "device_id": "0", "gpu_mem_limit": "9"}),
        ("CPUExecutionProvider", {}),
    ]


def test_what_is_for_gpus_is_acted_on_only_where_there_is_one_in_the_config() -> None:
    text = parameter("gpu_mem_limit", "7") + accelerators(gpu='{ name: "tensorrt" }')
    for_gpus = {
        "parameters.gpu_mem_limit",
        "optimization.execution_accelerators.gpu_execution_accelerator.name",
    }
    assert not for_gpus & onnx_fields(model_config.parse(text, "m"))
    assert for_gpus <= onnx_fields(model_config.parse(text + "instance_group { kind: KIND_GPU }", "m"))


def test_what_a_config_says_of_convolutions_counts_more_than_the_default() -> None:
    (_, cuda), _ = providers(options(parameter("cudnn_conv_algo_search", "0")), "cuda:0")
    assert cuda["cudnn_conv_algo_search"] == "EXHAUSTIVE"
