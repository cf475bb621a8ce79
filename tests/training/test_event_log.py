from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from training.event_log import EventLog
from training.state import Point


def read(folder: Path) -> EventAccumulator:
    found = EventAccumulator(str(folder))
    found.Reload()
    return found


def values(found: EventAccumulator, tag: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in found.Scalars(tag)]


def test_a_point_is_scalars_and_the_parameters_are_told(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "log", {"train.optimizer": "adamw", "train.compile": False, "model.hidden": 64})
    log.tell(Point(8, 2.0, 1.5, {"accuracy": 0.25}), 0.5)
    log.tell(Point(16, 1.0, 0.5, {"accuracy": 0.75}), 0.125)
    found = read(tmp_path / "log")

    assert values(found, "loss/train") == [(8, 2.0), (16, 1.0)]
    assert values(found, "loss/held_out") == [(8, 1.5), (16, 0.5)]
    assert values(found, "score/accuracy") == [(8, 0.25), (16, 0.75)]
    assert values(found, "learning_rate") == [(8, 0.5), (16, 0.125)]
    content = found.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    told = HParamsPluginData.FromString(content).session_start_info.hparams
    assert told["train.optimizer"].string_value == "adamw"
    assert told["train.compile"].bool_value is False
    assert told["model.hidden"].number_value == 64


def test_what_is_told_again_counts_once(tmp_path: Path) -> None:
    before, after = EventLog(tmp_path / "log", {}), EventLog(tmp_path / "log", {})
    for step in (8, 16, 24):
        before.tell(Point(step, 1.0, 1.0), 0.1)
    for step in (16, 24, 32):
        after.tell(Point(step, 2.0, 1.0), 0.1)

    assert values(read(tmp_path / "log"), "loss/train") == [(8, 1.0), (16, 2.0), (24, 2.0), (32, 2.0)]


def test_nothing_is_written_before_there_is_a_point(tmp_path: Path) -> None:
    EventLog(tmp_path / "log", {})

    assert not (tmp_path / "log").exists()
