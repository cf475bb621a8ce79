import logging

import pytest

from serving.core.trace_context import TraceContext
from serving.core.visit import Visit
from serving.tracing.otlp import TracingUnavailable, limits, open_spans, traces_url
from serving.tracing.span_queue import Limits
from tests.collector import collecting


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("http://collector:4318", "http://collector:4318/v1/traces"),
        ("http://collector:4318/", "http://collector:4318/v1/traces"),
        ("https://traces.example/otlp/v1/traces", "https://traces.example/otlp/v1/traces"),
        ("localhost:4318/v1/traces", "http://localhost:4318/v1/traces"),
    ],
)
def test_an_address_of_a_collector_is_completed_and_a_whole_one_stays(endpoint: str, url: str) -> None:
    assert traces_url(endpoint) == url


def test_the_environment_says_how_much_waits_and_is_sent_together() -> None:
    assert limits({}) == Limits()
    environment = {
        "OTEL_BSP_MAX_QUEUE_SIZE": "100",
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "500",
        "OTEL_BSP_SCHEDULE_DELAY": "250",
    }
    assert limits(environment) == Limits(waiting=100, together=100, delay=0.25)


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5"])
def test_a_setting_that_is_no_number_is_named(value: str) -> None:
    with pytest.raises(TracingUnavailable, match=f"OTEL_BSP_MAX_QUEUE_SIZE .* got '{value}'"):
        limits({"OTEL_BSP_MAX_QUEUE_SIZE": value})


def test_an_address_is_told_without_the_password_in_it(caplog: pytest.LogCaptureFixture) -> None:
    batching = {"OTEL_BSP_SCHEDULE_DELAY": "3600000"}
    with collecting() as collector, caplog.at_level(logging.WARNING):
        collector.status = 400
        spans = open_spans(collector.url.replace("//", "//me:secret@"), {}, batching, "1")
        spans.put(Visit("GET", "/", 0.0, status=200, place=TraceContext(1, 1, True)))
        spans.close(30)
    assert f"nothing at {collector.url}/v1/traces took them" in caplog.text
    assert "secret" not in caplog.text
