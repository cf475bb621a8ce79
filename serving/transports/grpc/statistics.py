"""What models have done: ModelStatistics."""

from tritonclient.grpc import service_pb2 as messages

from serving.engine.engine import Engine
from serving.protocols.v2_proto import read_version
from serving.transports.grpc.calls import Unary
from serving.transports.statistics import model_statistics


def statistics_rpcs(engine: Engine) -> dict[str, Unary]:
    async def statistics(message: messages.ModelStatisticsRequest) -> messages.ModelStatisticsResponse:
        version = read_version(message.version)
        models = engine.versions(message.name, version) if message.name else engine.models()
        return messages.ModelStatisticsResponse(model_stats=[model_statistics(model) for model in models])

    return {"ModelStatistics": statistics}
