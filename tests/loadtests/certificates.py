"""A certificate that nobody knows, and servers that show it."""

import ssl
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import grpc


@dataclass(frozen=True)
class Certificate:
    file: Path
    key: Path


def certificate(folder: Path, *names: str) -> Certificate:
    """For these names, signed by itself."""
    words = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -keyout key.pem -out own.pem"
    subject = ["-subj", f"/CN={names[0]}", "-addext", "subjectAltName=" + ",".join(f"DNS:{name}" for name in names)]
    subprocess.run([*words.split(), *subject], cwd=folder, check=True, capture_output=True)
    return Certificate(folder / "own.pem", folder / "key.pem")


@contextmanager
def encrypted(shown: Certificate, body: bytes) -> Iterator[str]:
    """The URL of a server that answers everything so."""

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None: ...

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown.file, shown.key)
    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield f"https://localhost:{server.server_port}"
        finally:
            server.shutdown()


@contextmanager
def grpc_server(answer: grpc.GenericRpcHandler, shown: Certificate | None = None) -> Iterator[str]:
    """Its URL."""
    server = grpc.server(ThreadPoolExecutor(4), (answer,))
    if shown is None:
        scheme, port = "grpc", server.add_insecure_port("127.0.0.1:0")
    else:
        pair = (shown.key.read_bytes(), shown.file.read_bytes())
        scheme, port = "grpcs", server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
    server.start()
    try:
        yield f"{scheme}://localhost:{port}"
    finally:
        server.stop(None).wait()
