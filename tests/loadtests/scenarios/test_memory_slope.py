import numpy as np

from loadtests.scenarios.memory_slope import slope

SECONDS = np.arange(0.0, 3600.0, 20.0)


def test_a_leak_is_measured_and_a_start_is_not() -> None:
    noise = np.random.default_rng(0).normal(0, 1e6, len(SECONDS))
    start = np.where(SECONDS < 600, 500e6, 900e6)
    found = slope(list(zip(SECONDS, start + 100e6 * SECONDS / 3600 + noise, strict=True)))
    assert found is not None
    assert abs(found.slope - 100) <= 2 * found.uncertainty
    assert 0 < found.uncertainty < 2


def test_too_few_samples_say_nothing() -> None:
    assert slope([]) is slope([(0.0, 1.0), (1.0, 2.0)]) is None
