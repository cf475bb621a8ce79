"""Conversations with another library's client, in memory."""

from itertools import pairwise

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    PingAckReceived,
    PingReceived,
    RemoteSettingsChanged,
    ResponseReceived,
    SettingsAcknowledged,
    StreamReset,
    TrailersReceived,
)
from h2.events import Event as Heard
from h2.settings import SettingCodes
from hypothesis import given
from hypothesis import strategies as st

from serving.protocols.http2.connection import MOST_STREAMS, Http2Connection
from serving.protocols.http2.events import Asked, Dropped, Piece, Sent
from serving.protocols.http2.frames import FIRST_WINDOW, SMALLEST_LARGEST_FRAME, Code
from serving.protocols.http2.incoming import STREAM_WINDOW
from tests.serving.protocols.http2.talk import ASKED, HEAD, TRAILERS, WHOLE, Talk, bytes_of, made, talk


def test_both_say_what_they_take_and_that_they_have_heard_it() -> None:
    begun = talk()
    assert begun.server.is_greeted
    assert sum(isinstance(each, SettingsAcknowledged) for each in begun.heard) == 1
    [changed] = [each for each in begun.heard if isinstance(each, RemoteSettingsChanged)]
    theirs = {int(code): setting.new_value for code, setting in changed.changed_settings.items()}
    assert theirs == {3: MOST_STREAMS, 4: STREAM_WINDOW, 5: 2**18, 6: 64 * 1024}
    assert begun.client.outbound_flow_control_window == 2**24


def test_a_call_from_its_head_to_its_trailers() -> None:
    begun = talk()
    stream = begun.ask(b"question")
    assert begun.go_on() == [Asked(stream, ASKED, is_all=False), Piece(stream, b"question", is_last=True)]
    assert begun.server.is_open(stream)
    assert begun.server.reply(stream, HEAD, b"answer", TRAILERS)
    assert not begun.server.is_open(stream)
    assert begun.go_on() == []
    assert begun.kinds(stream) == WHOLE
    assert begun.came(stream) == b"answer"
    [head] = [each for each in begun.heard if isinstance(each, ResponseReceived)]
    [trailers] = [each for each in begun.heard if isinstance(each, TrailersReceived)]
    assert (head.headers, trailers.headers) == (
        [(b":status", b"200"), (b"content-type", b"x")],
        [(b"grpc-status", b"0")],
    )


def test_a_request_may_have_no_body() -> None:
    begun = talk()
    stream = begun.client.get_next_available_stream_id()
    begun.client.send_headers(stream, ASKED, end_stream=True)
    assert begun.go_on() == [Asked(stream, ASKED, is_all=True)]
    begun.server.reply(stream, HEAD, b"", TRAILERS)
    begun.go_on()
    assert begun.kinds(stream) == WHOLE


def test_a_body_much_larger_than_the_windows_both_ways() -> None:
    begun, body, came = talk(), bytes_of(5_000_000), b""
    stream, rest = begun.ask(), body
    begun.go_on()
    while rest:
        rest = begun.upload(stream, rest)
        for event in begun.go_on():
            assert isinstance(event, Piece)
            came += event.data
            begun.server.taken(stream, len(event.data))
        begun.go_on()
    begun.client.end_stream(stream)
    assert begun.go_on() == [Piece(stream, b"", is_last=True)]
    assert came == body
    assert not begun.server.reply(stream, HEAD, body, TRAILERS)
    assert begun.server.is_open(stream)
    assert begun.go_on() == [Sent(stream)]
    assert not begun.server.is_open(stream)
    assert begun.came(stream) == body
    assert begun.kinds(stream) == WHOLE


def test_one_that_is_not_read_holds_no_other_up() -> None:
    begun = talk()
    unread, other = begun.ask(), begun.ask()
    rest = begun.upload(unread, bytes(2 * STREAM_WINDOW))
    pieces = [event for event in begun.go_on() if isinstance(event, Piece)]
    assert sum(len(piece.data) for piece in pieces) == STREAM_WINDOW == len(rest)
    assert begun.client.local_flow_control_window(unread) == 0
    begun.client.send_data(other, b"b", end_stream=True)
    assert begun.go_on() == [Piece(other, b"b", is_last=True)]
    begun.server.taken(unread, STREAM_WINDOW)
    begun.go_on()
    assert begun.client.local_flow_control_window(unread) == STREAM_WINDOW


def test_no_more_is_asked_for_where_nothing_follows() -> None:
    begun = talk()
    stream = begun.ask()
    begun.upload(stream, bytes(STREAM_WINDOW))
    begun.client.end_stream(stream)
    begun.go_on()
    begun.server.taken(stream, STREAM_WINDOW)
    assert not begun.server.outgoing.out


def test_padding_is_given_back_by_itself() -> None:
    begun = talk()
    stream = begun.ask()
    for _ in range(3 * STREAM_WINDOW // 257):
        begun.client.send_data(stream, b"x", pad_length=255)
        for event in begun.go_on():
            if isinstance(event, Piece):
                begun.server.taken(stream, 1)
    begun.client.send_data(stream, b"end", pad_length=3, end_stream=True)
    assert begun.go_on()[-1] == Piece(stream, b"end", is_last=True)


def test_replies_in_turns_while_the_client_reads_as_it_likes() -> None:
    begun, body = talk(), bytes_of(300_000)
    begun.is_slow = True
    streams = [begun.ask(b"") for _ in range(4)]
    begun.go_on()
    for stream in streams:
        begun.server.reply(stream, HEAD, body, TRAILERS)
    begun.go_on()
    assert sum(len(begun.came(stream)) for stream in streams) == FIRST_WINDOW
    begun.is_slow = False
    sent = []
    begun.client.increment_flow_control_window(2**20)
    while len(sent) < 4:
        sent += begun.go_on()
        for stream in streams:
            if Sent(stream) not in sent:
                begun.client.increment_flow_control_window(50_000, stream)
    assert sorted(event.stream for event in sent) == streams
    assert [begun.came(stream) for stream in streams] == [body] * 4
    assert [begun.kinds(stream) for stream in streams] == [WHOLE] * 4


def test_windows_that_change_amid_a_body_even_to_less_than_nothing() -> None:
    begun, body = talk(), bytes_of(200_000)
    begun.is_slow = True
    stream = begun.ask(b"")
    begun.go_on()
    begun.client.increment_flow_control_window(2**20)
    begun.server.reply(stream, HEAD, body, TRAILERS)
    begun.go_on()
    assert len(begun.came(stream)) == FIRST_WINDOW
    begun.client.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 1000})
    begun.go_on()
    begun.client.increment_flow_control_window(FIRST_WINDOW - 1000, stream)
    begun.go_on()
    assert len(begun.came(stream)) == FIRST_WINDOW
    begun.client.increment_flow_control_window(7, stream)
    begun.go_on()
    assert len(begun.came(stream)) == FIRST_WINDOW + 7
    begun.client.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 50_000})
    begun.go_on()
    assert len(begun.came(stream)) == FIRST_WINDOW + 7 + 49_000
    begun.client.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 2**20})
    assert begun.go_on() == [Sent(stream)]
    assert begun.came(stream) == body


def test_frames_grow_with_what_the_client_takes() -> None:
    begun, body = talk(first_window=2**20), bytes_of(300_000)
    begun.client.increment_flow_control_window(2**20)
    for size in (SMALLEST_LARGEST_FRAME, 60_000, 2**24 - 1):
        begun.client.update_settings({SettingCodes.MAX_FRAME_SIZE: size})
        stream = begun.ask(b"")
        begun.go_on()
        begun.server.reply(stream, HEAD, body, TRAILERS)
        begun.go_on()
        pieces = [len(e.data) for e in begun.heard if isinstance(e, DataReceived) and e.stream_id == stream]
        assert max(pieces) == min(size, 2**18)
        assert begun.came(stream) == body


def test_a_clients_trailers_end_its_request() -> None:
    begun = talk()
    stream = begun.ask()
    begun.client.send_data(stream, b"body")
    begun.client.send_headers(stream, [(b"checksum", b"1")], end_stream=True)
    assert begun.go_on()[1:] == [Piece(stream, b"body", is_last=False), Piece(stream, b"", is_last=True)]
    begun.server.reply(stream, HEAD, b"answer", TRAILERS)
    begun.go_on()
    assert begun.kinds(stream) == WHOLE


@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")
def test_priorities_are_passed_over() -> None:
    begun = talk()
    stream = begun.ask(b"", priority_weight=16, priority_depends_on=0)
    begun.client.prioritize(stream, weight=200, depends_on=0, exclusive=True)
    begun.client.prioritize(stream + 2, weight=3)
    assert [type(event) for event in begun.go_on()] == [Asked, Piece]


def test_a_head_in_several_frames() -> None:
    begun = Talk()  # whose client has not heard yet that larger frames are taken
    large = [*ASKED, *((b"x-%d" % number, b"v" * 1000) for number in range(40))]
    begun.client.send_headers(1, large, end_stream=True)
    assert begun.go_on() == [Asked(1, large, is_all=True)]


def test_many_heads_that_are_much_alike_and_yet_not() -> None:
    begun = talk()
    for number in range(300):
        if number % 97 == 50:
            begun.client.encoder.header_table_size = 200 if begun.client.encoder.header_table_size > 200 else 4096
        head = [*ASKED, (b"x-id", b"%d" % (number // 3)), (b"y-%d" % (number % 5), b"z" * 50)]
        stream = begun.client.get_next_available_stream_id()
        begun.client.send_headers(stream, head, end_stream=True)
        assert begun.go_on() == [Asked(stream, head, is_all=True)]
        begun.server.reply(stream, HEAD, b"", TRAILERS)


def test_a_client_gives_a_request_up() -> None:
    begun = talk()
    early, waiting, late = begun.ask(), begun.ask(b""), begun.ask(b"")
    begun.go_on()
    begun.server.reply(waiting, HEAD, bytes(100_000), TRAILERS)
    begun.server.reply(late, HEAD, b"", TRAILERS)
    for stream in (early, waiting, late):
        begun.client.reset_stream(stream, ErrorCodes.CANCEL)
    assert begun.go_on() == [Dropped(early), Dropped(waiting)]
    assert begun.server.streams == 0
    assert not begun.server.outgoing.waits(waiting)
    assert not begun.server.outgoing.can_go_on


def test_the_server_gives_a_request_up_while_more_of_it_is_on_its_way() -> None:
    begun = talk()
    stream = begun.ask()
    begun.client.send_data(stream, b"a")
    begun.go_on()
    begun.server.reset(stream, Code.INTERNAL_ERROR)
    begun.client.send_data(stream, b"b")
    begun.client.increment_flow_control_window(5, stream)
    begun.client.send_headers(stream, [(b"checksum", b"1")], end_stream=True)
    assert begun.go_on() == []
    [reset] = [each for each in begun.heard if isinstance(each, StreamReset)]
    assert (reset.stream_id, reset.error_code) == (stream, ErrorCodes.INTERNAL_ERROR)
    after = begun.ask(b"")
    assert begun.go_on() == [Asked(after, ASKED, is_all=False), Piece(after, b"", is_last=True)]


def test_an_answer_before_all_was_asked_tells_the_client_to_stop() -> None:
    begun = talk()
    refused, answered, streamed = begun.ask(), begun.ask(), begun.ask()
    begun.go_on()
    begun.server.refuse(refused, HEAD)
    begun.server.reply(answered, HEAD, b"early", TRAILERS)
    begun.server.head(streamed, HEAD)
    assert begun.server.send(streamed, b"early")
    assert begun.server.send(streamed, b"", TRAILERS)
    assert begun.server.streams == 0
    for stream in (refused, answered, streamed):
        begun.client.send_data(stream, b"on its way")
        begun.client.send_headers(stream, [(b"checksum", b"1")], end_stream=True)
    assert begun.go_on() == []
    assert begun.kinds(refused) == ["ResponseReceived", "StreamEnded"]
    assert begun.kinds(answered) == begun.kinds(streamed) == WHOLE


def test_an_answer_before_all_was_asked_resets_without_an_error() -> None:
    begun = talk()
    stream = begun.ask()
    begun.go_on()
    begun.server.refuse(stream, HEAD)
    begun.go_on()
    assert begun.kinds(stream) == ["ResponseReceived", "StreamEnded", "StreamReset"]
    assert [e.error_code for e in begun.heard if isinstance(e, StreamReset)] == [ErrorCodes.NO_ERROR]


def test_a_stream_of_pieces_as_the_client_reads_them() -> None:
    begun = talk(first_window=10)
    begun.is_slow = True
    stream = begun.ask(b"")
    begun.go_on()
    begun.server.head(stream, HEAD)
    assert begun.server.send(stream, b"0123456")
    assert not begun.server.send(stream, b"789abc")
    assert begun.go_on() == []
    begun.client.increment_flow_control_window(20, stream)
    assert begun.go_on() == [Sent(stream)]
    assert begun.server.is_open(stream)
    assert begun.server.send(stream, b"", TRAILERS)
    begun.go_on()
    assert begun.came(stream) == b"0123456789abc"
    assert begun.kinds(stream) == WHOLE


def test_while_the_socket_is_full_bodies_wait() -> None:
    begun = talk()
    stream = begun.ask(b"")
    begun.go_on()
    begun.server.outgoing.is_held = True
    assert not begun.server.reply(stream, HEAD, b"answer", TRAILERS)
    assert begun.go_on() == []
    begun.server.outgoing.is_held = False
    assert begun.go_on() == [Sent(stream)]
    assert begun.came(stream) == b"answer"


def test_pings_both_ways() -> None:
    begun = talk()
    begun.client.ping(b"12345678")
    begun.server.ping()
    begun.go_on()
    assert [each.ping_data for each in begun.heard if isinstance(each, PingAckReceived)] == [b"12345678"]
    assert sum(isinstance(each, PingReceived) for each in begun.heard) == 1


def test_before_the_end_a_client_is_told_to_ask_elsewhere() -> None:
    begun = talk()
    first = begun.ask()
    begun.go_on()
    begun.server.leave()
    second = begun.ask(b"")  # before it has heard of that
    assert begun.go_on() == [Asked(second, ASKED, is_all=False), Piece(second, b"", is_last=True)]
    begun.server.end()
    begun.server.end(Code.PROTOCOL_ERROR, "why")
    ends = [each for each in _read_by_a_client_that_goes_on(begun) if isinstance(each, ConnectionTerminated)]
    assert [(each.last_stream_id, each.error_code, each.additional_data) for each in ends] == [
        (second, ErrorCodes.NO_ERROR, None),
        (second, ErrorCodes.PROTOCOL_ERROR, b"why"),
    ]
    [left] = [each for each in begun.heard if isinstance(each, ConnectionTerminated)]
    assert (left.last_stream_id, left.error_code) == (2**31 - 1, ErrorCodes.NO_ERROR)
    assert begun.server.is_open(first)


def _read_by_a_client_that_goes_on(begun: Talk) -> list[Heard]:
    """After a GOAWAY; theirs does not."""
    heard = []
    for data in begun.server.outgoing.out:
        other = H2Connection(H2Configuration(client_side=True))
        other.initiate_connection()
        heard += other.receive_data(bytes(data))
    return heard


@given(st.lists(st.integers(0, 1500), max_size=12), st.integers(0, 2**32))
def test_events_are_the_same_wherever_the_bytes_are_cut(cuts: list[int], seed: int) -> None:
    client = H2Connection(H2Configuration(client_side=True, header_encoding=None))
    client.initiate_connection()
    client.send_headers(1, [*ASKED, (b"seed", b"%d" % seed)])
    client.send_data(1, bytes_of(seed % 500), pad_length=seed % 7)
    client.send_headers(3, ASKED, end_stream=True)
    client.ping(b"12345678")
    client.send_data(1, b"end", end_stream=True)
    client.send_headers(5, ASKED)
    client.reset_stream(5)
    data = client.data_to_send()
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    whole, cut = Http2Connection(made, now=0.0), Http2Connection(made, now=0.0)
    events = whole.receive(data, now=0.0)
    assert len(events) == 6
    came = [cut.receive(data[start:end], now=0.0) for start, end in pairwise(edges)]
    assert [event for some in came for event in some] == events
    assert cut.outgoing.out == whole.outgoing.out


def test_events_come_with_the_byte_that_completes_them() -> None:
    client = H2Connection(H2Configuration(client_side=True, header_encoding=None))
    client.initiate_connection()
    client.send_headers(1, ASKED)
    client.send_data(1, b"body", end_stream=True)
    data, server = client.data_to_send(), Http2Connection(made, now=0.0)
    came = [server.receive(data[at : at + 1], now=0.0) for at in range(len(data))]
    assert came[-14] == [Asked(1, ASKED, is_all=False)]
    assert came[-1] == [Piece(1, b"body", is_last=True)]
    assert sum(map(len, came)) == 2
