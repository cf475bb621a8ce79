from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests import tiny_models
from tests.running_server import RunningServer, running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    root = tmp_path_factory.mktemp("chart")
    tiny_models.add_chart(root)
    tiny_models.add_double(root)
    with running(root) as server:
        yield server


def ask(server: RunningServer, inputs: Any, model: str = "chart", **parameters: Any) -> httpx.Response:
    body = {"inputs": inputs, "parameters": parameters}
    return httpx.post(f"{server.url}/v1/models/{model}/recommend", json=body)


def likings(*names: str) -> list[dict[str, Any]]:
    return [{"item": name, "score": pytest.approx(tiny_models.CHART[tiny_models.DRINKS.index(name)])} for name in names]


def test_what_is_not_known_yet_comes_best_first(server: RunningServer) -> None:
    assert ask(server, ["tea", "juice"]).json() == likings("coffee", "water", "milk")
    assert ask(server, ["tea"], top_k=2).json() == likings("coffee", "juice")
    assert ask(server, []).json() == likings("tea", "coffee", "juice")


def test_several_users_at_once(server: RunningServer) -> None:
    both = ask(server, [["tea"], ["coffee"]], top_k=1).json()
    assert both == [likings("coffee"), likings("tea")]


@pytest.mark.parametrize(
    ("inputs", "model", "status", "words"),
    [
        (["cofee"], "chart", 400, "knows no item 'cofee'; did you mean coffee?"),
        ("tea", "chart", 400, "must be a list"),
        ([], "double", 400, "recommends nothing; those that do: chart. Use POST /v2/models/double/infer"),
        ([], "nobody", 404, "nobody"),
    ],
)
def test_what_is_wrong_is_said(server: RunningServer, inputs: Any, model: str, status: int, words: str) -> None:
    reply = ask(server, inputs, model)
    assert reply.status_code == status
    assert words in reply.json()["error"]
