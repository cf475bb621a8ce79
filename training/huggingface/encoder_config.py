"""What the folder of an encoder says: the model's sizes, and what is made of a text, its embedding or its labels.

Rule: as sentence-transformers and transformers read the same files; what they would do and Slipway doesn't is refused
by name.
"""

from pathlib import Path
from typing import Any

from serving.core.brief import brief
from serving.text.tokenizer_files import SENTENCES
from training.errors import ImportRefused
from training.huggingface.fields import Fields, count, must_be, real
from training.huggingface.folder import read_list, read_object
from training.models.encoder import ACTIVATIONS, EncoderConfig, Pooling

EMBEDDER, CLASSIFIER = "BertModel", "BertForSequenceClassification"
ARCHITECTURES = (EMBEDDER, CLASSIFIER)

_MODULES = "modules.json"  # sentence-transformers' list of the steps from a text to its embedding
_PREFIX = "pooling_mode_"
_POOLINGS = {"cls_token": Pooling.CLS, "mean_tokens": Pooling.MEAN, "max_tokens": Pooling.MAX}
_MOST_LAYERS = 1 << 10


def encoder_config(fields: Fields) -> EncoderConfig:
    """Raises `ImportRefused`."""
    for name, only in (("position_embedding_type", "absolute"), ("is_decoder", False), ("add_cross_attention", False)):
        must_be(fields, name, only)
    hidden, heads = count(fields, "hidden_size"), count(fields, "num_attention_heads")
    if hidden % heads:
        raise ImportRefused(f"config.json: hidden_size {hidden} is no multiple of num_attention_heads {heads}")
    activation = fields.get("hidden_act") or "gelu"
    if activation not in list(ACTIVATIONS):  # it may be anything
        raise ImportRefused(
            f"config.json: 'hidden_act' is {brief(activation)}, those that are served are {', '.join(ACTIVATIONS)}"
        )
    return EncoderConfig(
        vocab_size=count(fields, "vocab_size"),
        hidden_size=hidden,
        intermediate_size=count(fields, "intermediate_size"),
        num_hidden_layers=count(fields, "num_hidden_layers", most=_MOST_LAYERS),
        num_attention_heads=heads,
        max_position_embeddings=count(fields, "max_position_embeddings"),
        type_vocab_size=count(fields, "type_vocab_size", 2),
        layer_norm_eps=real(fields, "layer_norm_eps", 1e-12),
        hidden_act=activation,
    )


def transformer_folder(directory: Path) -> Path:
    """Where config.json and the weights are: `directory` itself, or a part of it as old releases of
    sentence-transformers wrote it."""
    modules = _modules(directory)
    if not modules:
        return directory
    kind, path = modules[0]
    if kind != "Transformer":
        raise ImportRefused(f"{_MODULES} begins with a {brief(kind)}, a Transformer is expected")
    return path


def pooling(directory: Path) -> tuple[Pooling, bool]:
    """How tokens become an embedding, and whether that is normalised. The mean, not normalised, where the folder has
    no modules.json, as sentence-transformers takes it. Raises `ImportRefused`."""
    after = _modules(directory)[1:]
    if unknown := [kind for kind, _ in after if kind not in ("Pooling", "Normalize")]:
        raise ImportRefused(f"{_MODULES} has a step {brief(unknown[0])}, those that are served are Pooling, Normalize")
    kinds = [kind for kind, _ in after]
    if not after:
        return Pooling.MEAN, False
    if kinds not in (["Pooling"], ["Pooling", "Normalize"]):
        raise ImportRefused(f"{_MODULES} has the steps {', '.join(kinds)}; Pooling, and then Normalize, are served")
    return _pooling(after[0][1] / "config.json"), "Normalize" in kinds


def check_case(directory: Path) -> None:
    """Raises `ImportRefused` where texts would be read in lower case, whatever the tokenizer does."""
    path = transformer_folder(directory) / SENTENCES
    if path.is_file() and read_object(path).get("do_lower_case"):
        raise ImportRefused(
            f"'{path}' has 'do_lower_case', which is not served; set it to false where the tokenizer does that"
        )


def labels(fields: Fields) -> tuple[str, ...]:
    """Of a classifier, in the order of its outputs. Raises `ImportRefused`."""
    found = fields.get("id2label") or {"0": "LABEL_0", "1": "LABEL_1"}
    names = [found.get(str(number)) for number in range(len(found))] if isinstance(found, dict) else [None]
    if not all(isinstance(name, str) and name.isprintable() for name in names):
        raise ImportRefused(f"config.json: 'id2label' is {brief(found)}, a name for each of '0', '1', ... is expected")
    return tuple(map(str, names))


def are_independent(fields: Fields) -> bool:
    """Whether each label has a probability of its own. Raises `ImportRefused` where there are none."""
    problem = fields.get("problem_type")
    if problem == "regression":
        raise ImportRefused("config.json: 'problem_type' is 'regression', of which there are no probabilities")
    return problem == "multi_label_classification" or len(labels(fields)) == 1


def _modules(directory: Path) -> list[tuple[str, Path]]:
    """The last word of each step's type, and its folder; none without the file."""
    path = directory / _MODULES
    if not path.is_file():
        return []
    return [_module(path, step) for step in read_list(path)]


def _module(path: Path, step: Any) -> tuple[str, Path]:
    kind, where = (step.get("type"), step.get("path")) if isinstance(step, dict) else (None, None)
    if not isinstance(kind, str) or not isinstance(where, str):
        raise ImportRefused(f"'{path}' has a step without 'type' and 'path'; download it again")
    folder = path.parent / where
    if folder not in (path.parent, path.parent / Path(where).name) or where == "..":
        raise ImportRefused(f"'{path}' has a step in '{where[:100]}', outside its own folder; download it again")
    return kind.rpartition(".")[2], folder


def _pooling(path: Path) -> Pooling:
    if not path.is_file():
        raise ImportRefused(f"'{path}' is missing, which {_MODULES} names; download the whole folder")
    fields = read_object(path)
    chosen = [name.removeprefix(_PREFIX) for name, on in fields.items() if name.startswith(_PREFIX) and on is True]
    if isinstance(fields.get("pooling_mode"), str):  # as newer releases write it
        chosen = [f"{fields['pooling_mode']}_{'token' if fields['pooling_mode'] == 'cls' else 'tokens'}"]
    if len(chosen) != 1 or chosen[0] not in _POOLINGS:
        raise ImportRefused(
            f"'{path}' asks for {', '.join(chosen) or 'nothing'}, one of {', '.join(_POOLINGS)} is served"
        )
    return _POOLINGS[chosen[0]]
