"""Encoders that read tokens, made on the fly: the mean of the tokens' vectors that the mask leaves, of length 1; and
classifiers that make probabilities of it."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.tiny_decoders import byte_level_tokenizer

VOCAB, SIZE = 300, 8
LABELS = tuple(f"kind {number}" for number in range(SIZE))


def table() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(VOCAB, SIZE)).astype(np.float32)


def embedding(tokens: list[int]) -> np.ndarray:
    """What the model should answer."""
    mean = table()[tokens].mean(axis=0)
    found: np.ndarray = mean / np.linalg.norm(mean)
    return found


def scores(tokens: list[int]) -> dict[str, float]:
    """What the classifier should answer, best first."""
    weights = np.exp(embedding(tokens))
    best = np.argsort(-weights)
    return {LABELS[number]: float(weights[number] / weights.sum()) for number in best}


def add_tiny_text_classifier(root: Path, name: str = "topics") -> None:
    """A repository's model with a tokenizer beside it."""
    output = 'output { name: "probabilities" data_type: TYPE_FP32 dims: 8 label_filename: "labels.txt" }'
    (root / name).mkdir(parents=True)
    (root / name / "labels.txt").write_text("\n".join(LABELS))
    add_tiny_encoder(root, name, f"{output} dynamic_batching {{ }}", "probabilities")


def add_tiny_encoder(
    root: Path, name: str = "encoder", config: str = "dynamic_batching { }", output: str = "embedding"
) -> None:
    """A repository's model with a tokenizer beside it."""
    version = root / name / "1"
    version.mkdir(parents=True)
    (root / name / "config.pbtxt").write_text(f'backend: "onnxruntime" max_batch_size: 16 {config}')
    ids = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "sequence"])
    mask = helper.make_tensor_value_info("attention_mask", TensorProto.INT64, ["batch", "sequence"])
    out = helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", SIZE])
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["vectors"]),
        helper.make_node("Cast", ["attention_mask"], ["kept"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["kept", "last"], ["weights"]),
        helper.make_node("Mul", ["vectors", "weights"], ["weighted"]),
        helper.make_node("ReduceSum", ["weighted", "one"], ["sum"], keepdims=0),
        helper.make_node("LpNormalization", ["sum"], ["embedding"], axis=-1, p=2),
        *([] if output == "embedding" else [helper.make_node("Softmax", ["embedding"], [output], axis=-1)]),
    ]
    constants = [
        numpy_helper.from_array(table(), "table"),
        numpy_helper.from_array(np.array([2]), "last"),
        numpy_helper.from_array(np.array([1]), "one"),
    ]
    graph = helper.make_graph(nodes, "encoder", [ids, mask], [out], constants)
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), version / "model.onnx"
    )
    byte_level_tokenizer(VOCAB).save(str(version / "tokenizer.json"))
    (version / "config.json").write_text('{"max_position_embeddings": 64}')
