"""The web page's files and routes, as a browser asks for them; how they look is for tests/integration/web_page."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import tiny_models
from tests.running_server import RunningServer, running

FILES = Path("serving/transports/http/page")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    root = tmp_path_factory.mktemp("page")
    tiny_models.add_brightness(root)
    tiny_models.add_double(root)
    (root / "brightness" / "1" / "example.png").write_bytes(b"\x89PNG")
    (root / "brightness" / "1" / "model_card.md").write_bytes("# Ü \xff".encode("latin-1"))
    with running(root) as server:
        yield server


def test_nothing_but_the_servers_own_is_loaded_and_run(server: RunningServer) -> None:
    page = httpx.get(server.url)
    policy = page.headers["content-security-policy"].split("; ")
    assert {"default-src 'self'", "object-src 'none'", "frame-ancestors 'none'"} <= set(policy)
    assert not [rule for rule in policy if "unsafe" in rule or "http" in rule or rule.startswith("script-src")]
    assert page.headers["x-content-type-options"] == "nosniff"
    assert "text/html" in page.headers["content-type"]
    assert not re.search(r"<script>|style=|\son[a-z]+=|https?://", page.text)


def test_its_modules_are_asked_for_at_once(server: RunningServer) -> None:
    modules = re.findall("<page/([^>]+)>; rel=modulepreload", httpx.get(server.url).headers["link"])
    assert set(modules) == {path.name for path in FILES.glob("*.js")} - {"first.js"}
    with httpx.Client(base_url=server.url) as client:
        kinds = {client.get(f"/page/{name}").headers["content-type"] for name in modules}
    assert kinds == {"text/javascript; charset=utf-8"}


@pytest.mark.parametrize("path", ["/", "/page/style.css", "/page/icon.svg"])
def test_what_a_browser_has_is_not_sent_again(server: RunningServer, path: str) -> None:
    first = httpx.get(server.url + path)
    again = httpx.get(server.url + path, headers={"If-None-Match": first.headers["etag"]})
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert httpx.head(server.url).status_code == 200


@pytest.mark.parametrize("name", ["nope.js", "..%2fapp.py", "%2e%2e"])
def test_there_are_no_other_files(server: RunningServer, name: str) -> None:
    assert httpx.get(f"{server.url}/page/{name}").status_code == 404


def test_what_came_with_a_model_is_told_and_not_run(server: RunningServer) -> None:
    model = httpx.get(f"{server.url}/page/models/brightness").json()
    assert (model["example"], model["card"], model["has_report"]) == ("example.png", "# � �", False)
    assert [output["labels"] for output in model["outputs"]] == [["dark", "bright"]]
    example = httpx.get(f"{server.url}/page/models/brightness/example")
    assert (example.content, example.headers["content-type"]) == (b"\x89PNG", "application/octet-stream")
    assert "sandbox" in example.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("nope", 400, "unknown model: 'nope'"),
        ("nope/example", 400, "unknown model: 'nope'"),
        ("double/example", 404, "model 'double' was published without an example"),
    ],
)
def test_what_is_not_there_is_said(server: RunningServer, path: str, status: int, words: str) -> None:
    reply = httpx.get(f"{server.url}/page/models/{path}")
    assert reply.status_code == status
    assert words in reply.json()["error"]


def test_the_list_says_what_models_are_for(server: RunningServer) -> None:
    found: list[dict[str, Any]] = httpx.get(f"{server.url}/page/models").json()
    assert {each["name"]: each["kinds"] for each in found} == {
        "brightness": ["pictures", "tensors"],
        "double": ["tensors"],
    }


def test_without_the_page_the_front_door_leads_to_the_docs(tmp_path: Path) -> None:
    with running(tmp_path, web_page=False) as server:
        assert httpx.get(server.url).headers["location"] == "/docs"
        assert httpx.get(f"{server.url}/page/live").status_code == 404
