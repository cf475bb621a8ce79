"""Visits as OpenTelemetry's spans.

    the visit (server) ─┬─ what a model was asked ─┬─ queue
                        │                          └─ compute ─┬─ compute_input, compute_infer, compute_output
                        │                               :      (an ensemble's step has a span around the two)
                        │                               : links, both ways
                        │                          batch (a trace of its own)
                        └─ a model that writes ──── each answer ── queue, prefill, decode

Names: OpenTelemetry's semantic conventions for HTTP, RPC and generative AI; of models Triton's (`triton.model_name`).
Rule: nothing is measured here; what was written down is told, each batch once.
"""

from collections.abc import Iterator, Mapping
from random import getrandbits

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from serving.core.timeline import Batch, Run, Timeline, Written
from serving.core.trace_context import TraceContext
from serving.core.visit import Visit

_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_MODEL, _VERSION = "triton.model_name", "triton.model_version"

Attributes = Mapping[str, str | bool | int | float | list[str] | None]


class Spans:
    """`offset` is what turns seconds of the monotonic clock into seconds since 1970."""

    def __init__(self, resource: Resource, scope: InstrumentationScope, offset: float) -> None:
        self._resource = resource
        self._scope = scope
        self._offset = offset

    def of(self, visit: Visit) -> Iterator[ReadableSpan]:
        """Of one that is traced."""
        assert visit.place is not None
        here, caller = visit.place, visit.caller
        context = _context(here.trace_id, here.span_id, here.state)
        broken = Status(StatusCode.ERROR) if visit.is_broken else Status(StatusCode.UNSET)
        yield self._span(
            _name(visit),
            context,
            None if caller is None else _remote(caller),
            (visit.arrived, visit.ended),
            _grpc(visit) if visit.is_grpc else _http(visit),
            kind=SpanKind.SERVER,
            status=broken,
        )
        for timeline in visit.timelines:
            yield from self._timeline(visit, timeline, context)

    def _timeline(self, visit: Visit, timeline: Timeline, parent: SpanContext) -> Iterator[ReadableSpan]:
        context, ended = _child(parent), timeline.ended or visit.ended
        attributes: Attributes = {
            _MODEL: timeline.model,
            _VERSION: timeline.version,
            "triton.request_id": timeline.request_id or None,
        }
        status = Status(StatusCode.ERROR, timeline.error) if timeline.error else Status(StatusCode.UNSET)
        yield self._span(timeline.model, context, parent, (timeline.started, ended), attributes, status=status)
        for run in timeline.runs:
            if run.batch.model == timeline.model:
                yield from self._run(run, context)
                continue
            batch, step = run.batch, _child(context)
            yield self._span(batch.model, step, context, (run.arrived, batch.ended), _of_model(batch))
            yield from self._run(run, step)
        for written in timeline.written:
            yield from self._written(visit, timeline, written, context)

    def _run(self, run: Run, parent: SpanContext) -> Iterator[ReadableSpan]:
        batch = run.batch
        is_told = bool(batch.span_id)
        if not is_told:
            batch.trace_id, batch.span_id = _id(128), _id(64)
        compute = _of_run(run)
        yield self._span("queue", _child(parent), parent, (run.arrived, batch.started))
        together = _context(batch.trace_id, batch.span_id)
        yield self._span("compute", compute, parent, (batch.started, batch.ended), links=[together])
        at = batch.started
        for name in ("compute_input", "compute_infer", "compute_output"):
            seconds: float = getattr(batch, name)
            yield self._span(name, _child(compute), compute, (at, at + seconds))
            at += seconds
        if not is_told:
            yield self._batch(batch, together)

    def _batch(self, batch: Batch, context: SpanContext) -> ReadableSpan:
        attributes: Attributes = {
            **_of_model(batch),
            "slipway.batch.requests": batch.requests,
            "slipway.batch.rows": batch.rows,
        }
        members = [_of_run(run) for run in batch.members]
        return self._span(
            f"batch {batch.model}", context, None, (batch.started, batch.ended), attributes, links=members
        )

    def _written(
        self, visit: Visit, timeline: Timeline, written: Written, parent: SpanContext
    ) -> Iterator[ReadableSpan]:
        operation = "chat" if visit.path.endswith("/chat/completions") else "text_completion"
        context = _child(parent)
        tokens: Attributes = {"gen_ai.usage.output_tokens": written.output_tokens}
        status = Status(StatusCode.ERROR) if written.finish_reason == "error" else Status(StatusCode.UNSET)
        yield self._span(
            f"{operation} {timeline.model}",
            context,
            parent,
            (written.arrived, written.ended),
            {**_asked_to_write(operation, timeline, written), **tokens},
            status=status,
        )
        yield self._span("queue", _child(context), context, (written.arrived, written.begun))
        read: Attributes = {
            "gen_ai.usage.input_tokens": written.input_tokens,
            "gen_ai.usage.cache_read.input_tokens": written.cached_tokens,
        }
        yield self._span("prefill", _child(context), context, (written.begun, written.first_token), read)
        yield self._span("decode", _child(context), context, (written.first_token, written.ended), tokens)

    def _span(
        self,
        name: str,
        context: SpanContext,
        parent: SpanContext | None,
        moments: tuple[float, float],
        attributes: Attributes | None = None,
        links: list[SpanContext] | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        status: Status | None = None,
    ) -> ReadableSpan:
        return ReadableSpan(
            name,
            context,
            parent,
            self._resource,
            {key: value for key, value in (attributes or {}).items() if value is not None},
            links=[Link(other) for other in links or ()],
            kind=kind,
            status=status or Status(StatusCode.UNSET),
            start_time=self._ns(moments[0]),
            end_time=self._ns(moments[1]),
            instrumentation_scope=self._scope,
        )

    def _ns(self, seconds: float) -> int:
        return int((seconds + self._offset) * 1e9)


def _name(visit: Visit) -> str:
    return visit.route if visit.is_grpc else f"{visit.method} {visit.route}".rstrip()


def _http(visit: Visit) -> Attributes:
    return {
        "http.request.method": visit.method,
        "http.route": visit.route or None,
        "http.response.status_code": int(visit.status),
        "http.request.body.size": visit.bytes_in,
        "http.response.body.size": visit.bytes_out,
        "url.path": visit.path,
        "url.scheme": "http",
        "error.type": str(visit.status) if visit.is_broken else None,
        **_of_visit(visit),
    }


def _grpc(visit: Visit) -> Attributes:
    return {
        "rpc.system.name": "grpc",
        "rpc.method": visit.route,
        "rpc.response.status_code": str(visit.status),
        "error.type": str(visit.status) if visit.is_broken else None,
        **_of_visit(visit),
    }


def _of_visit(visit: Visit) -> Attributes:
    return {_MODEL: visit.model or None, _VERSION: visit.version or None, "slipway.request_id": visit.id or None}


def _of_model(batch: Batch) -> Attributes:
    return {_MODEL: batch.model, _VERSION: batch.version}


def _asked_to_write(operation: str, timeline: Timeline, written: Written) -> Attributes:
    sampling = written.sampling
    return {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": "slipway",
        "gen_ai.request.model": timeline.model,
        "gen_ai.response.model": timeline.model,
        "gen_ai.request.max_tokens": sampling.max_tokens,
        "gen_ai.request.temperature": float(sampling.temperature),
        "gen_ai.request.top_p": float(sampling.top_p),
        "gen_ai.request.seed": sampling.seed,
        "gen_ai.usage.input_tokens": written.input_tokens,
        "gen_ai.response.finish_reasons": [written.finish_reason],
        "gen_ai.response.time_to_first_chunk": written.first_token - written.arrived,
        _VERSION: timeline.version,
    }


def _of_run(run: Run) -> SpanContext:
    run.span_id = run.span_id or _id(64)
    return _context(run.trace_id, run.span_id)


def _child(parent: SpanContext) -> SpanContext:
    return SpanContext(parent.trace_id, _id(64), False, _SAMPLED, parent.trace_state)


def _context(trace_id: int, span_id: int, state: str = "") -> SpanContext:
    return SpanContext(trace_id, span_id, False, _SAMPLED, TraceState.from_header([state]) if state else None)


def _remote(caller: TraceContext) -> SpanContext:
    return SpanContext(caller.trace_id, caller.span_id, True, _SAMPLED)


def _id(bits: int) -> int:
    """Any but 0, which is none."""
    return getrandbits(bits) or 1
