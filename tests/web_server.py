"""A plain web server over a folder, as `python -m http.server` is, and the requests that it had."""

import http.server
import socketserver
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path


class WebServer:
    """A path in `broken` answers 500, and one in `cut` half of its file."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.requests: list[str] = []
        self.logins: set[str] = set()
        self.broken: set[str] = set()
        self.cut: set[str] = set()


class _Pages(http.server.SimpleHTTPRequestHandler):
    state: WebServer

    def __init__(self, state: WebServer, directory: Path, *arguments: object) -> None:
        self.state = state
        super().__init__(*arguments, directory=str(directory))  # type: ignore[arg-type]

    def do_GET(self) -> None:
        self.state.requests.append(f"GET {self.path}")
        if login := self.headers.get("Authorization"):
            self.state.logins.add(b64decode(login.removeprefix("Basic ")).decode())
        if self.path in self.state.broken:
            self.send_error(500)
        elif self.path in self.state.cut:
            content = Path(self.translate_path(self.path)).read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2])
            self.close_connection = True
        else:
            super().do_GET()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def web_server(directory: Path) -> Iterator[WebServer]:
    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Pages, bind_and_activate=True)
    state = WebServer(listening.server_port)
    listening.RequestHandlerClass = partial(_Pages, state, directory)  # type: ignore[assignment]
    with _serving(listening):
        yield state


@contextmanager
def says_always(answer: bytes) -> Iterator[str]:
    """The address of a server that has one answer to everything, and hangs up after it."""

    class Connection(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(10_000)
            self.request.sendall(answer)

    listening = socketserver.TCPServer(("127.0.0.1", 0), Connection)
    with _serving(listening):
        yield f"http://127.0.0.1:{listening.server_address[1]}"


@contextmanager
def _serving(listening: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=listening.serve_forever, args=[0.01], name="web")
    thread.start()
    try:
        yield
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()
