from pathlib import Path

import pytest

from loadtests.benchmarks.callers import ask_each, infer
from loadtests.benchmarks.dense_model import Dense
from loadtests.benchmarks.overload_models import FIXED, Kind, deadlines, queue_timeout, write_models
from tests.running_server import running


@pytest.mark.parametrize("kind", Kind)
def test_all_policies_serve_the_same_model(tmp_path: Path, kind: Kind) -> None:
    policies = [FIXED, queue_timeout(0.05), deadlines(5.0)]
    write_models(tmp_path, policies, kind, Dense(4, 1))
    with running(tmp_path) as server:
        answers = ask_each(server.http_port, [infer(policy.name, 1, 2, 3, 4) for policy in policies])
    assert [each.status for each in answers] == [200] * 3
