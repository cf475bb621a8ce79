from collections.abc import Iterator

import openai
import orjson
import pytest

from serving import errors
from serving.core.text_output import Usage
from serving.errors import ContextTooLong, InvalidInput, ModelNotFound, Overloaded, SlipwayError, Unsupported
from serving.protocols import openai_errors
from serving.protocols.openai_chunks import CompletionChunks
from serving.protocols.openai_replies import ReplyHead
from tests import openai_server
from tests.openai_server import Exchange


@pytest.fixture(scope="module")
def exchange() -> Exchange:
    return Exchange()


@pytest.fixture(scope="module")
def client(exchange: Exchange) -> Iterator[openai.OpenAI]:
    with openai_server.running(exchange) as client:
        yield client


def words(error: SlipwayError) -> tuple[str, str | None, str | None]:
    body = orjson.loads(openai_errors.encode(error))["error"]
    assert body["message"] == str(error)
    return body["type"], body["param"], body["code"]


def test_each_error_has_openais_words() -> None:
    invalid = "invalid_request_error"
    assert words(InvalidInput("x")) == (invalid, None, None)
    assert words(InvalidInput("x", "stop", "invalid_type")) == (invalid, "stop", "invalid_type")
    assert words(Unsupported("x", "tools")) == (invalid, "tools", None)
    assert words(ContextTooLong("x", "messages")) == (invalid, "messages", "context_length_exceeded")
    assert words(ModelNotFound("x")) == ("not_found_error", "model", "model_not_found")
    assert words(errors.VersionNotFound("x")) == ("not_found_error", "model", "model_not_found")
    assert words(Overloaded("x")) == ("rate_limit_error", None, "rate_limit_exceeded")
    assert words(errors.InstanceDied("x")) == ("server_error", None, None)
    assert words(errors.StepNotReady("x")) == ("server_error", None, "model_not_ready")


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, ContextTooLong("too long", "messages"), openai.BadRequestError),
        (404, ModelNotFound("no such model"), openai.NotFoundError),
        (429, Overloaded("full"), openai.RateLimitError),
        (500, errors.BackendFailed("it broke"), openai.InternalServerError),
    ],
)
def test_the_official_client_raises_it(
    client: openai.OpenAI, exchange: Exchange, status: int, error: SlipwayError, kind: type[openai.APIStatusError]
) -> None:
    exchange.answer(openai_errors.encode(error), status)
    with pytest.raises(kind, match=str(error)) as caught:
        client.completions.create(model="m", prompt="x")
    assert (caught.value.type, caught.value.param, caught.value.code) == words(error)


def test_the_official_client_raises_what_ends_a_stream(client: openai.OpenAI, exchange: Exchange) -> None:
    error = errors.BackendFailed("it broke")
    exchange.answer(CompletionChunks(ReplyHead("c", 0, "m")).usage(Usage(1)) + openai_errors.event(error), 200, True)
    with pytest.raises(openai.APIError, match="it broke") as caught:
        list(client.completions.create(model="m", prompt="x", stream=True))
    assert caught.value.type == "server_error"
