"""A real S3 server on a free port, which speaks Amazon's protocol, and the requests that it had."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from moto.server import ThreadedMotoServer

BUCKET = "models"


class Requests(logging.Handler):
    """What werkzeug's server logs: one line for each request that it answered."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if found := re.search(r'"(?:\x1b\[[0-9;]*m)*([A-Z]+ /\S*)', record.getMessage()):
            self.lines.append(found[1])

    def of_objects(self) -> list[str]:
        """The paths whose content was asked for."""
        return [line.split()[1] for line in self.lines if line.startswith(f"GET /{BUCKET}/")]


class S3Server:
    """`url` is the bucket's address as a model repository; clients find the server in the environment."""

    def __init__(self, port: int, client: Any, requests: Requests) -> None:
        self.port = port
        self.url = f"s3://{BUCKET}/prod"
        self.requests = requests
        self._client = client

    def begin(self) -> None:
        """With an empty bucket, and open to everybody."""
        _answer_without_credentials(self.port, "inf")
        httpx.post(f"http://127.0.0.1:{self.port}/moto-api/reset").raise_for_status()
        self._client.create_bucket(Bucket=BUCKET)
        self.requests.lines.clear()

    def put(self, key: str, content: bytes) -> None:
        self._client.put_object(Bucket=BUCKET, Key=f"prod/{key}", Body=content)

    def delete(self, key: str) -> None:
        self._client.delete_object(Bucket=BUCKET, Key=f"prod/{key}")

    def put_all(self, root: Path) -> None:
        for path in sorted(root.rglob("*")):
            if path.is_file():
                self.put(path.relative_to(root).as_posix(), path.read_bytes())

    def refuse_everybody(self) -> None:
        """From now on it looks at credentials, and there is nobody whom it knows."""
        _answer_without_credentials(self.port, "0")


def _answer_without_credentials(port: int, requests: str) -> None:
    """To so many requests from now on; the count belongs to the whole process."""
    url = f"http://127.0.0.1:{port}/moto-api/reset-auth"
    httpx.post(url, content=requests, headers={"Content-Type": "text/plain"}).raise_for_status()


@contextmanager
def s3_server(environment: pytest.MonkeyPatch) -> Iterator[S3Server]:
    """`environment` gets what S3's clients read."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    requests, werkzeug = Requests(), logging.getLogger("werkzeug")
    before = werkzeug.level
    werkzeug.addHandler(requests)
    werkzeug.setLevel(logging.INFO)
    server.start()
    _, port = server.get_host_and_port()
    environment.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{port}")
    environment.setenv("AWS_ACCESS_KEY_ID", "name")
    environment.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
    environment.setenv("AWS_MAX_ATTEMPTS", "1")
    environment.setenv("AWS_EC2_METADATA_DISABLED", "true")
    environment.setenv("AWS_CONFIG_FILE", "/dev/null")
    environment.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    client = boto3.session.Session().client("s3")
    try:
        yield S3Server(port, client, requests)
    finally:
        client.close()
        server.stop()
        werkzeug.removeHandler(requests)
        werkzeug.setLevel(before)
