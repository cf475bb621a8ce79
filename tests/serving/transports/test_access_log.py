import logging
from itertools import cycle

import pytest

from serving.core.visit import Visit
from serving.transports.access_log import AccessLog


def told(caplog: pytest.LogCaptureFixture, rate: float, *visits: Visit) -> list[str]:
    chances = cycle([0.0, 0.25, 0.5, 0.75])
    log = AccessLog(rate, lambda: next(chances))
    with caplog.at_level(logging.INFO, "slipway.access"):
        for visit in visits:
            log.tell(visit)
    return [record.getMessage() for record in caplog.records]


def visit(path: str = "/v2", status: int = 200) -> Visit:
    return Visit("GET", path, 1.0, ended=1.0015, status=status, has_failed=status >= 400, bytes_out=7)


@pytest.mark.parametrize(("rate", "count"), [(0.0, 0), (0.25, 2), (1.0, 8)])
def test_so_many_of_all_requests_have_a_line(caplog: pytest.LogCaptureFixture, rate: float, count: int) -> None:
    assert told(caplog, rate, *[visit()] * 8) == ["GET /v2 200 in 1.500 ms, 7 bytes"] * count


def test_every_error_has_one(caplog: pytest.LogCaptureFixture) -> None:
    assert len(told(caplog, 0.0, visit(status=404), visit(), visit(status=500))) == 2


def test_a_path_can_forge_no_line(caplog: pytest.LogCaptureFixture) -> None:
    (line,) = told(caplog, 1.0, visit("/a\nERROR forged\x1b" + "x" * 1000))
    assert line.startswith("GET /a?ERROR forged?xxx")
    assert len(line) < 300
