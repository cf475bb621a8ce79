"""What the dashboard's queries have in common.

Rule: a query shows what the reader chose, of the models and servers, and nothing of other jobs.
"""

from deploy.monitoring.grafana import Panel

SERVERS = 'job=~"$job", instance=~"$instance"'
MODELS = f'{SERVERS}, model=~"$model"'
WRITERS = f'{SERVERS}, model_name=~"$model"'
"""Generation has vLLM's labels."""


def rate(metric: str, by: str, of: str = MODELS, where: str = "") -> str:
    """Per second."""
    chosen = f"{of}, {where}" if where else of
    return f"sum by ({by}) (rate({metric}{{{chosen}}}[$__rate_interval]))"


def total(metric: str, by: str, of: str = MODELS) -> str:
    return f"sum by ({by}) ({metric}{{{of}}})"


def buckets(metric: str, of: str = MODELS) -> str:
    return f"sum by (le) (increase({metric}_bucket{{{of}}}[$__rate_interval]))"


def quantile(share: float, metric: str, by: str, of: str = MODELS) -> str:
    return f"histogram_quantile({share}, {rate(f'{metric}_bucket', f'le, {by}', of)})"


def quantiles(metric: str, by: str, legend: str, of: str = MODELS) -> dict[str, str]:
    return {f"{legend} p{share * 100:g}": quantile(share, metric, by, of) for share in (0.5, 0.9, 0.99)}


def hourly(metric: str, by: str = "model", of: str = MODELS) -> str:
    return f"sum by ({by}) (increase({metric}{{{of}}}[1h]))"


def mean(metric: str, by: str, of: str = MODELS) -> str:
    return f"{rate(f'{metric}_sum', by, of)} / {rate(f'{metric}_count', by, of)}"


def each_request(metric: str) -> str:
    """Triton's microseconds, of the requests that were answered, in seconds each."""
    return f"{rate(metric, 'model')} / {rate('nv_inference_request_success', 'model')} / 1e6"


def heatmap(title: str, metric: str, unit: str, of: str = MODELS, words: str = "") -> Panel:
    return Panel(title, {"{{le}}": buckets(metric, of)}, unit, "heatmap", words)


ANSWERED, FAILED = "nv_inference_request_success", "nv_inference_request_failure"
OBJECTIVES = "slipway_objective_requests_total"
BY_VERSION = "{{model}} {{version}}"
