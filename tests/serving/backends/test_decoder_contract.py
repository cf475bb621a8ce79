"""What every decoder must do, whatever runs it."""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from pkgutil import resolve_name

import numpy as np
import pytest
import torch
from tritonclient.grpc.model_config_pb2 import ModelConfig

from serving.backends.decoder import DECODERS, Decoder
from serving.backends.ort_decoder import OrtDecoder
from serving.errors import ModelLoadFailed
from tests.tiny_decoders import TINY, greedy, write_tiny_decoder
from training.models.decoder import Decoder as Model

ROWS = 4
CLOSE = {"rtol": 0.0, "atol": 2e-5}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Model]:
    folder = tmp_path_factory.mktemp("tiny") / "1"
    return folder, write_tiny_decoder(folder)


def load(backend: str, folder: Path, rows: int = ROWS, max_length: int = 0) -> Decoder:
    decoder: Decoder = resolve_name(DECODERS[backend])(folder, ModelConfig(backend=backend), "cpu", rows, max_length)
    return decoder


@pytest.fixture(scope="module", params=DECODERS)
def decoder(request: pytest.FixtureRequest, written: tuple[Path, Model]) -> Iterator[Decoder]:
    """Shared, so that each test finds rows that others have used."""
    loaded = load(request.param, written[0])
    yield loaded
    loaded.close()


def prompt(seed: int, length: int) -> list[int]:
    return random.Random(seed).choices(range(TINY.vocab_size), k=length)


def reference(model: Model, tokens: Sequence[int]) -> np.ndarray:
    with torch.inference_mode():
        logits: np.ndarray = model(torch.tensor([tokens]))[0, -1].numpy()
    return logits


def test_it_says_how_large_it_is(decoder: Decoder) -> None:
    assert (decoder.rows, decoder.max_length, decoder.vocab_size) == (ROWS, 128, 300)


@pytest.mark.parametrize("length", [1, 2, 31, 128])
def test_a_prompt_gives_the_models_logits(decoder: Decoder, written: tuple[Path, Model], length: int) -> None:
    tokens = prompt(length, length)

    logits = decoder.prefill(2, tokens, 0)

    assert logits.dtype == np.float32
    np.testing.assert_allclose(logits, reference(written[1], tokens), **CLOSE)


@pytest.mark.parametrize("chunk", [1, 7, 16, 40])
def test_a_prompt_in_chunks_is_the_prompt_as_a_whole(decoder: Decoder, written: tuple[Path, Model], chunk: int) -> None:
    tokens = prompt(chunk, 50)

    for start in range(0, len(tokens), chunk):
        logits = decoder.prefill(1, tokens[start : start + chunk], start)

    np.testing.assert_allclose(logits, reference(written[1], tokens), **CLOSE)


def test_what_a_row_writes_beside_others_is_what_it_writes_alone(decoder: Decoder) -> None:
    prompts = [prompt(row, length) for row, length in enumerate((60, 1, 17, 100))]
    alone = []
    for tokens in prompts:
        decoder.prefill(0, tokens, 0)
        alone.append(decoder.decode([5], [len(tokens)])[0].copy())
    for row, tokens in enumerate(prompts):
        decoder.prefill(row, tokens, 0)

    together = decoder.decode([5] * 4, [len(tokens) for tokens in prompts])

    assert together.shape == (4, 300)
    if isinstance(decoder, OrtDecoder):  # to the bit
        np.testing.assert_array_equal(together, alone)
    np.testing.assert_allclose(together, alone, **CLOSE)


def test_greedy_answers_are_those_of_the_plain_loop(decoder: Decoder, written: tuple[Path, Model]) -> None:
    prompts = [prompt(100 + row, length) for row, length in enumerate((3, 40, 11, 77))]
    answers = [[int(decoder.prefill(row, tokens, 0).argmax())] for row, tokens in enumerate(prompts)]

    for step in range(20):
        count = 4 if step < 10 else 2  # two leave halfway
        lengths = [len(tokens) + step for tokens in prompts[:count]]
        logits = decoder.decode([answer[-1] for answer in answers[:count]], lengths)
        for row in range(count):
            answers[row].append(int(logits[row].argmax()))

    assert answers == [greedy(written[1], tokens, len(answer)) for tokens, answer in zip(prompts, answers, strict=True)]


def test_a_row_that_others_have_used_is_as_good_as_new(decoder: Decoder, written: tuple[Path, Model]) -> None:
    decoder.prefill(0, prompt(1, 128), 0)
    tokens = prompt(2, 9)

    decoder.prefill(0, tokens, 0)
    logits = decoder.decode([4], [9])

    np.testing.assert_allclose(logits[0], reference(written[1], [*tokens, 4]), **CLOSE)


def test_a_copied_prefix_goes_on_in_both_rows(decoder: Decoder, written: tuple[Path, Model]) -> None:
    first, second, prefix = prompt(1, 20), prompt(2, 5), prompt(3, 30)
    decoder.prefill(3, [*prefix, *first], 0)
    decoder.prefill(1, prompt(4, 100), 0)

    decoder.copy(3, 1, len(prefix))

    logits = decoder.prefill(1, second, len(prefix))
    np.testing.assert_allclose(logits, reference(written[1], [*prefix, *second]), **CLOSE)
    logits = decoder.prefill(3, [9], len(prefix) + len(first))
    np.testing.assert_allclose(logits, reference(written[1], [*prefix, *first, 9]), **CLOSE)


def test_rows_that_are_swapped_go_on_in_each_others_place(decoder: Decoder, written: tuple[Path, Model]) -> None:
    short, long = prompt(1, 6), prompt(2, 70)
    decoder.prefill(0, short, 0)
    decoder.prefill(1, long, 0)

    decoder.swap(0, 1, len(long))

    logits = decoder.decode([8, 9], [len(long), len(short)])
    np.testing.assert_allclose(logits[0], reference(written[1], [*long, 8]), **CLOSE)
    np.testing.assert_allclose(logits[1], reference(written[1], [*short, 9]), **CLOSE)


@pytest.mark.parametrize("backend", DECODERS)
@pytest.mark.parametrize(("rows", "max_length"), [(1, 0), (2, 1), (3, 64)])
def test_caches_of_any_size_will_do(backend: str, rows: int, max_length: int, written: tuple[Path, Model]) -> None:
    decoder = load(backend, written[0], rows, max_length)

    assert (decoder.rows, decoder.max_length) == (rows, max_length or 128)
    np.testing.assert_allclose(decoder.prefill(rows - 1, [3], 0), reference(written[1], [3]), **CLOSE)


@pytest.mark.parametrize("backend", DECODERS)
def test_more_positions_than_the_model_knows_are_refused(backend: str, written: tuple[Path, Model]) -> None:
    with pytest.raises(ModelLoadFailed, match=r"rows of 129 positions.*made for 128"):
        load(backend, written[0], max_length=129)


@pytest.mark.parametrize("backend", DECODERS)
def test_a_cache_that_is_too_large_says_what_a_row_takes(backend: str, written: tuple[Path, Model]) -> None:
    with pytest.raises(ModelLoadFailed, match="cache of 100000000000 rows, 65,536 bytes each"):
        load(backend, written[0], rows=10**11)


@pytest.mark.parametrize("backend", DECODERS)
def test_a_model_whose_config_says_otherwise_is_refused(backend: str, tmp_path: Path) -> None:
    write_tiny_decoder(tmp_path)
    config = (tmp_path / "config.json").read_text()
    (tmp_path / "config.json").write_text(config.replace('"head_dim": 16', '"head_dim": 8'))

    with pytest.raises(ModelLoadFailed, match="config"):
        load(backend, tmp_path)


@pytest.mark.parametrize("backend", DECODERS)
def test_a_version_without_its_file_is_refused(backend: str, tmp_path: Path) -> None:
    with pytest.raises(ModelLoadFailed, match="has no file 'model"):
        load(backend, tmp_path)
