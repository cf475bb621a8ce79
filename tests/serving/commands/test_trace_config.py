import re
from pathlib import Path

import pytest

from serving.commands.trace_config import InvalidTraceConfig, Traces, traces
from serving.settings import Tracing

URL = "http://localhost:4318"
OTEL = "opentelemetry"


def chosen(*config: str, file: str = "", endpoint: str = "", **environment: str) -> Traces:
    return traces(Path(file) if file else None, endpoint, config, environment)


def test_nothing_is_traced_unless_somebody_asks() -> None:
    assert chosen() == Traces(None, Tracing())


def test_an_endpoint_is_enough() -> None:
    tracing = chosen(endpoint=URL).tracing
    assert (tracing.mode, tracing.level, tracing.rate, tracing.endpoint) == (OTEL, ("TIMESTAMPS",), 1000, URL)
    assert chosen("rate=0", endpoint=URL).tracing.rate == 0, "only what callers want traced"


def test_tritons_words_mean_what_they_mean_there() -> None:
    assert chosen("triton,file=/t.json", "triton,log-frequency=50", "rate=100", "level=TIMESTAMPS", "count=7") == (
        Traces(Path("/t.json"), Tracing("triton", ("TIMESTAMPS",), 100, 7, 50))
    )
    assert chosen(f"mode={OTEL}").tracing.level == ("OFF",)
    words = ("url=localhost:4318/v1/traces", "resource=service.name=a=b", "bsp_schedule_delay=5")
    tracing = chosen(f"mode={OTEL}", "level=TIMESTAMPS", *(f"{OTEL},{each}" for each in words)).tracing
    assert (tracing.endpoint, tracing.resource) == ("localhost:4318/v1/traces", (("service.name", "a=b"),))
    assert tracing.batching == (("OTEL_BSP_SCHEDULE_DELAY", "5"),)


def test_the_environment_of_all_programs_is_heard_where_no_option_says_otherwise() -> None:
    names = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    for name in names:
        tracing = chosen(**{name: URL}).tracing
        assert (tracing.mode, tracing.endpoint, tracing.is_by_environment) == (OTEL, "", True)
        assert chosen(file="/t.json", **{name: URL}) == Traces(Path("/t.json"), Tracing())
        assert chosen("mode=triton", **{name: URL}).tracing.mode == "triton"
        assert chosen(**{name: URL}, OTEL_SDK_DISABLED="true") == Traces(None, Tracing())
        assert chosen(**{name: URL}, OTEL_TRACES_EXPORTER="none") == Traces(None, Tracing())


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (("rat=1",), "--trace-config can't be 'rat=1'; expected mode=..., level=..., rate=..., count=..., triton,file"),
        (("zipkin,url=x",), "--trace-config can't be 'zipkin,url=x'"),
        (("rate",), "--trace-config can't be 'rate'"),
        (("rate=often",), "Unable to parse 'trace_rate', got: often"),
        (("level=TENSORS",), "trace level TENSORS is not supported"),
        (("level=TIMESTAMPS",), "trace file name is not given"),
        (("mode=zipkin",), "mode must be triton or opentelemetry, got 'zipkin'"),
        ((f"mode={OTEL}", f"{OTEL},resource=name"), "resource must be KEY=VALUE, got 'name'"),
        ((f"{OTEL},url=ftp://x",), "must be a collector's address such as http://localhost:4318, got 'ftp://x'"),
        ((f"{OTEL},url=nohttp",), "must be a collector's address such as http://localhost:4318, got 'nohttp'"),
        ((f"{OTEL},url=http://x:99999",), "got 'http://x:99999'"),
        ((f"{OTEL},url={URL}", "triton,file=/t.json"), "leave one of them out"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(config: tuple[str, ...], words: str) -> None:
    with pytest.raises(InvalidTraceConfig, match=re.escape(words)):
        chosen(*config)
