"""Another library's client and our server, over a wire of bytes."""

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, ResponseReceived, StreamEnded, StreamReset, TrailersReceived
from h2.events import Event as Heard
from h2.settings import SettingCodes

from serving.protocols.http2.connection import Http2Connection
from serving.protocols.http2.events import Event
from serving.protocols.http2.heads import Malformed, Pairs, written

ASKED = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/m"), (b":authority", b"host")]
HEAD, TRAILERS = written([(b"content-type", b"x")]), written([(b"grpc-status", b"0")], None)


def made(pairs: Pairs) -> Pairs:
    names = [name for name, _ in pairs]
    if b":path" not in names:
        raise Malformed("no path", may_end_one=not any(name.startswith(b":") for name in names))
    return [(bytes(name), bytes(value)) for name, value in pairs]


WHOLE = ["ResponseReceived", "DataReceived", "TrailersReceived", "StreamEnded"]


class Talk:
    """`client` is theirs, `server` ours. The client takes what comes at once, but while it `is_slow`."""

    def __init__(self, first_window: int | None = None) -> None:
        self.client = H2Connection(H2Configuration(client_side=True, header_encoding=None))
        if first_window is not None:
            self.client.local_settings = type(self.client.local_settings)(
                client=True, initial_values={SettingCodes.INITIAL_WINDOW_SIZE: first_window}
            )
        self.server = Http2Connection(made, now=0.0)
        self.is_slow = False
        self.events: list[Event[Pairs]] = []
        self.heard: list[Heard] = []
        self.client.initiate_connection()

    def go_on(self) -> list[Event[Pairs]]:
        """Until nobody has anything to say; what happened at the server since."""
        while self._to_server() | self._to_client():
            pass
        events, self.events = self.events, []
        return events

    def _to_server(self) -> bool:
        data = self.client.data_to_send()
        self.events += self.server.receive(data, now=0.0)
        while self.server.outgoing.can_go_on:
            self.events += self.server.go_on()
        return bool(data)

    def _to_client(self) -> bool:
        data = b"".join(self.server.outgoing.out)
        self.server.outgoing.out.clear()
        for each in self.client.receive_data(data):
            self.heard.append(each)
            if isinstance(each, DataReceived) and not self.is_slow and each.flow_controlled_length:
                self.client.acknowledge_received_data(each.flow_controlled_length, each.stream_id)
        return bool(data)

    def ask(self, body: bytes | None = None, **options: int) -> int:
        """The whole, or where there is no `body`, its head."""
        stream = self.client.get_next_available_stream_id()
        self.client.send_headers(stream, ASKED, **options)
        if body is not None:
            self.client.send_data(stream, body, end_stream=True)
        return stream

    def came(self, stream: int) -> bytes:
        """Of the reply, to the client."""
        return b"".join(e.data for e in self.heard if isinstance(e, DataReceived) and e.stream_id == stream)

    def kinds(self, stream: int) -> list[str]:
        """Of what the client heard, in its order, pieces of a body as one."""
        known = (ResponseReceived, DataReceived, TrailersReceived, StreamEnded, StreamReset)
        kinds = [type(e).__name__ for e in self.heard if isinstance(e, known) and e.stream_id == stream]
        return [kind for before, kind in zip(["", *kinds], kinds, strict=False) if kind != before]

    def upload(self, stream: int, body: bytes) -> bytes:
        """As much of it as fits into the windows; the rest."""
        room = min(self.client.local_flow_control_window(stream), len(body))
        for at in range(0, room, self.client.max_outbound_frame_size):
            self.client.send_data(stream, body[at : min(room, at + self.client.max_outbound_frame_size)])
        return body[room:]


def talk(first_window: int | None = None) -> Talk:
    """After both have said hello."""
    begun = Talk(first_window)
    assert begun.go_on() == []
    return begun


def bytes_of(size: int) -> bytes:
    return b"".join(b"%08d" % number for number in range(size // 8 + 1))[:size]
