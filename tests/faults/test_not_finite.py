"""Answers that are no numbers, of a model whose config wants to be told."""

from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from tests import grpc_client
from tests.callers import callers_of
from tests.faults.asking import ask, output, row
from tests.faults.trials import Trials
from tests.running_server import RunningServer

TRIALS = 20
COUNT = 'slipway_not_finite_answers_total{model="checked",version="1"}'


def test_what_is_no_number_is_a_failure_of_its_own_request(server: RunningServer, trials: Trials) -> None:
    before = server.metric(COUNT) or 0
    with callers_of(server, 2) as told, ThreadPoolExecutor(4) as pool:
        for trial in range(TRIALS):
            first = -1.0 if trial % 2 else 0.0
            bad, *good = pool.map(lambda value: ask(server, "checked", row(value)), [first, 1.0, 1.0, 1.0])
            assert bad.status_code == 500
            assert "1 values of output 'y' that are no finite number" in bad.json()["error"]
            assert [output(reply, "y") for reply in good] == [[0.0] * 4] * 3
    with grpc_client.stub_of(server) as stub:
        with pytest.raises(grpc.RpcError, match="output 'y'") as failed:
            stub.ModelInfer(grpc_client.request("checked", x=[[-1.0, 1.0, 1.0, 1.0]]))
        assert failed.value.code() == grpc.StatusCode.INTERNAL
    assert server.metric(COUNT) == before + TRIALS + 1
    assert told.failures == []
    assert told.answers
    trials.note("an answer with NaN or infinity, nan_check", TRIALS, f"the {TRIALS} answers themselves: 500")


def test_unless_it_is_asked_for_an_answer_is_what_the_model_says(server: RunningServer) -> None:
    reply = ask(server, "unchecked", row(0.0))
    assert reply.status_code == 200
    assert "-Infinity" in reply.text
    assert 'model="unchecked"' not in "".join(line for line in server.metrics().splitlines() if "not_finite" in line)
