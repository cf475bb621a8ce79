from typing import Any

import grpc
import pytest
from tritonclient.grpc import service_pb2 as messages

from loadtests.asking import CannotTest
from loadtests.asking_grpc import GrpcServer
from loadtests.clients.trust import Trust
from tests.loadtests.certificates import Certificate, grpc_server
from tests.running_server import RunningServer


def test_a_model_is_told_as_over_http(tiny_server: RunningServer) -> None:
    server = GrpcServer(f"grpc://{tiny_server.grpc_address}", (), Trust())
    told = server.metadata("double")
    assert (told["name"], told["inputs"]) == ("double", [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}])
    assert server.config("double")["max_batch_size"] == 8
    with pytest.raises(CannotTest, match="Give --model with one of affine, brightness"):
        server.only_model()
    with pytest.raises(CannotTest, match=r"ModelMetadata with INVALID_ARGUMENT: .*nope"):
        server.metadata("nope")


class Plain(grpc.GenericRpcHandler):
    """A server with the protocol's own calls only, for those who say who they are."""

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        if not details.method.endswith("/ModelMetadata"):
            return None
        return grpc.unary_unary_rpc_method_handler(lambda _, context: _metadata(context))


def _metadata(context: grpc.ServicerContext) -> bytes:
    if "key" not in dict(context.invocation_metadata()):
        context.abort(grpc.StatusCode.UNAUTHENTICATED, "who?")
    return bytes(messages.ModelMetadataResponse(name="m").SerializeToString())


def test_a_server_without_extensions_is_enough() -> None:
    with grpc_server(Plain()) as url:
        server = GrpcServer(url, (("Key", "7"),), Trust())
        assert server.metadata("m")["name"] == "m"
        assert server.config("m") == {}
        with pytest.raises(CannotTest, match="give --model NAME"):
            server.only_model()
        with pytest.raises(CannotTest, match="--header 'Authorization: Bearer KEY'"):
            GrpcServer(url, (), Trust()).metadata("m")


def test_a_certificate_that_nobody_knows_is_told(certificate: Certificate) -> None:
    with grpc_server(Plain(), certificate) as url:
        with pytest.raises(CannotTest, match=r"not trusted: .*--ca-file FILE.*--insecure"):
            GrpcServer(url, (), Trust()).metadata("m")
        given = Trust(ca_file=str(certificate.file))
        assert GrpcServer(url, (("key", "7"),), given).metadata("m")["name"] == "m"
