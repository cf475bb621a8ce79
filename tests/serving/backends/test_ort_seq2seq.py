import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from tritonclient.grpc.model_config_pb2 import ModelConfig

from serving.backends.ort_seq2seq import OrtSeq2seq, load
from serving.errors import BackendFailed, ModelLoadFailed
from tests.tiny_decoders import write_tiny_decoder
from tests.tiny_models import write_onnx
from tests.tiny_seq2seq import greedy, logits_after, write_tiny_seq2seq
from training.models.seq2seq import Seq2seq

ROWS = 4
CLOSE = {"rtol": 0.0, "atol": 2e-5}
CONFIG = ModelConfig(backend="onnxruntime")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Seq2seq]:
    folder = tmp_path_factory.mktemp("tiny") / "1"
    return folder, write_tiny_seq2seq(folder)


@pytest.fixture(scope="module")
def model(written: tuple[Path, Seq2seq]) -> Seq2seq:
    return written[1]


@pytest.fixture(scope="module")
def runner(written: tuple[Path, Seq2seq]) -> Iterator[OrtSeq2seq]:
    """Shared, so that each test finds rows that others have used."""
    loaded = load(written[0], CONFIG, "cpu", ROWS, 0)
    yield loaded
    loaded.close()


@pytest.fixture
def copy(written: tuple[Path, Seq2seq], tmp_path: Path) -> Path:
    """A version of the test's own, to be broken."""
    for path in written[0].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def prompt(seed: int, length: int) -> list[int]:
    return random.Random(seed).choices(range(1, 300), k=length)


def close(found: np.ndarray, model: Seq2seq, text: list[int], answer: Sequence[int] = ()) -> None:
    np.testing.assert_allclose(found, logits_after(model, text, list(answer)).numpy(), **CLOSE)


def test_it_says_how_large_it_is(runner: OrtSeq2seq) -> None:
    assert (runner.rows, runner.max_length, runner.vocab_size) == (ROWS, 96, 300)


@pytest.mark.parametrize("length", [1, 2, 3, 31, 95])
def test_a_text_gives_the_models_logits(runner: OrtSeq2seq, model: Seq2seq, length: int) -> None:
    text = prompt(length, length)

    close(runner.prefill(2, text, 0), model, text)


@pytest.mark.parametrize("chunk", [1, 7, 40])
def test_a_text_that_comes_in_parts_is_read_as_a_whole(runner: OrtSeq2seq, model: Seq2seq, chunk: int) -> None:
    text = prompt(chunk, 50)

    for start in range(0, len(text), chunk):
        logits = runner.prefill(1, text[start : start + chunk], start)

    close(logits, model, text)


def test_answers_written_side_by_side_are_those_of_the_plain_loop(runner: OrtSeq2seq, model: Seq2seq) -> None:
    texts = [prompt(100 + row, length) for row, length in enumerate((3, 40, 1, 70))]
    answers = [[int(runner.prefill(row, text, 0).argmax())] for row, text in enumerate(texts)]

    for step in range(20):
        count = 4 if step < 10 else 2  # two leave halfway
        lengths = [len(text) + step for text in texts[:count]]
        logits = runner.decode([answer[-1] for answer in answers[:count]], lengths)
        for row in range(count):
            answers[row].append(int(logits[row].argmax()))

    assert answers == [greedy(model, text, len(answer)) for text, answer in zip(texts, answers, strict=True)]


def test_what_a_row_writes_beside_others_is_what_it_writes_alone(runner: OrtSeq2seq) -> None:
    texts = [prompt(row, length) for row, length in enumerate((60, 1, 17, 80))]
    alone = []
    for text in texts:
        runner.prefill(0, text, 0)
        alone.append(runner.decode([5], [len(text)])[0].copy())
    for row, text in enumerate(texts):
        runner.prefill(row, text, 0)

    np.testing.assert_array_equal(runner.decode([5] * 4, [len(text) for text in texts]), alone)


def test_rows_that_are_swapped_go_on_in_each_others_place(runner: OrtSeq2seq, model: Seq2seq) -> None:
    first, second = prompt(1, 6), prompt(2, 50)
    runner.prefill(0, first, 0)
    runner.prefill(1, second[:20], 0)

    runner.swap(0, 1, 20)

    close(runner.prefill(0, second[20:], 20), model, second)
    close(runner.decode([8, 9], [50, 6])[1], model, first, [9])


def test_a_copied_row_goes_on_in_both_places(runner: OrtSeq2seq, model: Seq2seq) -> None:
    text = prompt(3, 30)
    runner.prefill(0, text, 0)

    runner.copy(0, 1, 30)

    for row in runner.decode([7, 7], [30, 30]):
        close(row, model, text, [7])


def test_a_call_beyond_a_rows_end_fails_and_the_next_one_works(written: tuple[Path, Seq2seq]) -> None:
    runner = load(written[0], CONFIG, "cpu", 2, 16)
    fine = runner.prefill(0, [1, 2, 3], 0).copy()

    with pytest.raises(BackendFailed):
        runner.prefill(0, [5] * 20, 0)
    with pytest.raises(BackendFailed):
        runner.decode([5], [16])

    np.testing.assert_array_equal(runner.prefill(0, [1, 2, 3], 0), fine)


def test_a_decoder_alone_is_told_apart(tmp_path: Path) -> None:
    write_tiny_decoder(tmp_path)

    with pytest.raises(ModelLoadFailed, match=r"no file 'encoder.onnx'.*generation.task text-generation"):
        load(tmp_path, CONFIG, "cpu", 2, 0)


def test_an_encoder_without_its_decoder_is_refused(copy: Path) -> None:
    (copy / "model.onnx").unlink()

    with pytest.raises(ModelLoadFailed, match=r"has no file 'model\.onnx'"):
        load(copy, CONFIG, "cpu", 2, 0)


def test_a_graph_of_another_kind_is_told_what_it_lacks(copy: Path) -> None:
    write_onnx(copy / "encoder.onnx", "g (float[n, 4] x) => (float[n, 4] y) { y = Add(x, x) }")

    with pytest.raises(ModelLoadFailed, match=r"'encoder.onnx' has no input 'input_ids'.*seq2seq_onnx.*inputs are x"):
        load(copy, CONFIG, "cpu", 2, 0)


def test_a_file_that_is_no_onnx_is_refused(copy: Path) -> None:
    (copy / "encoder.onnx").write_bytes(b"nonsense")

    with pytest.raises(ModelLoadFailed, match=r"ONNX Runtime can't load 'encoder.onnx'"):
        load(copy, CONFIG, "cpu", 2, 0)


def test_an_encoder_of_another_size_is_told_where_it_differs(copy: Path) -> None:
    fields = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**fields, "head_dim": 32}))

    with pytest.raises(ModelLoadFailed, match=r"'encoder.onnx': output 'present\.0\.key'.*\[1, 2, any, 32\]"):
        load(copy, CONFIG, "cpu", 2, 0)


def test_an_encoder_that_gives_other_positions_is_refused(copy: Path) -> None:
    encoder = onnx.load(copy / "encoder.onnx")
    twice = onnx.helper.make_node("Concat", ["input_ids", "input_ids"], ["twice"], axis=1)
    encoder.graph.node[0].input[1] = "twice"
    encoder.graph.node.insert(0, twice)
    for output in encoder.graph.output:
        output.type.tensor_type.shape.dim[2].dim_param = "another"
    onnx.save(encoder, copy / "encoder.onnx")

    with pytest.raises(ModelLoadFailed, match=r"'encoder.onnx' gives \(1, 2, 6, 16\) for 3 tokens.*\(1, 2, 3, 16\)"):
        load(copy, CONFIG, "cpu", 2, 0)


def test_a_gpu_is_refused_with_what_to_do(written: tuple[Path, Seq2seq]) -> None:
    with pytest.raises(ModelLoadFailed, match=r"CPU only.*cuda:0.*KIND_CPU"):
        load(written[0], CONFIG, "cuda:0", 4, 0)
