from pathlib import Path

import pytest

from serving.core import model_config
from serving.core.model_config import ModelConfig
from serving.engine.load_policy import LoadPolicy
from serving.engine.measuring import Measurement
from serving.engine.repository import ModelRepository
from serving.engine.tuner import Tuner, question_of
from serving.engine.tuning_cache import FOLDER, TuningCache
from serving.errors import ModelLoadFailed
from serving.scheduling.tuning import Measured, Question, Setting, Tuning, candidates, choose
from tests import tiny_models

QUICK = LoadPolicy(auto_tune_secs=1)
OFF = 'parameters { key: "auto_tune" value { string_value: "false" } }'
ONE_THREAD = 'parameters { key: "intra_op_thread_count" value { string_value: "1" } }'


def tuned(root: Path, policy: LoadPolicy = QUICK, serving: Tuning | None = None) -> tuple[ModelConfig, Tuning | None]:
    written = ModelRepository(root).config("double")
    config, tuning = Tuner(policy, written, serving, cores=2).tuned(
        model_config.complete(written), root / "double" / "1"
    )
    if tuning is None:
        assert config == model_config.complete(written), "it stays as it is"
    return config, tuning


def shape(config: ModelConfig) -> tuple[int, str]:
    return len(model_config.devices(config)), config.parameters["intra_op_thread_count"].string_value


def asked(root: Path) -> Question:
    written = ModelRepository(root).config("double")
    return question_of(written, model_config.complete(written), cores=2)


def measured(root: Path, best: Setting) -> Measurement:
    """As if the `best` setting were much quicker than the others."""
    of_each = (Measured(it, 8, (0.001 if it == best else 0.1) * it.instances) for it in candidates(asked(root)))
    return Measurement(tuple(of_each))


def keep(root: Path, measurement: Measurement) -> None:
    config = model_config.complete(ModelRepository(root).config("double"))
    TuningCache(root / "double" / "1", config, asked(root)).write(measurement)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tiny_models.add_double(tmp_path)
    return tmp_path


def test_a_version_is_measured_once_and_what_came_of_it_is_found_again(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="slipway")
    config, tuning = tuned(root)
    assert tuning is not None
    assert shape(config) == (tuning.setting.instances, str(tuning.setting.threads))
    assert [rows for rows, _ in tuning.profile] == [1, 4, 8]
    assert all(seconds > 0 for _, seconds in tuning.profile)
    assert "double version 1: " in caplog.text
    assert "measured in" in caplog.text
    again = tuned(root)
    assert again[1] == tuning
    assert shape(again[0]) == shape(config)
    assert "rows/s at" in caplog.records[-1].message
    assert caplog.records[-1].message.endswith(", as measured before")


@pytest.mark.parametrize("best", [Setting(1, 2), Setting(2, 1), Setting(1, 1)], ids=str)
def test_the_quickest_setting_is_what_the_config_then_says(root: Path, best: Setting) -> None:
    keep(root, measured(root, best))
    assert shape(tuned(root)[0]) == (best.instances, str(best.threads))


def test_what_the_config_sets_is_kept(root: Path) -> None:
    tiny_models.add_double(root, extra="instance_group { count: 2 }")
    keep(root, measured(root, Setting(2, 2)))
    assert shape(tuned(root)[0]) == (2, "2")
    tiny_models.add_double(root, extra=ONE_THREAD)
    keep(root, measured(root, Setting(2, 1)))
    assert shape(tuned(root)[0]) == (2, "1")


@pytest.mark.parametrize("extra", [OFF, "instance_group { count: 3 } " + ONE_THREAD, "sequence_batching { }"])
def test_where_nothing_is_open_or_wanted_nothing_is_measured(root: Path, extra: str) -> None:
    tiny_models.add_double(root, extra=extra)
    assert tuned(root)[1] is None
    assert not (root / "double" / FOLDER).exists()


@pytest.mark.parametrize("policy", [LoadPolicy(), LoadPolicy(shares_threads=True, auto_tune_secs=3)], ids=str)
def test_a_server_may_not_want_it(root: Path, policy: LoadPolicy) -> None:
    assert tuned(root, policy)[1] is None


def test_a_version_beside_one_that_serves_takes_over_what_that_has(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="slipway")
    keep(root, measured(root, Setting(2, 1)))
    serving = choose(asked(root), measured(root, Setting(1, 2)).measured)
    config, tuning = tuned(root, serving=serving)
    assert (shape(config), tuning) == ((1, "2"), serving)
    assert caplog.records[-1].message.endswith(", as the version that serves")


def test_a_config_that_changed_is_measured_anew(root: Path) -> None:
    serving = choose(asked(root), measured(root, Setting(1, 2)).measured)
    tiny_models.add_double(root, max_batch_size=16)
    keep(root, measured(root, Setting(2, 1)))
    config, tuning = tuned(root, serving=serving)
    assert shape(config) == (2, "1")
    assert tuning is not None
    assert tuning.question.max_batch_size == 16


def test_a_model_that_can_not_be_measured_is_loaded_as_it_is_and_the_log_says_why(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="slipway")
    (root / "double" / "1" / "model.onnx").write_bytes(b"\x08\x08no model")
    assert tuned(root)[1] is None
    assert "double version 1 is not tuned: ONNX Runtime can't load 'model.onnx'" in caplog.text


@pytest.mark.parametrize(("name", "value"), [("auto_tune", "maybe"), ("latency_objective_ms", "soon")])
def test_a_parameter_that_is_none_is_refused(root: Path, name: str, value: str) -> None:
    tiny_models.add_double(root, extra=f'parameters {{ key: "{name}" value {{ string_value: "{value}" }} }}')
    with pytest.raises(ModelLoadFailed, match=rf"parameters\.{name} must be .*, got '{value}'"):
        tuned(root, LoadPolicy())
