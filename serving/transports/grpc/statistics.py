"""What models have done: ModelStatistics. Source: Triton's extension_statistics.md."""

from tritonclient.grpc import service_pb2 as messages

from serving.engine.engine import Engine
from serving.engine.served_model import ServedModel
from serving.engine.statistics import ComputeStatistics, Duration, ResponseStatistics
from serving.protocols.v2_proto import read_version
from serving.transports.grpc.calls import Unary

_NOTHING = Duration()


def statistics_rpcs(engine: Engine) -> dict[str, Unary]:
    async def model_statistics(message: messages.ModelStatisticsRequest) -> messages.ModelStatisticsResponse:
        version = read_version(message.version)
        models = engine.versions(message.name, version) if message.name else engine.models()
        return messages.ModelStatisticsResponse(model_stats=[_of_model(model) for model in models])

    return {"ModelStatistics": model_statistics}


def _of_model(model: ServedModel) -> messages.ModelStatistics:
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
            cache_hit=_duration(_NOTHING),
            cache_miss=_duration(_NOTHING),
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
