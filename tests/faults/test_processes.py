"""A model's process that stands still: stopped by a signal, as by a debugger or a frozen container."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

from tests.callers import callers_of
from tests.faults.asking import ask, output, row
from tests.faults.trials import Trials
from tests.running_server import RunningServer, until

TRIALS = 5


def test_a_process_that_stands_still_holds_up_its_own_requests_alone(server: RunningServer, trials: Trials) -> None:
    with callers_of(server, 2) as told, ThreadPoolExecutor() as pool:
        for _ in range(TRIALS):
            (pid,) = output(ask(server, "hazard", row()), "pid")
            os.kill(pid, signal.SIGSTOP)
            waiting = [pool.submit(ask, server, "hazard", row()) for _ in range(3)]
            server.wait_for_pending("hazard", 2)
            before = told.answers.total()
            until(lambda before=before: told.answers.total() > before + 50)  # type: ignore[misc]
            os.kill(pid, signal.SIGCONT)
            assert [output(each.result(), "pid") for each in waiting] == [[pid]] * 3
    assert told.failures == []
    trials.note("a model's process stopped (SIGSTOP), then continued", TRIALS, "nothing; its requests waited")


def test_who_waits_behind_it_learns_in_time_that_it_was_too_long(server: RunningServer, trials: Trials) -> None:
    with ThreadPoolExecutor() as pool:
        (pid,) = output(ask(server, "hazard", row()), "pid")
        os.kill(pid, signal.SIGSTOP)
        held = [pool.submit(ask, server, "hazard", row()) for _ in range(2)]
        server.wait_for_pending("hazard", 1)
        limits = [{"parameters": {"timeout": 200_000 * place}} for place in (3, 1, 2)]  # microseconds
        replies = list(pool.map(lambda limit: ask(server, "hazard", row() | limit), limits))
        assert [(reply.status_code, "timeout expired" in reply.text) for reply in replies] == [(503, True)] * 3
        assert not any(each.done() for each in held)
        os.kill(pid, signal.SIGCONT)
        assert [output(each.result(), "pid") for each in held] == [[pid]] * 2
    trials.note("requests with a deadline behind a model that hangs", 3, "3, told 503 while it hung")


def test_one_that_is_killed_while_it_stands_still_is_another_s_turn(server: RunningServer, trials: Trials) -> None:
    with callers_of(server, 2) as told, ThreadPoolExecutor() as pool:
        (pid,) = output(ask(server, "hazard", row()), "pid")
        os.kill(pid, signal.SIGSTOP)
        waiting = [pool.submit(ask, server, "hazard", row()) for _ in range(3)]
        server.wait_for_pending("hazard", 2)
        os.kill(pid, signal.SIGKILL)
        replies = [each.result() for each in waiting]
        lost = [reply for reply in replies if reply.status_code != 200]
        assert {reply.status_code for reply in lost} == {503}
        assert all("Retry-After" in reply.headers and "was killed (SIGKILL)" in reply.text for reply in lost)
        until(lambda: ask(server, "hazard", row()).status_code == 200)
        assert output(ask(server, "hazard", row()), "pid") != [pid]
    assert told.failures == []
    trials.note("a model's process stopped and killed (SIGKILL)", 1, f"{len(lost)} of the 3 requests that it had: 503")
