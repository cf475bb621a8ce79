"""Fuzzing's short form: the stored corpus again, and changes of it at random."""

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fuzz.corpus import CORPUS, inputs
from tests.fuzz.seeds import seeds
from tests.fuzz.targets import TARGETS

_CHANGES = 40
_BYTES = st.binary(min_size=1, max_size=8)
_WORDS = st.sampled_from(
    [
        b"-1",
        b"0",
        b"null",
        b"[]",
        b"{}",
        b'""',
        b"NaN",
        b"1e999",
        b"9223372036854775808",
        b"\\ud800",
        b"\xff" * 8,
        b"\0" * 8,
    ]
)


@st.composite
def changed(draw: st.DrawFn, contents: list[bytes]) -> bytes:
    """One of them, with pieces of it taken away, doubled, or replaced."""
    content = draw(st.sampled_from(contents))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        end = draw(st.integers(start, min(len(content), start + 16)))
        piece = draw(st.one_of(_BYTES, _WORDS, st.just(b""), st.just(2 * content[start:end])))
        content = content[:start] + piece + content[end:]
    return content


@pytest.mark.parametrize("target", TARGETS)
def test_the_corpus_and_what_is_near_it(target: str) -> None:
    contents = [path.read_bytes() for path in inputs(target)]
    for content in contents:
        TARGETS[target](content)

    @settings(max_examples=_CHANGES, phases=[Phase.generate, Phase.shrink], suppress_health_check=list(HealthCheck))
    @given(changed(contents))
    def run(content: bytes) -> None:
        TARGETS[target](content)

    run()


def test_the_corpus_is_small_and_has_every_target() -> None:
    assert {path.name for path in CORPUS.iterdir()} == set(TARGETS)
    assert sum(path.stat().st_size for path in CORPUS.rglob("*") if path.is_file()) < 200_000


def test_every_target_has_where_to_begin() -> None:
    assert {target for target, _ in seeds()} == set(TARGETS)
