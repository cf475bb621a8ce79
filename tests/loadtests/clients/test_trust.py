from pathlib import Path
from urllib.parse import urlsplit

import grpc
import pytest

from loadtests.call import Call
from loadtests.clients.clients import client
from loadtests.clients.trust import Trust, channel_credentials, ssl_context
from tests.loadtests.certificates import Certificate, encrypted, grpc_server


class Echo(grpc.GenericRpcHandler):
    def service(self, _: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        return grpc.unary_unary_rpc_method_handler(lambda message, _: message)


async def status(protocol: str, url: str, trust: Trust) -> int:
    sending = client(protocol, url, (), 10, trust)
    try:
        return (await sending.send(Call("/a/b"))).status
    finally:
        await sending.close()


async def test_a_certificate_that_is_given_is_trusted(certificate: Certificate) -> None:
    given = Trust(ca_file=str(certificate.file))
    with encrypted(certificate, b"{}") as url:
        assert await status("v2", url, given) == 200
        assert await status("v2", url, Trust()) == 0
    with grpc_server(Echo(), certificate) as url:
        assert await status("grpc", url, given) == 200
        assert await status("grpc", url, Trust()) == 0


async def test_who_trusts_anyone_does_not_look_at_names(strange: Certificate) -> None:
    with encrypted(strange, b"{}") as url:
        assert await status("v2", url, Trust(anyone=True)) == 200
        assert await status("v2", url, Trust(ca_file=str(strange.file))) == 0
    with grpc_server(Echo(), strange) as url:
        assert await status("grpc", url, Trust(anyone=True)) == 200
        assert await status("grpc", url, Trust(ca_file=str(strange.file))) == 0


def test_a_file_without_certificates_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "no.pem").write_text("no")
    with pytest.raises(OSError, match=r".+"):
        ssl_context(Trust(ca_file=str(tmp_path / "no.pem")))
    with pytest.raises(FileNotFoundError):
        channel_credentials(Trust(ca_file="/nope"), urlsplit("grpcs://localhost"))
