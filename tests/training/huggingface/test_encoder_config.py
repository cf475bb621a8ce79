import json
from pathlib import Path
from typing import Any

import pytest

from tests.tiny_hugging_face import write_modules
from training.errors import ImportRefused
from training.huggingface.encoder_config import (
    are_independent,
    check_case,
    encoder_config,
    labels,
    pooling,
    transformer_folder,
)
from training.models.encoder import EncoderConfig, Pooling

FIELDS: dict[str, Any] = {
    "vocab_size": 100,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 40,
}


def test_the_fields_are_the_models() -> None:
    assert encoder_config(FIELDS) == EncoderConfig(100, 32, 48, 2, 4, 40)
    assert encoder_config(FIELDS | {"hidden_act": "relu", "layer_norm_eps": 1e-5}).hidden_act == "relu"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"hidden_act": "gelu_new"}, "'hidden_act' is 'gelu_new', those that are served are gelu, relu"),
        ({"hidden_act": ["gelu"]}, "'hidden_act' is a list of 1"),
        ({"position_embedding_type": "relative_key"}, "'position_embedding_type' is 'relative_key'"),
        ({"is_decoder": True}, "'is_decoder' is True"),
        ({"num_attention_heads": 5}, "hidden_size 32 is no multiple of num_attention_heads 5"),
        ({"vocab_size": "many"}, "'vocab_size' is 'many'"),
    ],
)
def test_what_would_answer_differently_is_named(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(ImportRefused, match=reason):
        encoder_config(FIELDS | fields)


def test_texts_that_would_be_read_in_lower_case_are_not_imported(tmp_path: Path) -> None:
    check_case(tmp_path)
    (tmp_path / "sentence_bert_config.json").write_text('{"max_seq_length": 16, "do_lower_case": false}')
    check_case(tmp_path)
    (tmp_path / "sentence_bert_config.json").write_text('{"do_lower_case": true}')
    with pytest.raises(ImportRefused, match="has 'do_lower_case', which is not served; set it to false"):
        check_case(tmp_path)


def test_a_folder_that_says_nothing_is_pooled_as_sentence_transformers_does(tmp_path: Path) -> None:
    assert pooling(tmp_path) == (Pooling.MEAN, False)
    assert transformer_folder(tmp_path) == tmp_path


@pytest.mark.parametrize(
    ("mode", "after", "expected"),
    [
        ("cls_token", (), (Pooling.CLS, False)),
        ("mean_tokens", ("Normalize",), (Pooling.MEAN, True)),
        ("max_tokens", (), (Pooling.MAX, False)),
    ],
)
def test_pooling_is_what_the_folder_says(
    tmp_path: Path, mode: str, after: tuple[str, ...], expected: tuple[Pooling, bool]
) -> None:
    write_modules(tmp_path, mode, *after, transformer="0_Transformer")

    assert pooling(tmp_path) == expected
    assert transformer_folder(tmp_path) == tmp_path / "0_Transformer"


@pytest.mark.parametrize(("mode", "expected"), [("cls", Pooling.CLS), ("mean", Pooling.MEAN), ("max", Pooling.MAX)])
def test_pooling_is_read_in_the_words_of_newer_releases(tmp_path: Path, mode: str, expected: Pooling) -> None:
    write_modules(tmp_path, "none")
    (tmp_path / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode": mode}))

    assert pooling(tmp_path) == (expected, False)


@pytest.mark.parametrize(
    ("mode", "after", "reason"),
    [
        ("lasttoken", (), "asks for lasttoken, one of cls_token, mean_tokens, max_tokens is served"),
        ("none", (), "asks for nothing"),
        ("mean_tokens", ("Dense",), "has a step 'Dense', those that are served are Pooling, Normalize"),
    ],
)
def test_steps_that_are_not_served_are_named(tmp_path: Path, mode: str, after: tuple[str, ...], reason: str) -> None:
    write_modules(tmp_path, mode, *after)

    with pytest.raises(ImportRefused, match=reason):
        pooling(tmp_path)


@pytest.mark.parametrize(
    ("modules", "reason"),
    [
        ({}, "must hold a JSON list, got an object"),
        ([3], "has a step without 'type' and 'path'"),
        ([{"type": "x.Transformer", "path": "../other"}], "in '../other', outside its own folder"),
        ([{"type": "x.Transformer", "path": ".."}], "outside its own folder"),
        ([{"type": "x.Transformer", "path": "/etc"}], "outside its own folder"),
        ([{"type": "x.Pooling", "path": ""}], "begins with a 'Pooling', a Transformer is expected"),
    ],
)
def test_a_list_of_steps_that_is_none_is_named(tmp_path: Path, modules: object, reason: str) -> None:
    (tmp_path / "modules.json").write_text(json.dumps(modules))

    with pytest.raises(ImportRefused, match=reason):
        transformer_folder(tmp_path)


def test_a_step_whose_file_is_missing_is_named(tmp_path: Path) -> None:
    write_modules(tmp_path, "cls_token")
    (tmp_path / "1_Pooling" / "config.json").unlink()

    with pytest.raises(ImportRefused, match=r"1_Pooling/config\.json' is missing, which modules\.json names"):
        pooling(tmp_path)


def test_labels_are_in_the_order_of_the_outputs() -> None:
    assert labels({"id2label": {"1": "bad", "0": "good"}}) == ("good", "bad")
    assert labels({}) == ("LABEL_0", "LABEL_1")


@pytest.mark.parametrize("found", [["good"], {"0": "good", "2": "bad"}, {"0": 3}, {"0": "two\nlines"}])
def test_labels_that_are_none_are_named(found: object) -> None:
    with pytest.raises(ImportRefused, match=r"'id2label' is .*, a name for each"):
        labels({"id2label": found})


def test_labels_are_independent_where_several_may_be_right() -> None:
    assert not are_independent({})
    assert not are_independent({"problem_type": "single_label_classification"})
    assert are_independent({"problem_type": "multi_label_classification"})
    assert are_independent({"id2label": {"0": "relevant"}})
    with pytest.raises(ImportRefused, match="'problem_type' is 'regression'"):
        are_independent({"problem_type": "regression"})
