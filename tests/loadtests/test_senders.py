import os
import signal

import pytest

from loadtests.benchmarks.stub_server import stub
from loadtests.call import Call
from loadtests.load import Closed, Open, departures
from loadtests.sender_process import Errand
from loadtests.senders import SenderDied, started
from loadtests.sending import Share
from loadtests.tally import Tally


def errand(url: str, load: Closed | Open, seconds: float = 0.6, warm_up: float = 0.0) -> Errand:
    return Errand(url, "v2", (), 10.0, Share((Call("/", b"x"),), load, 0.0, seconds, seed=1), warm_up)


def test_several_processes_send_one_load_and_warm_ups_do_not_count() -> None:
    tally = Tally(span=1.0)
    with stub() as url, started(errand(url, Open(200), warm_up=0.2), processes=2) as senders:
        cpu = 0.0
        for news in senders.news(0.1):
            if news is not None:
                tally.add(news.outcomes)
                cpu += news.cpu
    assert tally.statuses == {200: len(list(departures(Open(200), 0.6, 1)))}
    assert cpu > 0


def test_they_stop_when_told() -> None:
    tally = Tally(span=1.0)
    with stub() as url, started(errand(url, Closed(2), seconds=600), processes=1) as senders:
        for news in senders.news(0.1):
            if news is not None:
                tally.add(news.outcomes)
                senders.stop()
    assert set(tally.statuses) == {200}


def test_one_that_dies_is_told() -> None:
    with stub() as url, started(errand(url, Closed(1), seconds=600), processes=1) as senders:
        news = senders.news(10.0)
        assert next(news) is not None
        os.kill(senders.pids[0], signal.SIGKILL)
        with pytest.raises(SenderDied):
            list(news)
