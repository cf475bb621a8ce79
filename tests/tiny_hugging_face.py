"""Folders of tiny Hugging Face models with random weights, written by `save_pretrained`."""

import json
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from tests import tiny_tokenizers

CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{{ message['content'] | trim + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
_SIZE = {
    "vocab_size": 420,  # more than the tokenizer has, as many models do
    "hidden_size": 64,
    "intermediate_size": 160,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "bos_token_id": 0,
    "eos_token_id": [1, 3],
}


def write_decoder(
    folder: Path, model_type: str = "llama", dtype: torch.dtype = torch.float32, shard: str = "1GB", **fields: Any
) -> PreTrainedModel:
    """The model of what it wrote, as transformers reads it in float32."""
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(model_type, **_SIZE | fields)).eval()
    for name, parameter in model.named_parameters():  # large enough that choices are clear ones
        torch.nn.init.normal_(parameter, mean=1.0 if "norm" in name else 0.0, std=0.2)
    model.to(dtype).save_pretrained(folder, max_shard_size=shard)
    tokenizer().save_pretrained(folder)
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def write_encoder(folder: Path, labels: int = 0, dtype: torch.dtype = torch.float32, **fields: Any) -> PreTrainedModel:
    """A BertModel, or a classifier where there are `labels`; as transformers reads it in float32."""
    kind = AutoModelForSequenceClassification if labels else AutoModel
    torch.manual_seed(0)
    sizes = {name: value for name, value in _SIZE.items() if not name.endswith("token_id")}
    config = AutoConfig.for_model("bert", **sizes | fields)
    if labels:
        config.num_labels = labels
    model = kind.from_config(config).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    model.to(dtype).save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return kind.from_pretrained(folder, dtype=torch.float32).eval()


def write_modules(folder: Path, pooling: str, *after: str, transformer: str = "") -> None:
    """What sentence-transformers writes beside a model: the steps from a text to its embedding."""
    steps = {"Transformer": transformer, "Pooling": "1_Pooling"} | {kind: f"2_{kind}" for kind in after}
    modules = [
        {"idx": number, "name": str(number), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for number, (kind, path) in enumerate(steps.items())
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    modes = ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens", "lasttoken")
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(
        json.dumps({"word_embedding_dimension": 64, **{f"pooling_mode_{mode}": mode == pooling for mode in modes}})
    )


def tokenizer() -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(
        tokenizer_object=tiny_tokenizers.byte_level(),
        bos_token="<s>",
        eos_token="</s>",
        model_max_length=256,
        chat_template=CHAT_TEMPLATE,
    )
