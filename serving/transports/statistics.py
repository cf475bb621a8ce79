"""What a model version has done, as Triton's message, which HTTP writes as JSON.

Source: extension_statistics.md. Rule: every field is there even when it is zero; perf_analyzer reads them unchecked.
"""

from tritonclient.grpc import service_pb2 as messages

from serving.engine.servable import Servable
from serving.engine.statistics import ComputeStatistics, Duration, ResponseStatistics

_NOTHING = Duration()


def model_statistics(model: Servable) -> messages.ModelStatistics:
    statistics = model.statistics
    return messages.ModelStatistics(
        name=model.name,
        version=model.version,
        last_inference=statistics.last_inference_ms,
        inference_count=statistics.inferences,
        execution_count=statistics.executions,
        inference_stats=messages.InferStatistics(
            success=_duration(statistics.success),
            fail=_duration(statistics.fail),
            queue=_duration(statistics.queue),
            **_compute(statistics.compute),
            cache_hit=_duration(statistics.cache_hit),
            cache_miss=_duration(statistics.cache_miss),
        ),
        response_stats={str(number): _response(response) for number, response in statistics.responses.items()},
        batch_stats=[
            messages.InferBatchStatistics(batch_size=rows, **_compute(statistics.batches[rows]))
            for rows in sorted(statistics.batches)
        ],
    )


def _compute(compute: ComputeStatistics) -> dict[str, messages.StatisticDuration]:
    return {
        "compute_input": _duration(compute.compute_input),
        "compute_infer": _duration(compute.compute_infer),
        "compute_output": _duration(compute.compute_output),
    }


def _response(response: ResponseStatistics) -> messages.InferResponseStatistics:
    """The time to a response is all counted as the model's: it is not split into computing and writing."""
    return messages.InferResponseStatistics(
        compute_infer=_duration(response.success),
        compute_output=_duration(_NOTHING),
        success=_duration(response.success),
        fail=_duration(response.fail),
        empty_response=_duration(response.empty_response),
        cancel=_duration(response.cancel),
    )


def _duration(duration: Duration) -> messages.StatisticDuration:
    return messages.StatisticDuration(count=duration.count, ns=duration.ns)
