"""The dashboard's rows about what answers: models that write, caches, versions, the machine and its GPUs."""

from deploy.monitoring.grafana import Panel, Row
from deploy.monitoring.queries import (
    BY_VERSION,
    MODELS,
    SERVERS,
    WRITERS,
    heatmap,
    hourly,
    mean,
    quantiles,
    rate,
    total,
)

FIRST, BETWEEN = "vllm:time_to_first_token_seconds", "vllm:inter_token_latency_seconds"
KEPT, HITS, MISSES = "slipway_response_cache", "nv_cache_num_hits_per_model", "nv_cache_num_misses_per_model"
GPU = "{{instance}} {{gpu_uuid}}"

GENERATION = Row(
    "Generation",
    [
        heatmap("Time to first token", FIRST, "s", WRITERS),
        Panel("Time to first token, quantiles", quantiles(FIRST, "model_name", "{{model_name}}", WRITERS), "s"),
        Panel("Between tokens, quantiles", quantiles(BETWEEN, "model_name", "{{model_name}}", WRITERS), "s"),
        Panel(
            "Tokens",
            {
                "{{model_name}} written": rate("vllm:generation_tokens_total", "model_name", WRITERS),
                "{{model_name}} read": rate("vllm:prompt_tokens_total", "model_name", WRITERS),
            },
            words="Per second.",
        ),
        Panel(
            "Requests",
            {
                "{{model_name}} running": total("vllm:num_requests_running", "model_name", WRITERS),
                "{{model_name}} waiting": total("vllm:num_requests_waiting", "model_name", WRITERS),
                "{{model_name}} rows": total("slipway_kv_cache_rows", "model_name", WRITERS),
            },
            words="A request that runs has a row of the cache.",
        ),
        Panel(
            "Cache",
            {"{{instance}} {{model_name}}": f"vllm:kv_cache_usage_perc{{{WRITERS}}}"},
            "percentunit",
            words="Of its positions, one for each token, those that requests under way fill.",
            most=1,
        ),
        Panel(
            "Whole requests, quantiles",
            quantiles("vllm:e2e_request_latency_seconds", "model_name", "{{model_name}}", WRITERS),
            "s",
        ),
        Panel(
            "Where a request's time goes",
            {
                f"{{{{model_name}}}} {part}": mean(f"vllm:request_{part}_time_seconds", "model_name", WRITERS)
                for part in ("queue", "prefill", "decode")
            },
            "s",
            words="The mean of each part.",
            stacked=True,
        ),
        Panel(
            "Ended, by why",
            {
                "{{model_name}} {{finished_reason}}": rate(
                    "vllm:request_success_total", "model_name, finished_reason", WRITERS
                )
            },
            "reqps",
            stacked=True,
        ),
        Panel(
            "Tokens of a request, mean",
            {
                "{{model_name}} prompt": mean("vllm:request_prompt_tokens", "model_name", WRITERS),
                "{{model_name}} answer": mean("vllm:request_generation_tokens", "model_name", WRITERS),
            },
        ),
        Panel(
            "Written together",
            {
                "{{model_name}}": rate("vllm:generation_tokens_total", "model_name", WRITERS)
                + " / "
                + rate("slipway_generation_steps_total", "model_name", WRITERS)
            },
            words="Tokens that a step writes, one for each request that is in it.",
        ),
        Panel(
            "Prompt tokens from the cache",
            {
                "{{model_name}}": rate("vllm:prefix_cache_hits_total", "model_name", WRITERS)
                + " / "
                + rate("vllm:prefix_cache_queries_total", "model_name", WRITERS)
            },
            "percentunit",
            most=1,
        ),
    ],
)
CACHE = Row(
    "Response cache",
    [
        Panel(
            "Answered from the cache",
            {"{{model}}": f"{rate(HITS, 'model')} / ({rate(HITS, 'model')} + {rate(MISSES, 'model')})"},
            "percentunit",
            most=1,
        ),
        Panel(
            "Size",
            {
                "{{instance}} used": total(f"{KEPT}_used_bytes", "instance", SERVERS),
                "{{instance}} of": total(f"{KEPT}_size_bytes", "instance", SERVERS),
            },
            "bytes",
        ),
        Panel("Evictions", {"{{instance}}": rate(f"{KEPT}_evictions_total", "instance", SERVERS)}, "ops"),
    ],
)
VERSIONS = Row(
    "Versions and rollouts",
    [
        Panel(
            "Ready",
            {
                "{{instance}} {{model}} {{version}}": "max by (instance, model, version) "
                f"(slipway_model_ready{{{MODELS}}})"
            },
            words="1 for a version that answers, 0 for one that was tried and does not.",
            most=1,
        ),
        Panel(
            "Loads and rollouts, per hour",
            {
                "{{model}} loaded": hourly("slipway_model_loads_total"),
                "{{model}} failed": hourly("slipway_model_load_failures_total"),
                "{{model}} promoted": hourly("slipway_model_promotions_total"),
                "{{model}} rolled back": hourly("slipway_model_rollbacks_total"),
            },
        ),
        Panel("Time to load", {BY_VERSION: f"max by (model, version) (nv_model_load_duration_secs{{{MODELS}}})"}, "s"),
        Panel(
            "On trial: share of requests",
            {BY_VERSION: f"max by (model, version) (slipway_rollout_percent{{{MODELS}}})"},
            "percent",
            words="Nothing while no version is on trial.",
            most=100,
        ),
        Panel(
            "On trial: failures",
            {
                "{{model}} {{version}}": f"max by (model, version) (slipway_rollout_error_ratio{{{MODELS}}})",
                "{{model}} current": f"max by (model) (slipway_rollout_current_error_ratio{{{MODELS}}})",
                "{{model}} {{version}} answers differently": "max by (model, version) "
                f"(slipway_rollout_disagreement_ratio{{{MODELS}}})",
            },
            "percentunit",
            most=1,
        ),
        Panel(
            "On trial: time, in that of the current version",
            {BY_VERSION: f"max by (model, version) (slipway_rollout_latency_ratio{{{MODELS}}})"},
        ),
        Panel("Processes of models that are up", {BY_VERSION: total("slipway_instances_up", "model, version")}),
        Panel(
            "Restarts, per hour",
            {
                "{{model}}": hourly("slipway_instance_restarts_total"),
                "HTTP workers {{instance}}": hourly("slipway_http_worker_restarts_total", "instance", SERVERS),
            },
        ),
        Panel(
            "Repositories that can be read",
            {"{{instance}} {{repository}}": f"slipway_repository_reachable{{{SERVERS}}}"},
            most=1,
        ),
    ],
)
MACHINE = Row(
    "Machine and process",
    [
        Panel("Processors", {"{{instance}}": f"nv_cpu_utilization{{{SERVERS}}}"}, "percentunit", most=1),
        Panel(
            "Memory",
            {
                "{{instance}} machine": f"nv_cpu_memory_used_bytes{{{SERVERS}}}",
                "{{instance}} of": f"nv_cpu_memory_total_bytes{{{SERVERS}}}",
                "{{instance}} server": f"process_resident_memory_bytes{{{SERVERS}}}",
            },
            "bytes",
        ),
        Panel(
            "Event loop is late, quantiles",
            quantiles("slipway_event_loop_delay_seconds", "instance", "{{instance}}", SERVERS),
            "s",
            words="Whatever comes waits as long.",
        ),
        Panel(
            "Server's processor seconds",
            {"{{instance}}": rate("process_cpu_seconds_total", "instance", SERVERS)},
            words="Per second, without models that have processes of their own.",
        ),
        Panel(
            "Open files",
            {
                "{{instance}}": f"process_open_fds{{{SERVERS}}}",
                "{{instance}} of": f"process_max_fds{{{SERVERS}}}",
            },
        ),
        Panel(
            "Up since",
            {"{{instance}}": f"time() - process_start_time_seconds{{{SERVERS}}}"},
            "s",
            words="A graph that falls to 0 is a start.",
        ),
        Panel("HTTP workers", {"{{instance}}": f"slipway_http_workers{{{SERVERS}}}"}),
        Panel("Release", {"{{version}}": f"count by (version) (slipway_build_info{{{SERVERS}}})"}, stacked=True),
    ],
)
GPUS = Row(
    "GPUs",
    [
        Panel("Use", {GPU: f"nv_gpu_utilization{{{SERVERS}}}"}, "percentunit", most=1),
        Panel(
            "GPU memory",
            {
                f"{GPU} used": f"nv_gpu_memory_used_bytes{{{SERVERS}}}",
                f"{GPU} of": f"nv_gpu_memory_total_bytes{{{SERVERS}}}",
            },
            "bytes",
        ),
        Panel(
            "Power",
            {
                f"{GPU}": f"nv_gpu_power_usage{{{SERVERS}}}",
                f"{GPU} limit": f"nv_gpu_power_limit{{{SERVERS}}}",
                f"{GPU} by energy": rate("nv_energy_consumption", "instance, gpu_uuid", SERVERS),
            },
            "watt",
        ),
    ],
)
