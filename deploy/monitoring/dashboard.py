"""What is on the Grafana dashboard: `python -m deploy.monitoring.dashboard` writes dashboard.json beside this file.

Rule: the file is never edited by hand; a test compares it with what would be written.
"""

import json
from pathlib import Path

from deploy.monitoring import request_rows, server_rows
from deploy.monitoring.grafana import Mark, Variable, dashboard
from deploy.monitoring.queries import MODELS, SERVERS

FILE = Path(__file__).with_name("dashboard.json")

VARIABLES = [
    Variable("job", "slipway_build_info", "job"),
    Variable("instance", 'slipway_build_info{job=~"$job"}', "instance"),
    Variable("model", f"slipway_model_ready{{{SERVERS}}}", "model"),
]
MARKS = [
    Mark("loaded", f"increase(slipway_model_loads_total{{{MODELS}}}[$__rate_interval]) > 0", "blue"),
    Mark("rolled back", f"increase(slipway_model_rollbacks_total{{{MODELS}}}[$__rate_interval]) > 0", "red"),
    Mark("started", f"changes(process_start_time_seconds{{{SERVERS}}}[$__rate_interval]) > 0", "orange"),
]
ROWS = [
    request_rows.OVERVIEW,
    request_rows.TRAFFIC,
    request_rows.ERRORS,
    request_rows.LATENCY,
    request_rows.BATCHES,
    server_rows.GENERATION,
    server_rows.CACHE,
    server_rows.VERSIONS,
    server_rows.MACHINE,
    server_rows.GPUS,
]


def text() -> str:
    found = dashboard("slipway", "Slipway", "Models that are served, and what serves them.", VARIABLES, MARKS, ROWS)
    return json.dumps(found, indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(text())
