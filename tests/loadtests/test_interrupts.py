import signal
import threading

import pytest

from loadtests.interrupts import first_kept


def test_the_first_is_kept_and_the_second_is_not() -> None:
    before = signal.getsignal(signal.SIGINT)
    with first_kept() as interrupted:
        assert not interrupted.is_set()
        signal.raise_signal(signal.SIGINT)
        assert interrupted.is_set()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_thread_may_run_a_load_too() -> None:
    seen = []

    def run() -> None:
        with first_kept() as interrupted:
            seen.append(interrupted.is_set())

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [False]
