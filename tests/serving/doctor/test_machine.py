from math import inf

import pytest

from serving.doctor import machine
from serving.doctor.finding import Finding, Grade
from serving.doctor.machine import Processors
from serving.memory_limit import Memory
from serving.settings import Settings
from tests.doctor_findings import grades

_GB = 1e9


def test_this_machine_can_be_looked_at() -> None:
    found = machine.examine(Settings(()))
    assert {each.what for each in found} == {"Python", "processors", "memory", "descriptors", "clock"}
    assert grades(found)["clock"] is Grade.OK


@pytest.mark.parametrize(
    ("kind", "flags", "grade", "says"),
    [
        ("x86_64", {"sse4_2"}, Grade.WARNING, "without AVX2"),
        ("x86_64", {"avx2"}, Grade.OK, "AVX2"),
        ("x86_64", {"avx2", "avx512f", "avx512_vnni"}, Grade.OK, "AVX-512 with VNNI"),
        ("aarch64", {"asimd"}, Grade.OK, "2 usable cores of 8 logical ones, aarch64"),
        ("x86_64", set(), Grade.OK, "2 usable cores"),
    ],
)
def test_processors_are_told_by_what_models_gain_from(kind: str, flags: set[str], grade: Grade, says: str) -> None:
    found = machine.processors(Processors(kind, 2, 8, frozenset(flags)))
    assert found.grade is grade
    assert says in found.says


def test_memory_that_is_short_or_promised_twice_is_told() -> None:
    assert machine.memory_for(Memory(8 * _GB, 4 * _GB), None) == Finding(
        Grade.OK, "memory", "4.0 GB available of 8.0 GB"
    )
    assert "hardly any is left" in machine.memory_for(Memory(8 * _GB, 0.1 * _GB), None).says
    promised = machine.memory_for(Memory(8 * _GB, 4 * _GB), 6_000_000_000)
    assert promised.grade is Grade.WARNING
    assert promised.fix.startswith("--queue-byte-size 2000000000")


def test_descriptors_count_as_far_as_the_limit_can_be_raised() -> None:
    assert machine.descriptors((1024, inf), 8192).grade is Grade.OK
    few = machine.descriptors((1024, 1256), 8192)
    assert few.grade is Grade.WARNING
    assert few.fix == "ulimit -n 8448 as root, LimitNOFILE=8448 in a unit, or --max-connections 1000"


def test_a_clock_that_is_behind_the_installation_is_a_problem() -> None:
    assert machine.clock(2e9, 1e9).grade is Grade.OK
    behind = machine.clock(0, 1e9)
    assert behind.grade is Grade.PROBLEM
    assert behind.says.startswith("1970-01-01 00:00 UTC, before Slipway was installed (2001-09-09 01:46)")
