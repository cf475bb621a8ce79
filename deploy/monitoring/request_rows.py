"""The dashboard's rows about requests: what came, what became of it, and how long that took."""

from deploy.monitoring.grafana import Panel, Row, stat
from deploy.monitoring.queries import (
    ANSWERED,
    BY_VERSION,
    FAILED,
    MODELS,
    OBJECTIVES,
    SERVERS,
    each_request,
    heatmap,
    mean,
    quantile,
    quantiles,
    rate,
    total,
)

SECONDS = "slipway_request_duration_seconds"
FAULTS = rate(FAILED, "model", where='reason=~"BACKEND|OTHER"')
ALL = f"({rate(ANSWERED, 'model')} + {rate(FAILED, 'model')})"
IN_TIME = rate(OBJECTIVES, "model", where='outcome="in_time"')
WITH_DEADLINE = rate(OBJECTIVES, "model")

OVERVIEW = Row(
    "Now",
    [
        stat("Servers", f"sum(slipway_ready{{{SERVERS}}})", words="That take requests."),
        stat("Models", f"count(max by (model) (slipway_model_ready{{{MODELS}}}) == 1)", words="With a ready version."),
        stat("Models down", f"count(max by (instance, model) (slipway_model_ready{{{MODELS}}}) == 0) or vector(0)"),
        stat("Requests", f"sum(rate({ANSWERED}{{{MODELS}}}[$__rate_interval]))", "reqps", "Answered."),
        stat("Failed", f"sum({FAULTS}) / sum{ALL}", "percentunit", "By the model's or the server's fault.", most=1),
        stat("p99", f"histogram_quantile(0.99, {rate(f'{SECONDS}_bucket', 'le')})", "s", "Of all models together."),
        stat(
            "In time", f"sum({IN_TIME}) / sum({WITH_DEADLINE})", "percentunit", "Of requests with a deadline.", most=1
        ),
        stat("Waiting", f"sum(nv_inference_pending_request_count{{{MODELS}}})", words="For an instance."),
    ],
)
TRAFFIC = Row(
    "Traffic",
    [
        Panel("Requests answered", {BY_VERSION: rate(ANSWERED, "model, version")}, "reqps", stacked=True),
        Panel(
            "Inferences",
            {BY_VERSION: rate("nv_inference_count", "model, version")},
            words="Rows that models computed; what the cache answered is not among them.",
            stacked=True,
        ),
        Panel("Executions", {BY_VERSION: rate("nv_inference_exec_count", "model, version")}, "ops", stacked=True),
        Panel("HTTP replies", {"{{code}}": rate("slipway_http_replies_total", "code", SERVERS)}, "reqps", stacked=True),
        Panel(
            "gRPC calls",
            {"{{method}} {{code}}": rate("slipway_grpc_calls_total", "method, code", SERVERS)},
            "reqps",
            stacked=True,
        ),
        Panel(
            "Under way",
            {
                "HTTP requests {{instance}}": total("slipway_http_requests_running", "instance", SERVERS),
                "HTTP connections {{instance}}": total("slipway_http_connections", "instance", SERVERS),
                "gRPC calls {{instance}}": total("slipway_grpc_calls_running", "instance", SERVERS),
            },
        ),
    ],
)
ERRORS = Row(
    "Errors, refusals and objectives",
    [
        Panel("Failures", {"{{model}} {{reason}}": rate(FAILED, "model, reason")}, "reqps", stacked=True),
        Panel("Share that failed", {"{{model}}": f"{FAULTS} / {ALL}"}, "percentunit", words="Not refused, nor left."),
        Panel(
            "Refusals",
            {"{{model}} {{reason}}": rate("slipway_refused_requests_total", "model, reason")},
            "reqps",
            words="No room in the queue, no chance to be in time, too long in the queue.",
            stacked=True,
        ),
        Panel("Objectives", {"{{model}} {{outcome}}": rate(OBJECTIVES, "model, outcome")}, "reqps", stacked=True),
        Panel(
            "Share in time",
            {"{{model}}": f"{IN_TIME} / {WITH_DEADLINE}"},
            "percentunit",
            words="Of requests with a deadline.",
            most=1,
        ),
        Panel(
            "p99 and objective",
            {
                "{{model}} p99": quantile(0.99, SECONDS, "model"),
                "{{model}} objective": f"max by (model) (slipway_latency_objective_seconds{{{MODELS}}})",
            },
            "s",
        ),
    ],
)
LATENCY = Row(
    "Latency",
    [
        heatmap("Requests", SECONDS, "s", words="From the queue's door to the model's answer."),
        Panel("Requests, quantiles", quantiles(SECONDS, "model", "{{model}}"), "s"),
        Panel(
            "Where a request's time goes",
            {
                "{{model}} queue": each_request("nv_inference_queue_duration_us"),
                "{{model}} input": each_request("nv_inference_compute_input_duration_us"),
                "{{model}} compute": each_request("nv_inference_compute_infer_duration_us"),
                "{{model}} output": each_request("nv_inference_compute_output_duration_us"),
            },
            "s",
            words="The mean of each part.",
            stacked=True,
        ),
        heatmap("Queue", "slipway_queue_duration_seconds", "s"),
        Panel("Queue, quantiles", quantiles("slipway_queue_duration_seconds", "model", "{{model}}"), "s"),
        Panel("Compute, quantiles", quantiles("slipway_compute_duration_seconds", "model", "{{model}}"), "s"),
    ],
)
BATCHES = Row(
    "Queue and batches",
    [
        Panel("Waiting", {BY_VERSION: total("nv_inference_pending_request_count", "model, version")}),
        Panel(
            "Queue, of its limit",
            {
                "{{instance}} {{model}} {{version}}": f"nv_inference_pending_request_count{{{MODELS}}}"
                f" / slipway_queue_limit_requests{{{MODELS}}}"
            },
            "percentunit",
            most=1,
        ),
        heatmap("Rows in a batch", "slipway_batch_size_rows", "short"),
        Panel("Rows in a batch, mean", {"{{model}}": mean("slipway_batch_size_rows", "model")}),
        Panel(
            "Busy instances",
            {"{{model}}": rate("slipway_compute_duration_seconds_sum", "model")},
            words="Seconds of computing per second; as many instances as the model has are the most.",
        ),
        Panel(
            "Batches, in what was expected of them",
            quantiles("slipway_batch_duration_ratio", "model", "{{model}}"),
            words="While requests with a deadline waited; 1 is as foreseen.",
        ),
    ],
)
