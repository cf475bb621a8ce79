from itertools import count

import pytest

from loadtests.benchmarks import generation
from loadtests.benchmarks.generation import all_loads, fitting, found_model
from loadtests.benchmarks.generation_models import MODELS
from loadtests.benchmarks.server_process import ServerFailed
from tests.benchmark_command import last_line, run_here


def test_slipway_and_the_bare_decoder_are_measured_after_their_tokens_were_compared() -> None:
    only = ("--only", "bare", "--weights", "int8")
    short = {"tokens": 4, "prompt-tokens": 9, "concurrency": 2, "each": 1, "rounds": 1, "rate": 20, "seconds": 1}
    options = (word for name, number in short.items() for word in (f"--{name}", str(number)))
    report = last_line(run_here(generation.main, *only, *options))
    assert report["not_measured"] == {}
    assert list(report["start_s"]) == ["slipway", "bare"]
    assert set(report["2 callers"]) == {"slipway", "bare"}
    assert set(report["20 a second"]) == {"slipway"}
    for found in (*report["2 callers"].values(), *report["20 a second"].values()):
        assert found["failed"] == 0
        assert found["tokens_per_s"]["median"] > 0
        assert 0 < found["ttft_p50_ms"] < found["e2e_p50_ms"]
        assert found["cpu_us_a_token"]["median"] > 0
    assert report["2 callers"]["slipway"]["ratio"]["median"] == 1
    assert report["prompt_tokens"] == 9
    assert list(report["limits"]) == ["2 callers"]
    assert 10e6 < report["limits"]["2 callers"]["bytes_a_step"] < 20e6  # of weights in int8 without embeddings
    assert report["limits"]["2 callers"]["memory"] > 0
    assert report["limits"]["2 callers"]["arithmetic"] is None


def test_no_prompt_comes_twice() -> None:
    endless = ((number,) for number in count())
    loads = all_loads(endless, [1, 4], [5.0], 3, 2, 64)
    assert [load.title for load in loads] == ["compared", "warm", "1 callers", "4 callers", "5 a second"]
    asked = [prompt for load in loads for prompt in load.prompts]
    assert len(set(asked)) == len(asked)
    assert [len(load.prompts) for load in loads[2:]] == [8, 12, 10]
    assert len(loads[-1].departures) == 10


def test_prompts_that_leave_no_room_are_refused() -> None:
    assert fitting(MODELS[0], 960, 64) is MODELS[0]
    with pytest.raises(ServerFailed, match="--prompt-tokens 961 and --tokens 64 are more than the 1024 positions"):
        fitting(MODELS[0], 961, 64)


def test_a_model_that_is_not_there_is_told() -> None:
    assert found_model("110m") is MODELS[1]
    with pytest.raises(ServerFailed, match="no model is named 7b; there are 13m, 110m"):
        found_model("7b")
