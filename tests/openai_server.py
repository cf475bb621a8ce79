"""A web server that answers every request alike and keeps its body: what a client sends, what it makes of a reply."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import openai


class Exchange:
    """`reply` is sent with `status` to whatever comes; `body` is what came last."""

    def __init__(self) -> None:
        self.reply, self.status, self.streams = b"{}", 200, False
        self.body = b""

    def answer(self, reply: bytes, status: int = 200, streams: bool = False) -> None:
        self.reply, self.status, self.streams = reply, status, streams


@contextmanager
def running(exchange: Exchange) -> Iterator[openai.OpenAI]:
    """A client of it."""

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            exchange.body = self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def do_GET(self) -> None:
            kind = "text/event-stream" if exchange.streams else "application/json"
            self.send_response(exchange.status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(exchange.reply)))
            self.end_headers()
            self.wfile.write(exchange.reply)

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        base_url = f"http://127.0.0.1:{server.server_port}/v1"
        try:
            with openai.OpenAI(api_key="none", base_url=base_url, max_retries=0) as client:
                yield client
        finally:
            server.shutdown()
            thread.join()
