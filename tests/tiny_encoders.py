"""Encoders that read tokens, made on the fly: the mean of the tokens' vectors that the mask leaves, of length 1."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.tiny_decoders import byte_level_tokenizer

VOCAB, SIZE = 300, 8


def table() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(VOCAB, SIZE)).astype(np.float32)


def embedding(tokens: list[int]) -> np.ndarray:
    """What the model should answer."""
    mean = table()[tokens].mean(axis=0)
    found: np.ndarray = mean / np.linalg.norm(mean)
    return found


def add_tiny_encoder(root: Path, name: str = "encoder", config: str = "dynamic_batching { }") -> None:
    """A repository's model with a tokenizer beside it."""
    version = root / name / "1"
    version.mkdir(parents=True)
    (root / name / "config.pbtxt").write_text(f'backend: "onnxruntime" max_batch_size: 16 {config}')
    ids = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "sequence"])
    mask = helper.make_tensor_value_info("attention_mask", TensorProto.INT64, ["batch", "sequence"])
    out = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", SIZE])
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["vectors"]),
        helper.make_node("Cast", ["attention_mask"], ["kept"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["kept", "last"], ["weights"]),
        helper.make_node("Mul", ["vectors", "weights"], ["weighted"]),
        helper.make_node("ReduceSum", ["weighted", "one"], ["sum"], keepdims=0),
        helper.make_node("LpNormalization", ["sum"], ["embedding"], axis=-1, p=2),
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
