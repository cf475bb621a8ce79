import os

from loadtests.machine import command, machine


def test_a_machine_is_told() -> None:
    found = machine()
    assert found["cores"] == os.cpu_count()
    assert found["memory"] > 2**28
    assert found["cpu"]
    assert found["load"] >= 0


def test_no_key_is_in_the_command() -> None:
    words = [
        "/bin/slipway",
        "loadtest",
        "URL",
        "--header",
        "Authorization: Bearer KEY",
        "--header=X-Key: KEY",
        "--rate",
        "5",
    ]
    told = command(words)
    assert "KEY" not in told
    assert told.startswith("slipway loadtest URL --header 'Authorization: ...'")
    assert told.endswith("--rate 5")
