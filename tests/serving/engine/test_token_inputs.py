"""What a model that reads tokens is given; that it answers right, tests of /v1/embeddings tell."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from serving.core.model_config import parse
from serving.engine.meant_version import meant_version
from serving.engine.served_model import ServedModel
from serving.engine.token_inputs import embeds, inputs_for, reads, tokenizer_of, tokenizer_text
from serving.errors import ModelLoadFailed
from tests.tiny_encoders import add_tiny_encoder
from tests.tiny_tokenizers import word_piece

TOKENS = 'input { name: "input_ids" data_type: TYPE_INT64 dims: -1 }'
MASK = 'input { name: "attention_mask" data_type: TYPE_INT64 dims: -1 }'
OUT = 'output { name: "embedding" data_type: TYPE_FP32 dims: 8 }'


@contextmanager
def encoder(folder: Path, inputs: str) -> Iterator[ServedModel]:
    config = parse(f'backend: "onnxruntime" max_batch_size: 4 {inputs} {OUT}', "encoder")
    loop = asyncio.new_event_loop()
    model = ServedModel("1", config, [], {}, loop, tokenizer=tokenizer_of(config, folder))
    yield model
    assert model.close(10)
    loop.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("encoder")
    add_tiny_encoder(root)
    return root / "encoder" / "1"


@pytest.mark.parametrize(("tokens", "length"), [(1, 16), (16, 16), (17, 32), (60, 64), (64, 64)])
def test_texts_are_filled_up_to_few_lengths_that_the_mask_tells(folder: Path, tokens: int, length: int) -> None:
    with encoder(folder, TOKENS + MASK) as model:
        inputs = inputs_for(model, tuple(range(1, tokens + 1)))
        assert inputs["input_ids"].shape == inputs["attention_mask"].shape == (1, length)
        assert inputs["attention_mask"].sum() == tokens
        assert inputs["input_ids"][0, :tokens].tolist() == list(range(1, tokens + 1))
        assert not inputs["input_ids"][0, tokens:].any()
        assert embeds(model)


def test_without_a_mask_they_are_as_long_as_they_are(folder: Path) -> None:
    with encoder(folder, TOKENS) as model:
        assert inputs_for(model, (1, 2, 3))["input_ids"].tolist() == [[1, 2, 3]]


def test_models_without_tokens_or_tokenizer_have_no_embeddings(folder: Path, tmp_path: Path) -> None:
    config = parse(f'input {{ name: "x" data_type: TYPE_FP32 dims: 1 }} {OUT}', "other")
    assert tokenizer_of(config, folder) is None
    with encoder(tmp_path, TOKENS) as model:
        assert not embeds(model)
        assert not reads(model)


def test_a_text_is_for_any_version_with_the_same_tokenizer_or_for_that_one(folder: Path, tmp_path: Path) -> None:
    word_piece().save(str(tmp_path / "tokenizer.json"))
    with encoder(folder, TOKENS) as model, encoder(folder, TOKENS) as same, encoder(tmp_path, TOKENS) as other:
        assert meant_version(model, [model, same], tokenizer_text) == ""
        assert meant_version(model, [model, other], tokenizer_text) == "1"


def test_a_tokenizer_that_can_not_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(ModelLoadFailed, match=r"tokenizer\.json"):
        tokenizer_of(parse(f"{TOKENS} {OUT}", "encoder"), tmp_path)
