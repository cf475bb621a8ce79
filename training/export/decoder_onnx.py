"""A decoder as one ONNX graph that keeps its keys and values in memory of the caller's.

Rule: the graph is written here node by node from the weights, around `GroupQueryAttention` of ONNX Runtime, which
alone takes rows of different lengths without padding and writes into the cache where it lies.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from training.export.int8_product import Int8Products
from training.models.decoder import Attention, Decoder, DecoderConfig, Layer
from training.precision import FLOAT32, INT8

OPSET = 23  # the first with RMSNormalization
RUNTIMES = "com.microsoft"
_LARGEST = 1 << 30  # bytes of weights in the file itself; protobuf has no room for more than 2 GB


def export(model: Decoder, path: Path, largest: int = _LARGEST, weights: str = FLOAT32) -> None:
    """Write `path`. Inputs: `input_ids` int64 [batch, sequence], `seqlens_k` int32 [batch], which is the positions that
    are filled after the call, less one, `total_sequence_length` int32 [], the most filled ones, and each layer's
    `past_key_values.0.key` and `.value` [batch, kv_heads, max_length, head_dim]. Outputs: `logits` [batch, vocab] of
    what follows the last token, and `present.0.key` and `.value`, which are the pasts' own memory.

    Above one row, with several tokens each, only a cache that is empty will do. Where there are more than `largest`
    bytes of weights, they are in a second file, `path` with `.data` behind its name. With `weights` "int8", products
    are computed in 8 bits, which the file's metadata tells; embedding, norms and cache are float32 all the same. Raises
    where ONNX's own checker finds fault.
    """
    config = model.config
    graph = Graph(config, weights)
    graph.constant("cos", model.cos)
    graph.constant("sin", model.sin)
    graph.constant("embed_tokens", model.embed_tokens.weight)
    x = graph.add("Gather", ["embed_tokens", "input_ids"], "embedded")
    for number, layer in enumerate(cast(Iterable[Layer], model.layers)):
        last = number == config.num_hidden_layers - 1
        x = graph.layer(x, layer, f"layers.{number}", partial(graph.written, layer.self_attn, number), last)
    graph.head(x, model)
    inputs = [
        helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "sequence"]),
        helper.make_tensor_value_info("seqlens_k", TensorProto.INT32, ["batch"]),
        helper.make_tensor_value_info("total_sequence_length", TensorProto.INT32, []),
        *caches("past_key_values", config, "batch", "max_length"),
    ]
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", config.vocab_size])
    made = graph.model("decoder", inputs, [logits, *caches("present", config, "batch", "max_length")])
    if weights != FLOAT32:
        helper.set_model_props(made, {"weights": weights})
    outside, data = graph.weight_bytes > largest, path.with_name(f"{path.name}.data")
    onnx.save(made, path, save_as_external_data=outside, location=data.name)
    if outside:
        data.chmod(path.stat().st_mode)  # onnx lets nobody else read it
    onnx.checker.check_model(path)


def caches(kind: str, config: DecoderConfig, rows: str | int, positions: str) -> list[onnx.ValueInfoProto]:
    """The keys and values of each layer as inputs or outputs of a graph."""
    shape: list[str | int | None] = [rows, config.num_key_value_heads, positions, config.head_dim]
    names = [f"{kind}.{n}.{part}" for n in range(config.num_hidden_layers) for part in ("key", "value")]
    return [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in names]


class Graph:
    """What is there so far; each method that adds to it returns its output's name."""

    def __init__(self, config: DecoderConfig, weights: str = FLOAT32) -> None:
        self._config = config
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._int8 = Int8Products(self) if weights == INT8 else None

    @property
    def weight_bytes(self) -> int:
        return sum(len(tensor.raw_data) for tensor in self._constants)

    def add(self, kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        self._nodes.append(helper.make_node(kind, inputs, [output], output, **attributes))
        return output

    def constant(self, name: str, values: Tensor | np.ndarray) -> str:
        array = values.detach().float().cpu().numpy() if isinstance(values, Tensor) else values
        self._constants.append(numpy_helper.from_array(np.asarray(array, order="C"), name))
        return name

    def layer(self, x: str, layer: Layer, name: str, attend: Callable[[str], str], last: bool = False) -> str:
        """`last` goes on with the last position alone, once its keys and values are those of all: what comes after a
        decoder's last layer is nobody's of the others."""
        attended = attend(self.normed(x, layer.input_layernorm, f"{name}.input"))
        if last:
            index = self.constant("last", np.array(-1))
            attended, x = (self.add("Gather", [it, index], f"{it}.last", axis=1) for it in (attended, x))
        x = self.add("Add", [x, self.linear(attended, [layer.self_attn.o_proj], f"{name}.o")], f"{name}.attended")
        normed = self.normed(x, layer.post_attention_layernorm, f"{name}.post_attention")
        gate = self.linear(normed, [layer.mlp.gate_proj], f"{name}.gate")
        up = self.linear(normed, [layer.mlp.up_proj], f"{name}.up")
        opened = self.add("Mul", [gate, self.add("Sigmoid", [gate], f"{name}.sigmoid")], f"{name}.silu")
        product = self.add("Mul", [opened, up], f"{name}.product")
        return self.add("Add", [x, self.linear(product, [layer.mlp.down_proj], f"{name}.down")], f"{name}.out")

    def head(self, x: str, model: Decoder) -> None:
        """`x` [batch, hidden]: the logits of other positions would be as large as the vocabulary, each."""
        normed = self.normed(x, model.norm, "norm")
        if model.lm_head is None and self._int8 is None:
            self.add("Gemm", [normed, "embed_tokens"], "logits", transB=1)
            return
        head = model.embed_tokens if model.lm_head is None else model.lm_head
        self._product(normed, _weights(head)["weight"].T, "lm_head", "logits")

    def model(
        self, name: str, inputs: Sequence[onnx.ValueInfoProto], outputs: Sequence[onnx.ValueInfoProto]
    ) -> onnx.ModelProto:
        return helper.make_model(
            helper.make_graph(self._nodes, name, inputs, outputs, self._constants),
            ir_version=11,
            opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(RUNTIMES, 1)],
        )

    def written(self, attention: Attention, number: int, x: str) -> str:
        """Attended to over the cache, which the tokens are added to."""
        name = f"layers.{number}"
        past, present = (
            [f"{kind}.{number}.{part}" for part in ("key", "value")] for kind in ("past_key_values", "present")
        )
        attended = f"{name}.attention"
        self._nodes.append(
            helper.make_node(
                "GroupQueryAttention",
                [*self._heads(x, attention, name), *past, "seqlens_k", "total_sequence_length", "cos", "sin"],
                [attended, *present],
                attended,
                domain=RUNTIMES,
                num_heads=self._config.num_attention_heads,
                kv_num_heads=self._config.num_key_value_heads,
                do_rotary=1,
            )
        )
        return attended

    def _heads(self, x: str, attention: Attention, name: str) -> tuple[str, str, str]:
        """Queries, keys and values, or all of them packed into the first where no norm comes between."""
        q, k, v = attention.q_proj, attention.k_proj, attention.v_proj
        if not self._config.qk_norm:
            return self.linear(x, [q, k, v], f"{name}.qkv"), "", ""
        return (
            self.heads(x, q, attention.q_norm, f"{name}.q"),
            self.heads(x, k, attention.k_norm, f"{name}.k"),
            self.linear(x, [v], f"{name}.v"),
        )

    def heads(self, x: str, projection: nn.Linear, norm: nn.Module, name: str) -> str:
        """Queries or keys, not yet turned to their positions."""
        x = self.linear(x, [projection], name)
        return self._normed_heads(x, norm, name) if self._config.qk_norm else x

    def _normed_heads(self, x: str, norm: nn.Module, name: str) -> str:
        apart = self.constant(f"{name}.apart", np.array([0, 0, -1, self._config.head_dim]))
        together = self.constant(f"{name}.together", np.array([0, 0, -1]))
        heads = self.add("Reshape", [x, apart], f"{name}.heads")
        return self.add("Reshape", [self.normed(heads, norm, name), together], f"{name}.normed")

    def normed(self, x: str, norm: nn.Module, name: str) -> str:
        weight = self.constant(f"{name}_norm.weight", _weights(norm)["weight"])
        return self.add("RMSNormalization", [x, weight], f"{name}_norm", axis=-1, epsilon=self._config.rms_norm_eps)

    def linear(self, x: str, parts: Sequence[nn.Linear], name: str) -> str:
        """Several that read the same are one product, whose outputs lie side by side."""
        weight = np.concatenate([_weights(part)["weight"] for part in parts]).T
        product = self._product(x, weight, f"{name}.weight", f"{name}.product")
        biases = [weights["bias"] for weights in map(_weights, parts) if "bias" in weights]
        if not biases:
            return product
        return self.add("Add", [product, self.constant(f"{name}.bias", np.concatenate(biases))], f"{name}.sum")

    def _product(self, x: str, weight: np.ndarray, name: str, output: str) -> str:
        if self._int8 is not None:
            return self._int8.add(x, weight, name, output)
        return self.add("MatMul", [x, self.constant(name, weight)], output)


def _weights(module: nn.Module) -> dict[str, np.ndarray]:
    return {name: parameter.detach().float().cpu().numpy() for name, parameter in module.named_parameters()}
