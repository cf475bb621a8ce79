from pathlib import Path

import httpx

from serving.access.keys import Key, digest_of
from serving.access.restricted import of_http
from serving.settings import Access
from tests import tiny_models
from tests.running_server import RunningServer, running

KEYS = (Key("person", digest_of("person-key")),)


def test_with_keys_the_documentation_is_open_and_says_what_needs_one(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path, "a_name_of_mine")
    with running(tmp_path, access=Access(KEYS)) as server, httpx.Client(base_url=server.url) as client:
        assert client.get("/docs").status_code == 200
        document = client.get("/openapi.json").json()
        assert client.get("/v2/models/a_name_of_mine").status_code == 401
    assert "securitySchemes" in document["components"]
    assert document["paths"]["/v2/models/{model}/infer"]["post"]["security"] == [{"API key": []}]
    assert "security" not in document["paths"]["/v2/health/live"]["get"]
    assert "a_name_of_mine" not in str(document)


def test_without_keys_it_speaks_of_none(tiny_server: RunningServer) -> None:
    document = httpx.get(f"{tiny_server.url}/openapi.json").json()
    assert "securitySchemes" not in document["components"]


def test_where_metadata_is_restricted_it_is_too(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    access = Access(KEYS, http_restricted=of_http(["metadata:who=me"]))
    with running(tmp_path, access=access) as server, httpx.Client(base_url=server.url) as client:
        assert [client.get("/docs", headers=who).status_code for who in ({}, {"who": "me"})] == [403, 200]
