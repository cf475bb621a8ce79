"""Every protocol against real servers: what is made up is answered, and what can't be is told."""

import json
from pathlib import Path

import numpy as np
import pytest

from loadtests.asking import CannotTest
from loadtests.clients.trust import Trust
from loadtests.inputs.wanted import Span, Wanted
from loadtests.run import Target
from loadtests.targeting import Aim, target
from tests.loadtests.answers import answers, failures
from tests.loadtests.certificates import Certificate, encrypted
from tests.loadtests.conftest import TYPES
from tests.loadtests.test_asking import saying
from tests.running_server import RunningServer
from tests.tiny_decoders import byte_level_tokenizer

SHORT = {"prompt_tokens": Span(4, 9), "max_tokens": Span(2, 5)}


def aimed(server: RunningServer, model: str, protocol: str = "auto", **wanted: object) -> Target:
    url = f"grpc://{server.grpc_address}" if protocol == "grpc" else server.url
    return target(Aim(url, model, protocol, wanted=Wanted(**wanted)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("model", "protocol", "wanted"),
    [
        ("double", "v2", {}),
        ("double", "v2-binary", {"rows": 8}),
        ("double", "grpc", {"rows": 3}),
        ("mock_llm", "generate_stream", {}),
        ("mock_llm", "grpc", {}),
        ("brightness", "classify", {}),
        ("brightness", "classify", {"rows": 2}),
        ("rows", "classify", {}),
        ("rows", "classify", {"rows": 2}),
        ("double", "classify", {}),
        ("topics", "classify", {"rows": 2}),
        ("spot", "detect", {}),
        ("listener", "transcribe", {"rows": 2}),
        ("listener", "v2-binary", {}),
        ("chart", "recommend", {"rows": 2}),
        ("encoder", "embeddings", {"rows": 3}),
        ("encoder", "v2-binary", {"rows": 2}),
        ("writer", "completions", {}),
        ("writer", "completions", {"rows": 2, "stream": False, **SHORT}),
        ("writer", "chat", {}),
        ("writer", "chat", {"stream": False, **SHORT}),
        ("writer", "generate_stream", {}),
        ("writer", "grpc", SHORT),
        ("counter", "v2", {"sequence_length": 3, "concurrency": 2}),
        ("counter", "grpc", {"concurrency": 2}),
    ],
)
def test_what_is_made_up_is_answered(
    kinds: RunningServer, model: str, protocol: str, wanted: dict[str, object]
) -> None:
    found = aimed(kinds, model, protocol, count=4, **wanted)
    assert found.protocol == protocol
    assert failures(found) == []
    assert {call.rows for call in found.calls} == {wanted.get("rows", 1)}


@pytest.mark.parametrize("datatype", TYPES)
def test_tensors_of_every_datatype_are_answered(kinds: RunningServer, datatype: str) -> None:
    for protocol in ("v2-binary", "grpc"):
        found = aimed(kinds, f"identity_{datatype}", protocol, count=2, shapes={"in": (5,)})
        assert failures(found) == []
    if datatype not in ("FP16", "BF16"):
        assert failures(aimed(kinds, f"identity_{datatype}", "v2", count=2)) == []


@pytest.mark.parametrize(
    ("model", "protocol"),
    [
        ("double", "v2-binary"),
        ("writer", "completions"),
        ("mock_llm", "generate_stream"),
        ("encoder", "v2-binary"),
    ],
)
def test_a_protocol_that_suits_the_model_is_chosen(kinds: RunningServer, model: str, protocol: str) -> None:
    assert aimed(kinds, model).protocol == protocol


@pytest.mark.parametrize("protocol", ["completions", "chat"])
def test_a_streams_tokens_are_those_that_the_server_counts(kinds: RunningServer, protocol: str) -> None:
    found = aimed(kinds, "writer", protocol, count=2, max_tokens=Span(7, 7), extra={"ignore_eos": True})
    assert [reply.tokens for reply in answers(found)] == [7, 7]


def test_prompts_are_about_as_long_as_asked(kinds: RunningServer) -> None:
    [call] = aimed(kinds, "writer", count=1, prompt_tokens=Span(60, 60), max_tokens=Span(1, 1)).calls
    prompt = json.loads(call.body)["prompt"]
    assert 45 <= len(byte_level_tokenizer(300).encode(prompt).ids) <= 75


@pytest.mark.parametrize("protocol", ["generate_stream", "grpc"])
def test_who_hangs_up_has_had_enough(kinds: RunningServer, protocol: str) -> None:
    found = aimed(kinds, "endless_tokens", protocol, count=1, hang_up_after=3)
    [reply] = answers(found)
    assert (reply.status, reply.tokens, len(reply.gaps)) == (200, 3, 2)


@pytest.mark.parametrize(
    ("model", "protocol", "wanted", "words"),
    [
        ("nope", "auto", {}, "nope"),
        ("nope", "grpc", {}, "INVALID_ARGUMENT.*nope"),
        ("lookup", "v2", {}, "answered with 500: .*indices element out of data bounds.*--values"),
        ("lookup", "grpc", {}, "answered with 500: .*indices element out of data bounds.*--values"),
        ("double", "v2", {"rows": 9}, "--rows 9: model 'double' takes up to 8"),
        ("double", "v2", {"shapes": {"x": (5,)}}, r"--shape x:5 does not fit input x FP32 \[4\]"),
        ("double", "v2", {"shapes": {"y": (4,)}}, r"no input 'y'; its inputs are x FP32"),
        ("identity_FP16", "v2", {}, "use --protocol v2-binary"),
        ("double", "chat", {}, "does not write text"),
        ("double", "v3", {}, "'v3' is none of auto, v2"),
        ("mock_llm", "v2", {}, "use generate_stream, or grpc"),
        ("writer", "chat", {"rows": 2}, "one conversation"),
        ("writer", "completions", {"prompt_tokens": Span(500, 500)}, "maximum context.*--prompt-tokens"),
        ("counter", "v2", {"sequence_length": 2}, "--concurrency"),
        ("identity_BYTES", "classify", {}, "use --data FILE"),
    ],
)
def test_what_can_not_be_sent_is_told_before(
    kinds: RunningServer, model: str, protocol: str, wanted: dict[str, object], words: str
) -> None:
    with pytest.raises(CannotTest, match=words):
        aimed(kinds, model, protocol, **wanted)


def test_an_address_for_another_protocol_is_told(kinds: RunningServer) -> None:
    with pytest.raises(CannotTest, match="gRPC address, as in grpc://localhost:8001"):
        target(Aim(kinds.url, "double", "grpc"))
    with pytest.raises(CannotTest, match="HTTP address, as in http://localhost:8000"):
        target(Aim(f"grpc://{kinds.grpc_address}", "double", "v2"))
    with pytest.raises(CannotTest, match="'localhost:8000' is no address"):
        target(Aim("localhost:8000"))
    with pytest.raises(CannotTest, match=r"no gRPC server answers .*is this its gRPC port"):
        target(Aim(f"grpc://127.0.0.1:{kinds.http_port}", "double"))
    with pytest.raises(CannotTest, match=r"one of brightness, chart, counter"):
        target(Aim(f"grpc://{kinds.grpc_address}"))


def test_values_are_what_was_said(kinds: RunningServer) -> None:
    assert failures(aimed(kinds, "lookup", values={"index": Span(0, 2)}, rows=8)) == []


def test_requests_of_ones_own_are_sent(kinds: RunningServer, tmp_path: Path) -> None:
    data = tmp_path / "rows.npy"
    np.save(data, np.ones((5, 4), np.float32))
    for scheme in (kinds.url, f"grpc://{kinds.grpc_address}"):
        found = target(Aim(scheme, "double", data=data, wanted=Wanted(rows=2)))
        assert [call.rows for call in found.calls] == [2, 2, 1]
        assert failures(found) == []
    bodies = tmp_path / "bodies.jsonl"
    bodies.write_text('{"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 4], "data": [1, 2, 3, 4]}]}\n' * 3)
    for scheme, protocol in ((kinds.url, "v2"), (f"grpc://{kinds.grpc_address}", "grpc")):
        found = target(Aim(scheme, "double", data=bodies))
        assert (found.protocol, len(found.calls), failures(found)) == (protocol, 3, [])
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("one\n\ntwo words\n")
    for model, protocol in (("writer", "completions"), ("topics", "classify"), ("encoder", "embeddings")):
        found = target(Aim(kinds.url, model, data=prompts, wanted=Wanted(max_tokens=Span(3, 3))))
        assert (found.protocol, len(found.calls), failures(found)) == (protocol, 2, [])


def test_a_model_without_metadata_is_told() -> None:
    with saying(200, b"{}") as url, pytest.raises(CannotTest, match="metadata lacks what inputs are made from"):
        target(Aim(url, "m"))


PLAIN = {
    "name": "m",
    "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}],
    "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 4]}],
}


def test_a_server_without_extensions_is_sent_json() -> None:
    with saying(200, json.dumps(PLAIN).encode()) as url:
        found = target(Aim(url, "m", wanted=Wanted(rows=2, count=1)))
        assert found.protocol == "v2"
        assert [call.rows for call in found.calls] == [2]
        with pytest.raises(CannotTest, match="give --model NAME"):
            target(Aim(url))


def test_a_server_with_only_openais_api_is_asked_for_text() -> None:
    with saying(404, b'{"detail": "Not Found"}') as url, pytest.raises(CannotTest, match="404: Not Found"):
        target(Aim(url, "m"))


def test_who_has_to_say_who_asks_is_told_how() -> None:
    with saying(401, b"who?") as url, pytest.raises(CannotTest, match="--header 'Authorization: Bearer KEY'"):
        target(Aim(url, "m"))


def test_a_server_that_is_encrypted_is_believed_as_told(certificate: Certificate) -> None:
    with encrypted(certificate, json.dumps(PLAIN).encode()) as url:
        for trust in (Trust(anyone=True), Trust(ca_file=str(certificate.file))):
            assert failures(target(Aim(url, "m", trust=trust, wanted=Wanted(count=2)))) == []
        with pytest.raises(CannotTest, match=r"not trusted \(self.signed certificate\).*--ca-file FILE.*--insecure"):
            target(Aim(url, "m"))
        with pytest.raises(CannotTest, match="--ca-file /nope: No such file"):
            target(Aim(url, "m", trust=Trust(ca_file="/nope")))
        with pytest.raises(CannotTest, match="no server answers"):
            target(Aim(url.replace("https", "http"), "m"))
