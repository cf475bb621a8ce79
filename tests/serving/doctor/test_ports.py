import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.doctor.finding import Grade
from serving.doctor.ports import Place, examine, same_twice
from serving.settings import Access, Settings
from tests.doctor_findings import grades, troubles


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def test_a_port_that_somebody_has_is_a_problem_that_says_who(taken: int) -> None:
    settings = Settings(Path(), http_port=0, grpc_port=taken, metrics_port=0, access=Access(admin_port=taken))
    http, grpc, metrics, admin = examine(settings)
    assert {http.grade, metrics.grade} == {Grade.OK}
    assert grpc.grade is Grade.PROBLEM
    assert grpc.says.startswith(f"can't listen on 127.0.0.1:{taken} (Address already in use): process {os.getpid()}, ")
    assert grpc.fix == "choose another with --grpc-port N or SLIPWAY_GRPC_PORT=N"
    assert admin.says == f"127.0.0.1:{taken} is --grpc-port's too"


def test_an_address_of_another_machine_is_a_problem() -> None:
    found = examine(Settings(Path(), host="203.0.113.9", http_port=0, grpc_port=0, metrics_port=0))
    assert set(grades(found).values()) == {Grade.PROBLEM}
    assert troubles(found)[0].says == "'203.0.113.9' is no address of this machine"
    fixes = [each.fix.removeprefix("choose another with ") for each in found]
    assert fixes == ["--host", "--host", "--host or --metrics-host"]


def test_two_may_have_a_port_at_addresses_that_do_not_meet() -> None:
    near, far, every = Place("--a", "127.0.0.1", 9), Place("--b", "10.0.0.1", 9), Place("--c", "0.0.0.0", 9)
    assert same_twice([near, far]) == {}
    assert list(same_twice([near, every])) == ["--c"]
    assert list(same_twice([Place("--d", "localhost", 9), near])) == ["--a"]
    assert same_twice([Place("--a", "::", 0), Place("--b", "::", 0)]) == {}
