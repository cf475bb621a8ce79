import io
import tomllib
from pathlib import Path

from optuna.distributions import FloatDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial
from rich.console import Console

from training.search.answer import importances, line, short, table, toml
from training.settings import read


def trial(number: int, state: TrialState, value: float | None = None, looks: tuple[float, ...] = ()) -> FrozenTrial:
    made = create_trial(
        state=state,
        value=value,
        params={"learning_rate": 0.00123456},
        distributions={"learning_rate": FloatDistribution(0.0, 1.0)},
        user_attrs={"score": "accuracy", "reason": "no number"},
        intermediate_values={10 * (look + 1): reached for look, reached in enumerate(looks)},
    )
    made.number = number
    return made


TRIALS = [
    trial(0, TrialState.COMPLETE, 0.5),
    trial(1, TrialState.PRUNED, looks=(0.25, 0.375)),
    trial(2, TrialState.FAIL),
    trial(3, TrialState.COMPLETE, 0.75),
]


def test_parameters_are_a_file_that_a_training_reads(tmp_path: Path) -> None:
    values = {"model.hidden": 64, "learning_rate": 1e-05, "optimizer": 'a"b', "compile": True, "data.target": "x"}
    (tmp_path / "best.toml").write_text(toml(values))

    assert read(tmp_path / "best.toml") == values
    assert tomllib.loads(toml({"data.target": "größe 🙂"})) == {"data": {"target": "größe 🙂"}}
    assert list(tomllib.loads(toml(values))) == ["train", "model", "data"]
    assert toml({"model.hidden": 64}) == "[model]\nhidden = 64\n"


def test_a_trial_is_a_line() -> None:
    ends = [line(each, {"learning_rate": 0.00123456, "optimizer": "adam"}) for each in TRIALS]

    assert ends[0] == "trial 0: accuracy 0.5000; learning_rate 0.00123, optimizer adam"
    assert ends[1].startswith("trial 1: pruned after 20 %; ")
    assert ends[2].startswith("trial 2: failed: no number; ")


def printed(shown: object) -> list[str]:
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(shown)
    return console.export_text().splitlines()


def test_the_table_has_the_best_first_and_failures_last() -> None:
    shown = printed(table(TRIALS, ["learning_rate"], "accuracy", 3))

    assert [row.split() for row in shown if row.strip()[:1].isdigit()] == [
        ["3", "complete", "0.7500", "0.00123"],
        ["0", "complete", "0.5000", "0.00123"],
        ["1", "pruned,", "20", "%", "0.3750", "0.00123"],
        ["2", "failed", "0.00123"],
    ]


def test_of_many_trials_the_best_are_shown() -> None:
    many = [trial(number, TrialState.COMPLETE, number / 100) for number in range(50)]

    assert any("and 30 more" in row for row in printed(table(many, ["learning_rate"], "accuracy", 49)))


def test_importances_are_bars() -> None:
    assert any("75%" in row and "███" in row for row in printed(importances({"learning_rate": 0.75, "batch": 0.25})))
    assert (short(0.123456), short("adam"), short(64)) == ("0.123", "adam", "64")
