"""What a model's config asks for and won't get, in words for its owner.

Rule: only of what is harmless; what would change an answer is refused where the config is read.
"""

from collections.abc import Mapping

from tritonclient.grpc.model_config_pb2 import DataType, ModelOutput

from serving.core import model_config, parameter_names, response_cache_config
from serving.core.model_config import ModelConfig
from serving.engine.load_policy import LoadPolicy


def config_warnings(config: ModelConfig, policy: LoadPolicy) -> list[str]:
    """Of a completed config."""
    return [
        *(
            f"config.pbtxt sets '{field}', which has no effect here{parameter_names.advice(config, field)}"
            for field in model_config.unhonoured(config)
        ),
        *response_cache_config.without_effect(config, policy.has_response_cache),
        *(_void_thread_counts(config) if policy.shares_threads and config.backend == "onnxruntime" else ()),
    ]


def _void_thread_counts(config: ModelConfig) -> list[str]:
    return [
        f"config.pbtxt sets 'parameters.{name}', which has no effect while all ONNX models share one thread pool"
        for name in ("inter_op_thread_count", "intra_op_thread_count")
        if name in config.parameters
    ]


def label_warnings(config: ModelConfig, labels: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Of a completed config and the `labels` of a version. Scores have one for each class; those of numbers and of
    pictures name what may be in them."""
    return [
        f"output '{output.name}' has {output.dims[-1]} classes and {output.label_filename} {len(labels[output.name])}"
        for output in config.output
        if output.label_filename and _is_scores(output) and output.dims[0] not in (-1, len(labels[output.name]))
    ]


def _is_scores(output: ModelOutput) -> bool:
    return len(output.dims) == 1 and DataType.Name(output.data_type).startswith("TYPE_FP")
