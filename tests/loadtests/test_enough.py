import numpy as np

from loadtests.enough import enough
from loadtests.run import Progress
from loadtests.tally import Tally
from tests.loadtests.test_tally import outcomes


def progress(seconds: int) -> Progress:
    tally, random = Tally(span=1.0), np.random.default_rng(1)
    for second in range(seconds):
        begin = second + np.arange(200) / 200
        tally.add(outcomes(*((at, at, at + random.exponential(0.01), 200) for at in begin)))
    return Progress(tally, float(seconds), 600.0)


def test_a_run_goes_on_until_its_percentile_is_sure() -> None:
    assert not enough(progress(5), precision=10.0)
    assert not enough(progress(20), precision=0.01)
    assert enough(progress(60), precision=0.15)
