"""An encoder and a decoder as two ONNX files: one gives keys and values of a text, the other is a decoder with a cache.

Rule: the decoder's file is like any other decoder's, so that who writes with it needs to know nothing of encoders.
"""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
import onnx
from onnx import TensorProto, helper

from training.export import decoder_onnx
from training.export.decoder_onnx import RUNTIMES, Graph, caches
from training.models.decoder import Attention, DecoderConfig, Layer
from training.models.seq2seq import Seq2seq


def export(model: Seq2seq, encoder: Path, decoder: Path) -> None:
    """Write both. The encoder's input is `input_ids` int64 [1, sequence], one text; its outputs are
    `present.0.key` and `.value` and so on, [1, kv_heads, sequence, head_dim]."""
    decoder_onnx.export(model.decoder, decoder)
    config = model.config.decoder
    graph = _Encoder(config)
    graph.constants(model)
    x = graph.graph.add("Gather", ["embed_tokens", "input_ids"], "embedded")
    for number, layer in enumerate(cast(Iterable[Layer], model.encoder.layers)):
        name = f"encoder.{number}"
        x = graph.graph.layer(x, layer, name, partial(graph.read, layer.self_attn, name))
    x = graph.graph.normed(x, model.encoder.norm, "norm")
    for number, layer in enumerate(cast(Iterable[Layer], model.decoder.layers)):
        graph.give(x, layer.self_attn, number)
    inputs = [helper.make_tensor_value_info("input_ids", TensorProto.INT64, [1, "sequence"])]
    onnx.save(graph.graph.model("encoder", inputs, caches("present", config, 1, "sequence")), encoder)
    onnx.checker.check_model(encoder)


class _Encoder:
    def __init__(self, config: DecoderConfig) -> None:
        self.graph = Graph(config)
        self._config = config

    def constants(self, model: Seq2seq) -> None:
        self.graph.constant("cos", model.decoder.cos)
        self.graph.constant("sin", model.decoder.sin)
        self.graph.constant("embed_tokens", model.decoder.embed_tokens.weight)
        self.graph.constant("first_position", np.array([0]))
        self.graph.constant("apart", np.array([1, -1, self._config.num_key_value_heads, self._config.head_dim]))

    def read(self, attention: Attention, name: str, x: str) -> str:
        """Attended to both ways."""
        config, graph = self._config, self.graph
        queries = graph.heads(x, attention.q_proj, attention.q_norm, f"{name}.q")
        keys = graph.heads(x, attention.k_proj, attention.k_norm, f"{name}.k")
        return graph.add(
            "Attention",
            [
                self._turned(queries, config.num_attention_heads),
                self._turned(keys, config.num_key_value_heads),
                graph.linear(x, [attention.v_proj], f"{name}.v"),
            ],
            f"{name}.attention",
            q_num_heads=config.num_attention_heads,
            kv_num_heads=config.num_key_value_heads,
        )

    def give(self, x: str, attention: Attention, number: int) -> None:
        """The decoder's keys and values of the text."""
        name, graph = f"decoder.{number}", self.graph
        keys = self._turned(
            graph.heads(x, attention.k_proj, attention.k_norm, f"{name}.k"), self._config.num_key_value_heads
        )
        values = graph.linear(x, [attention.v_proj], f"{name}.v")
        for part, rows in (("key", keys), ("value", values)):
            apart = graph.add("Reshape", [rows, "apart"], f"{name}.{part}.apart")
            graph.add("Transpose", [apart], f"present.{number}.{part}", perm=[0, 2, 1, 3])

    def _turned(self, x: str, heads: int) -> str:
        """To their positions."""
        return self.graph.add(
            "RotaryEmbedding",
            [x, "first_position", "cos", "sin"],
            f"{x}.turned",
            domain=RUNTIMES,
            num_heads=heads,
        )
