import os
import sys

import pytest

from serving.backends.model_environment import model_environment

SERVERS = {
    "PATH": "/bin",
    "LC_ALL": "C",
    "OMP_NUM_THREADS": "2",
    "PYTHONPATH": "/elsewhere",
    "SLIPWAY_API_KEY": "slipway-1",
    "SLIPWAY_HTTP_PORT": "1",
    "AWS_SECRET_ACCESS_KEY": "2",
    "DATABASE_URL": "postgres://me:secret@host/",
    "HF_TOKEN": "3",
}


def test_a_model_has_what_programs_need_and_finds_the_same_modules() -> None:
    assert model_environment(SERVERS, ()) == {
        "PATH": "/bin",
        "LC_ALL": "C",
        "OMP_NUM_THREADS": "2",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }


@pytest.mark.parametrize(
    ("named", "more"),
    [
        (["HF_TOKEN"], {"HF_TOKEN"}),
        (["AWS_*", "NO_SUCH"], {"AWS_SECRET_ACCESS_KEY"}),
        (["SLIPWAY_API_KEY", "SLIPWAY_*"], set()),
        (["*"], {"HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "DATABASE_URL"}),
    ],
)
def test_and_what_is_named_but_for_the_server_s_own_settings(named: list[str], more: set[str]) -> None:
    assert model_environment(SERVERS, named).keys() - model_environment(SERVERS, ()).keys() == more
