import asyncio
import socket
from typing import Any

from serving.transports.http.leaving import has_unread, waiting
from serving.transports.http.uvicorn_server import HttpServer

REQUEST = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


def connections(listening: socket.socket, count: int) -> list[socket.socket]:
    return [socket.create_connection(listening.getsockname(), timeout=30) for _ in range(count)]


def test_what_nobody_has_accepted_is_found_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        clients = connections(listening, 3)
        accepted = list(waiting(listening))
        assert [each.getpeername() for each in accepted] == [each.getsockname() for each in clients]
        assert list(waiting(listening)) == []
        for each in (*clients, *accepted):
            each.close()


async def test_what_the_loop_has_not_read_is_seen() -> None:
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    with theirs:
        transport, _ = await loop.connect_accepted_socket(asyncio.Protocol, ours)
        assert not has_unread(transport)
        theirs.sendall(b"x")
        assert has_unread(transport)
        transport.close()
        assert not has_unread(transport)


async def test_who_connected_while_the_loop_was_busy_is_answered_when_the_server_stops() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    listening = socket.create_server(("127.0.0.1", 0))
    server = HttpServer(app, shutdown_timeout=30)
    serving = asyncio.create_task(server.serve([listening]))
    while not server.started:
        await asyncio.sleep(0.01)
    stopping = asyncio.create_task(server.shutdown([listening]))
    clients = connections(listening, 20)  # before that task begins, and after the loop last looked
    for client in clients:
        client.sendall(REQUEST)
    await stopping
    replies = [await asyncio.to_thread(client.recv, 1000) for client in clients]
    assert all(reply.startswith(b"HTTP/1.1 204") and b"connection: close" in reply for reply in replies)
    serving.cancel()
    for client in clients:
        client.close()
