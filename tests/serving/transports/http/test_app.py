from typing import Any

import httpx
import pytest

from tests.running_server import RunningServer


@pytest.fixture
def document(tiny_server: RunningServer) -> dict[str, Any]:
    return httpx.get(f"{tiny_server.url}/openapi.json").json()  # type: ignore[no-any-return]


def test_the_docs_describe_every_route(document: dict[str, Any]) -> None:
    of_a_model = ["", "/config", "/generate", "/generate_stream", "/infer", "/ready", "/stats"]
    shared_memory = [
        f"/v2/{kind}sharedmemory{region}/{action}"
        for kind in ("system", "cuda")
        for region in ("", "/region/{region}")
        for action in ("status", "register", "unregister")
    ]
    assert document["paths"].keys() == {
        *(f"/v2/models/{{model}}{version}{route}" for version in ("", "/versions/{version}") for route in of_a_model),
        "/v2/models/{model}/versions",
        *(
            f"/v2/models/{{model}}{version}/{turn}"
            for version in ("", "/versions/{version}")
            for turn in ("promote", "rollback")
        ),
        *shared_memory,
        "/v2/repository/index",
        "/v2/repository/models/{model}/load",
        "/v2/repository/models/{model}/unload",
        "/v2/logging",
        "/v2/models/stats",
        "/v2/models/{model}/trace/setting",
        "/v2/trace/setting",
        "/v2",
        "/v2/health/live",
        "/v2/health/ready",
        "/v1/models/{model}/classify",
        "/v1/models/{model}/detect",
        "/v1/models/{model}/transcribe",
        "/v1/audio/transcriptions",
        "/v1/models/{model}/report",
        "/v1/models/{model}/versions/{version}/report",
        "/v1/models",
        "/v1/models/{model}",
        "/v1/completions",
        "/v1/chat/completions",
        "/v1/embeddings",
        "/v1/images/generations",
        "/v1/models/{model}/recommend",
        "/metrics",
    }


def test_bodies_have_examples_and_errors_a_schema(document: dict[str, Any]) -> None:
    posts = [path["post"] for path in document["paths"].values() if "post" in path]
    for operation in posts:
        if "requestBody" in operation:
            content = operation["requestBody"]["content"]
            assert "example" in content.get("application/json", {}) or content.keys() == {"multipart/form-data"}
        assert operation["responses"]["400"]["content"]["application/json"]["schema"]["$ref"].endswith("Error")


def test_path_parameters_are_described(document: dict[str, Any]) -> None:
    operation = document["paths"]["/v2/models/{model}/versions/{version}/infer"]["post"]
    assert [item["name"] for item in operation["parameters"] if item["in"] == "path"] == ["model", "version"]


def test_the_docs_are_a_page(tiny_server: RunningServer) -> None:
    assert "swagger" in httpx.get(f"{tiny_server.url}/docs").text.lower()


def test_the_metrics_port_serves_nothing_else(tiny_server: RunningServer) -> None:
    reply = httpx.get(f"http://127.0.0.1:{tiny_server.metrics_port}/v2")
    assert (reply.status_code, reply.json()) == (404, {"error": "Not Found"})
