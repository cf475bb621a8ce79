import json
import zlib

import numpy as np
import pytest

from serving.core.requests import InferResponse
from serving.errors import InvalidInput
from serving.protocols.outputs import RequestedOutput, RequestedOutputs
from serving.transports.http.encoded_reply import AS_IT_IS, coding_for, encoded_reply, size_to_encode

JSON, BINARY = RequestedOutputs(), RequestedOutputs(RequestedOutput(is_binary=True))
ONES = np.ones((1, 1000), np.float32)


def response(array: np.ndarray) -> InferResponse:
    return InferResponse("m", "1", {"y": array})


def test_tensors_come_as_json_or_behind_it() -> None:
    headers, body = encoded_reply(response(ONES), JSON, AS_IT_IS)
    assert headers == ((b"content-length", b"%d" % len(body)), (b"content-type", b"application/json"))
    assert json.loads(body)["outputs"][0]["data"] == [1.0] * 1000
    headers, body = encoded_reply(response(ONES), BINARY, AS_IT_IS)
    length = int(dict(headers)[b"inference-header-content-length"])
    assert json.loads(body[:length])["outputs"][0]["parameters"] == {"binary_data_size": 4000}
    assert body[length:] == ONES.tobytes()
    assert dict(headers)[b"content-type"] == b"application/octet-stream"


@pytest.mark.parametrize(("coding", "window_bits"), [("gzip", 31), ("deflate", 15)])
def test_what_is_large_is_compressed_for_whom_accepts_it(coding: str, window_bits: int) -> None:
    plain = encoded_reply(response(ONES), BINARY, AS_IT_IS)
    headers, body = encoded_reply(response(ONES), BINARY, coding)
    assert dict(headers)[b"content-encoding"] == coding.encode()
    assert dict(headers)[b"content-length"] == b"%d" % len(body)
    assert zlib.decompress(body, window_bits) == plain.body
    assert encoded_reply(response(ONES[:, :4]), BINARY, coding) == encoded_reply(
        response(ONES[:, :4]), BINARY, AS_IT_IS
    )


def test_who_says_nothing_gets_it_as_it_is() -> None:
    assert (coding_for(""), coding_for("br"), coding_for("br, gzip")) == (AS_IT_IS, AS_IT_IS, "gzip")


def test_what_is_copied_counts_little_and_what_is_looked_at_all() -> None:
    sizes = [size_to_encode(response(ONES), requested, AS_IT_IS) for requested in (JSON, BINARY)]
    assert sizes == [4000, 250]
    assert size_to_encode(response(ONES), BINARY, "gzip") == 4000


def test_what_json_has_no_numbers_for_is_refused() -> None:
    with pytest.raises(InvalidInput, match="FP16"):
        encoded_reply(response(ONES.astype(np.float16)), JSON, AS_IT_IS)
