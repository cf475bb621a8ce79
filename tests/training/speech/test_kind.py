import io

import numpy as np
import pytest
import soundfile
from rich.console import Console

from serving.audio.sound import samples_of
from training.answers import answers
from training.errors import InvalidConfig
from training.kind import TEST, VALIDATION
from training.recipes.spoken_digits import RECIPE
from training.report.section import Table, Text
from training.speech import kind
from training.speech.kind import Transcription
from training.speech.utterances import SCALE, Speech

KIND = Transcription()
OPTIONS = {**RECIPE.data, "train": 40, "held_out": 10, "voices": "formants"}


@pytest.fixture(scope="module")
def data() -> Speech:
    return KIND.load(None, OPTIONS)


def test_what_is_served_takes_samples_and_gives_classes(data: Speech) -> None:
    served = KIND.served(KIND.build(RECIPE.hyperparameters, data.facts).eval(), data.facts)
    assert [str(spec) for spec in (*served.inputs, *served.outputs)] == [
        "audio FP32 [-1,-1]",
        "audio_length INT64 [-1,1]",
        "tokens INT64 [-1,-1]",
    ]
    assert served.labels["tokens"][:3] == ("<blank>", "|", "e")
    assert served.parameters == {"audio.sample_rate": "8000", "audio.max_seconds": "20"}
    rows = KIND.rows(data, TEST).some(2)
    assert answers(served, rows.inputs)["tokens"].dtype == np.int64


def test_rows_are_those_of_the_part_that_is_asked_for(data: Speech) -> None:
    rows = KIND.rows(data, VALIDATION)
    assert rows.inputs["audio_length"].flatten().tolist() == data.validation.lengths.tolist()
    first = int(data.validation.lengths[0])
    np.testing.assert_array_equal(rows.inputs["audio"][0, :first] * SCALE, data.validation.samples[:first].numpy())


def test_rows_are_no_more_than_fit_into_memory(data: Speech, monkeypatch: pytest.MonkeyPatch) -> None:
    size = 4 * int(data.test.lengths.max())
    monkeypatch.setattr(kind, "TEST_BYTES", 5 * size)
    rows = KIND.rows(data, TEST)
    assert rows.inputs["audio_length"].flatten().tolist() == data.test.lengths[::2].tolist()
    assert len(rows.truths["text"]) == 5


def test_frames_that_spell_the_truth_have_the_full_score(data: Speech) -> None:
    truths = KIND.rows(data, TEST).truths
    spelt = np.stack([truths["text"], np.zeros_like(truths["text"])], axis=2).reshape(len(truths["text"]), -1)
    assert KIND.score({"tokens": spelt}, truths, data.facts) == {"word_accuracy": 1.0, "exact": 1.0}
    assert KIND.score({"tokens": np.zeros_like(spelt)}, truths, data.facts) == {"word_accuracy": 0.0, "exact": 0.0}
    half = np.where(np.arange(10)[:, None] < 5, spelt, 0)
    assert KIND.score({"tokens": half}, truths, data.facts)["exact"] == 0.5


def test_the_example_is_a_recording_of_a_row_that_is_heard(data: Speech) -> None:
    rows = KIND.rows(data, TEST)
    tokens = np.zeros((10, 2 * rows.truths["text"].shape[1]), np.int64)
    tokens[7, ::2] = rows.truths["text"][7]
    example = KIND.example(rows, {"tokens": tokens}, data.facts)
    assert example.name == "example.wav"
    length = int(rows.inputs["audio_length"][7, 0])
    np.testing.assert_array_equal(samples_of(example.content, 8000, 60), rows.inputs["audio"][7, :length])
    assert soundfile.info(io.BytesIO(example.content)).subtype == "PCM_16"


def test_faults_are_shown(data: Speech) -> None:
    truths = KIND.rows(data, TEST).truths
    console = Console(record=True, file=io.StringIO())
    console.print(*KIND.shown({"tokens": np.zeros((10, 4), np.int64)}, truths, data.facts))
    shown = console.export_text()
    assert "10 of 10 texts with a fault" in shown
    assert data.test.texts[0] in shown


def test_the_network_has_the_hyperparameters_and_the_labels_of_the_data(data: Speech) -> None:
    task = KIND.task(data, {**RECIPE.hyperparameters, "channels": 24}, RECIPE.config)
    assert task.build().state_dict()["last.weight"].shape == (17, 24)


@pytest.mark.parametrize(("name", "value"), [("sample_rate", 100), ("max_seconds", 0.0)])
def test_options_that_can_not_be_meant_are_refused(name: str, value: float) -> None:
    with pytest.raises(InvalidConfig, match=rf"data\.{name} must be from .*, got {value}"):
        KIND.load(None, {**OPTIONS, name: value})


def test_a_report_tells_what_was_heard_wrongly(data: Speech) -> None:
    rows = KIND.rows(data, TEST)
    spelt = np.stack([rows.truths["text"], np.zeros_like(rows.truths["text"])], axis=2).reshape(len(rows), -1)
    served = KIND.served(KIND.build(RECIPE.hyperparameters, data.facts).eval(), data.facts)
    wrong = np.where(np.arange(10)[:, None] == 3, 0, spelt)

    (section,) = KIND.findings(served, data, rows, {"tokens": wrong})
    (right,) = KIND.findings(served, data, rows, {"tokens": spelt})

    told, table = section.parts
    assert isinstance(told, Text)
    assert told.text.startswith("1 of 10 texts have a fault")
    assert isinstance(table, Table)
    assert table.rows == ((data.test.texts[3], "", str(len(data.test.texts[3].split()))),)
    assert len(right.parts) == 1
