"""Reports of versions, one of which has none."""

from collections.abc import Iterator

import httpx
import pytest

from tests import scaled_models
from tests.running_server import RunningServer, running

PAGES = {"2": "<!doctype html><p>zwei & ü <b>2</b></p>", "3": "<!doctype html><p>three</p>"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    root = tmp_path_factory.mktemp("reports")
    scaled_models.add_scaled(root, 1, 2, 3, extra="version_policy { all { } }")
    for version, page in PAGES.items():
        (root / "scaled" / version / "report.html").write_text(page)
    with running(root) as server:
        yield server


@pytest.mark.parametrize(
    ("path", "version"), [("scaled/report", "3"), ("scaled/versions/2/report", "2"), ("scaled/versions/3/report", "3")]
)
def test_a_versions_page_is_shown(server: RunningServer, path: str, version: str) -> None:
    reply = httpx.get(f"{server.url}/v1/models/{path}")

    assert (reply.status_code, reply.text) == (200, PAGES[version])
    assert reply.headers["content-type"] == "text/html; charset=utf-8"


def test_browsers_run_and_load_nothing_of_it(server: RunningServer) -> None:
    headers = httpx.get(f"{server.url}/v1/models/scaled/report").headers

    policy = headers["content-security-policy"].split("; ")
    assert {"sandbox", "default-src 'none'", "img-src data:"} <= set(policy)
    assert not [directive for directive in policy if directive.startswith("script-src")]
    assert headers["x-content-type-options"] == "nosniff"


def test_a_version_without_one_says_so(server: RunningServer) -> None:
    reply = httpx.get(f"{server.url}/v1/models/scaled/versions/1/report")

    assert reply.status_code == 404
    assert reply.json()["error"].startswith("version 1 of model 'scaled' has no report.html in its folder")


@pytest.mark.parametrize("path", ["nope/report", "scaled/versions/9/report"])
def test_what_is_not_there_is_not_found(server: RunningServer, path: str) -> None:
    reply = httpx.get(f"{server.url}/v1/models/{path}")

    assert reply.status_code == 404
    assert "is not found" in reply.json()["error"]


def test_the_list_of_versions_says_where_they_are(server: RunningServer) -> None:
    found = httpx.get(f"{server.url}/v2/models/scaled/versions").json()["versions"]

    assert {row["version"]: row["report"] for row in found} == {
        "1": "",
        "2": "/v1/models/scaled/versions/2/report",
        "3": "/v1/models/scaled/versions/3/report",
    }
