from typing import Any

import pytest

from loadtests.server_figures import Sample, Statistics, instances, of_streams, process, statistics, told

METRICS = """# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total 12.5
process_resident_memory_bytes 3e+08
nv_inference_request_success{model="double",version="1"} 40
nv_inference_request_success{model="double",version="2"} 2
nv_inference_request_success{model="other",version="1"} 7
"""


def document(requests: int) -> dict[str, Any]:
    """Each waited for 2 ms and was computed in 1 + 4 + 1 ms; batches of two."""

    def duration(ms: float) -> dict[str, str]:
        return {"count": str(requests), "ns": str(int(requests * ms * 1e6))}

    parts = {"compute_input": duration(1), "compute_infer": duration(4), "compute_output": duration(1)}
    return {
        "model_stats": [
            {
                "inference_stats": {"success": duration(9), "queue": duration(2), **parts},
                "inference_count": requests,
                "execution_count": requests // 2,
                "batch_stats": [{"batch_size": 2, "compute_infer": {"count": requests // 2, "ns": 1}}],
            }
        ]
    }


def sample(at: float, requests: int, cpu: float | None = None, others: int = 0) -> Sample:
    text = "" if cpu is None else METRICS.replace("12.5", str(cpu)).replace(" 40\n", f" {requests + others - 2}\n")
    return Sample(at, statistics(document(requests)), process(text, "double"))


def test_only_what_happened_in_between_counts() -> None:
    found = told([sample(0.0, 100, 10.0), sample(1.0, 120, 11.0), sample(2.0, 160, 13.0)], surely=False)
    assert (found["requests"], found["batch"], found["batches"]) == (60, 2.0, {"2": 30})
    assert (found["queue_ms"], found["compute_ms"], found["compute_infer_ms"]) == pytest.approx((2, 6, 4))
    assert (found["cpu"], found["memory"]) == (1.5, 3e8)
    assert [(entry["at"], entry["requests"], entry["cpu"]) for entry in found["series"]] == [
        (1.0, 20, 1.0),
        (2.0, 40, 2.0),
    ]
    assert found["notes"] == []


def test_metrics_of_another_server_are_not_taken_for_this_ones() -> None:
    samples = [sample(0.0, 100, 10.0, others=500), sample(1.0, 160, 11.0, others=900)]
    found = told(samples, surely=False)
    assert "cpu" not in found
    assert "another server's" in found["notes"][0]
    assert told(samples, surely=True)["cpu"] == 1.0


def test_what_a_server_does_not_tell_is_left_out_with_a_note() -> None:
    found = told([Sample(0.0, None, None)], surely=False)
    assert found.keys() == {"notes"}
    assert len(found["notes"]) == 2
    assert "--metrics-url" in found["notes"][1]


def test_a_server_that_started_anew_is_no_server_that_went_backwards() -> None:
    found = told([sample(0.0, 100, 10.0), sample(1.0, 20, 0.5)], surely=True)
    assert found["requests"] == 0
    assert "queue_ms" not in found
    assert "cpu" not in found


@pytest.mark.parametrize("said", [None, {}, [], {"model_stats": [{}]}, {"model_stats": 3}, "text"])
def test_something_else_is_no_statistics(said: Any) -> None:
    assert statistics(said) is None


def test_all_versions_count_together() -> None:
    both = {"model_stats": document(10)["model_stats"] + document(20)["model_stats"]}
    found = statistics(both)
    assert isinstance(found, Statistics)
    assert (found.requests, found.batches) == (30, {2: 15})
    used = process(METRICS, "double")
    assert used is not None
    assert (used.cpu, used.memory, used.requests) == (12.5, 3e8, 42)


@pytest.mark.parametrize("config", [None, {}, [], {"instance_group": []}, {"instance_group": [{}]}])
def test_instances_that_are_not_told_are_not_known(config: Any) -> None:
    assert instances(config) == {}
    assert instances({"instance_group": [{"count": 2}, {"count": "3"}]}) == {"instances": 5}


def test_streams_tell_of_no_batches() -> None:
    found = told([sample(0.0, 100, 10.0), sample(1.0, 120, 11.0)], surely=True)
    assert "batch" in found
    assert "batch" in found["series"][0]
    streams = of_streams(found)
    assert not {"batch", "batches"} & {*streams, *streams["series"][0]}
    assert streams["queue_ms"] == found["queue_ms"]
    assert of_streams({"notes": []}) == {"notes": []}
