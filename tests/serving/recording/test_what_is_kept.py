import httpx
import pytest

from serving.recording.what_is_kept import is_inference, kept_headers, model_and_version, with_kept_query
from tests.running_server import RunningServer


def test_what_models_answer_is_recorded_and_nothing_else(tiny_server: RunningServer) -> None:
    """By the tags of the server's own documentation, so that no new route is forgotten."""
    paths = httpx.get(f"{tiny_server.url}/openapi.json").json()["paths"]
    posts = {path: set(methods["post"]["tags"]) for path, methods in paths.items() if "post" in methods}
    asked = {path for path, tags in posts.items() if tags & {"Inference", "OpenAI"}}
    assert {path for path in posts if is_inference(path)} == asked
    assert len(asked) > 10


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v2/models/m/infer", ("m", "")),
        ("/v2/models/a%20b/versions/3/generate", ("a b", "3")),
        ("/v1/models/m/classify?top_k=2", ("m", "")),
        ("/v1/completions", ("", "")),
        ("/elsewhere", ("", "")),
    ],
)
def test_paths_name_models(path: str, expected: tuple[str, str]) -> None:
    assert model_and_version(path) == expected


@pytest.mark.parametrize(
    ("query", "kept"), [("", "/p"), ("top_k=2&key=a&threshold=.5", "/p?top_k=2&threshold=.5"), ("key=a&%ff", "/p")]
)
def test_parameters_that_nobody_knows_are_left_out(query: str, kept: str) -> None:
    assert with_kept_query("/p", query) == kept


def test_so_are_headers() -> None:
    headers = [(b"authorization", b"a"), (b"content-type", b"text/plain"), (b"cookie", b"b"), (b"x-api-key", b"c")]
    assert kept_headers(headers) == (("content-type", "text/plain"),)
