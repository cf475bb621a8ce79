import hyperframe.frame as peers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.protocols.http2.frames import FIRST_WINDOW, LARGEST_WINDOW, SMALLEST_LARGEST_FRAME, Broken, Code
from serving.protocols.http2.outgoing import Outgoing

FRAME = SMALLEST_LARGEST_FRAME
TURN = 16 * FRAME
PLENTY = 2**24


def outgoing(*streams: int, window: int = PLENTY, first_window: int = PLENTY) -> Outgoing:
    sending = Outgoing()
    sending.more_window(window - FIRST_WINDOW)
    sending.first_window(first_window)
    for stream in streams:
        sending.open(stream)
    return sending


def taken(sending: Outgoing) -> list[peers.Frame]:
    """As another reader reads what is in `out`, which is empty afterwards."""
    data, found = memoryview(b"".join(sending.out)), []
    sending.out.clear()
    while data:
        each, size = peers.Frame.parse_frame_header(data[:9])
        each.parse_body(data[9 : 9 + size])
        found.append(each)
        data = data[9 + size :]
    return found


def sizes(sending: Outgoing) -> list[tuple[int, int]]:
    """Streams and sizes of the DATA in `out`."""
    return [(each.stream_id, len(each.data)) for each in taken(sending) if isinstance(each, peers.DataFrame)]


def test_a_reply_that_fits_is_three_frames() -> None:
    sending = outgoing(1)
    assert sending.reply(1, b"head", b"body", b"trailers")
    head, data, trailers = taken(sending)
    assert (head.data, set(head.flags)) == (b"head", {"END_HEADERS"})
    assert (data.data, set(data.flags)) == (b"body", set())
    assert (trailers.data, set(trailers.flags)) == (b"trailers", {"END_HEADERS", "END_STREAM"})
    assert not sending.waits(1)


@pytest.mark.parametrize(
    ("window", "first_window", "body"),
    [(9, PLENTY, 10), (PLENTY, 9, 10), (PLENTY, PLENTY, FRAME + 1), (PLENTY, PLENTY, 3 * TURN)],
)
def test_a_reply_that_does_not_fit_is_sent_as_far_as_it_goes(window: int, first_window: int, body: int) -> None:
    sending = outgoing(1, window=window, first_window=first_window)
    is_sent = sending.reply(1, b"head", bytes(body), b"trailers")
    frames = taken(sending)
    assert frames[0].data == b"head"
    came = sum(len(each.data) for each in frames[1:] if isinstance(each, peers.DataFrame))
    assert came == min(window, first_window, TURN, body)
    assert is_sent == (came == body) == (frames[-1].data == b"trailers") != sending.waits(1)


def test_what_went_is_no_more_in_the_windows() -> None:
    sending = outgoing(1, 3, window=100, first_window=60)
    assert sending.send(1, bytes(50))
    assert not sending.send(1, bytes(20))
    assert not sending.reply(3, b"", bytes(50), b"")
    assert sizes(sending) == [(1, 50), (1, 10), (3, 40)]
    assert sending.more_window_of(1, 10)
    assert sending.go_on() == []
    sending.more_window(15)
    assert set(sending.go_on()) == {3}
    assert sorted(sizes(sending)) == [(1, 5), (3, 10)]
    sending.more_window(5)
    assert sending.go_on() == [1]
    assert sizes(sending) == [(1, 5)]


def test_a_quick_reply_counts_against_the_connections_window() -> None:
    sending = outgoing(1, 3, window=100)
    sending.reply(1, b"", bytes(70), b"")
    sending.reply(3, b"", bytes(70), b"")
    assert sizes(sending) == [(1, 70), (3, 30)]


def test_streams_take_turns() -> None:
    sending = outgoing(1, 3, 5)
    assert not sending.send(1, bytes(3 * TURN))
    assert not sending.send(3, bytes(2 * TURN))
    assert sending.send(5, bytes(TURN))
    taken(sending)
    assert sending.go_on() == [3]
    assert sizes(sending) == [(1, FRAME)] * 16 + [(3, FRAME)] * 16
    assert sending.go_on() == [1]
    assert not sending.can_go_on


def test_a_long_reply_holds_no_other_up_where_the_connections_window_is_narrow() -> None:
    sending = outgoing(1, 3, 5, window=0)
    for stream in (1, 3, 5):
        sending.send(stream, bytes(3 * FRAME))
    order = []
    while sending.waits(5):
        sending.more_window(FRAME)
        sending.go_on()
        order += [stream for stream, _ in sizes(sending)]
    assert order == [1, 3, 5] * 3


def test_one_that_still_waits_gets_no_turn_for_what_is_added() -> None:
    sending = outgoing(1, 3)
    sending.send(1, bytes(2 * TURN))
    sending.send(3, bytes(2 * TURN))
    taken(sending)
    assert not sending.send(1, b"more", b"trailers")
    assert not sending.out
    assert sending.go_on() == [3]
    assert sending.go_on() == [1]
    assert taken(sending)[-1].data == b"trailers"


def test_a_stream_without_a_window_is_not_asked_again_until_it_has_one() -> None:
    sending = outgoing(1, 3, first_window=0)
    for stream in (1, 3):
        assert not sending.send(stream, b"abc", b"t")
    assert not sending.can_go_on
    assert sending.more_window_of(3, 1)
    assert sending.can_go_on
    assert sending.go_on() == []
    assert not sending.can_go_on
    assert sizes(sending) == [(3, 1)]
    sending.first_window(2)
    assert sending.go_on() == [3]
    assert sizes(sending) == [(1, 2), (3, 2)]


def test_a_window_may_be_less_than_nothing() -> None:
    sending = outgoing(1, first_window=100)
    sending.send(1, bytes(90))
    sending.first_window(20)
    assert not sending.send(1, bytes(30))
    assert sending.more_window_of(1, 70)
    assert not sending.can_go_on
    assert sending.more_window_of(1, 1)
    assert sending.go_on() == []
    sending.first_window(49)
    assert sending.go_on() == [1]
    assert sizes(sending) == [(1, 90), (1, 1), (1, 29)]


def test_nothing_goes_while_it_is_held_but_heads_and_ends() -> None:
    sending = outgoing(1, 3, 5)
    sending.is_held = True
    assert not sending.reply(1, b"head", b"body", b"trailers")
    assert sending.send(3, b"", b"end")
    assert [each.data for each in taken(sending)] == [b"head", b"end"]
    assert not sending.can_go_on
    assert sending.go_on() == []
    sending.is_held = False
    assert sending.go_on() == [1]
    assert [each.data for each in taken(sending)] == [b"body", b"trailers"]


def test_pieces_go_in_their_order_and_empty_ones_make_no_frames() -> None:
    sending = outgoing(1, first_window=4)
    assert sending.send(1, b"")
    assert sending.send(1, b"ab")
    assert not sending.send(1, b"cde")
    assert not sending.send(1, memoryview(b"fg"), b"trailers")
    sending.more_window_of(1, 10)
    assert sending.go_on() == [1]
    assert [each.data for each in taken(sending)] == [b"ab", b"cd", b"e", b"fg", b"trailers"]


def test_frames_are_as_large_as_the_peer_takes() -> None:
    sending = outgoing(1)
    sending.largest_frame = 3 * FRAME
    assert sending.send(1, bytes(7 * FRAME))
    assert sizes(sending) == [(1, 3 * FRAME), (1, 3 * FRAME), (1, FRAME)]


def test_pieces_are_not_copied() -> None:
    sending, piece = outgoing(1), bytes(3 * FRAME)
    sending.send(1, piece)
    assert [each.obj is piece for each in sending.out if isinstance(each, memoryview)] == [True] * 3


def test_what_waits_is_forgotten_with_its_stream() -> None:
    sending = outgoing(1, 3, window=0)
    sending.send(1, b"a")
    sending.send(3, b"b")
    sending.drop(1)
    sending.drop(1)
    sending.more_window(10)
    assert sending.go_on() == [3]
    assert repr(sending) == "<Outgoing 0 bodies wait, 9 bytes of window>"


def test_windows_have_a_largest_size() -> None:
    sending = outgoing(1, window=LARGEST_WINDOW, first_window=LARGEST_WINDOW - 1)
    assert sending.more_window_of(1, 1)
    assert not sending.more_window_of(1, 1)
    with pytest.raises(Broken, match="a WINDOW_UPDATE of 1") as broken:
        sending.more_window(1)
    assert broken.value.code == Code.FLOW_CONTROL_ERROR


def test_a_first_window_that_makes_one_too_large_breaks_the_connection() -> None:
    sending = outgoing(1, first_window=0)
    sending.more_window_of(1, 1)
    sending.first_window(LARGEST_WINDOW - 1)
    with pytest.raises(Broken, match=f"SETTINGS_INITIAL_WINDOW_SIZE {LARGEST_WINDOW}") as broken:
        sending.first_window(LARGEST_WINDOW)
    assert broken.value.code == Code.FLOW_CONTROL_ERROR


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.sampled_from([1, 3, 5]), st.integers(0, 40)),
        st.tuples(st.just("more"), st.sampled_from([0, 1, 3, 5]), st.integers(1, 40)),
        st.tuples(st.just("first"), st.just(0), st.integers(0, 60)),
        st.tuples(st.just("hold"), st.just(0), st.integers(0, 1)),
        st.tuples(st.just("go on"), st.just(0), st.just(0)),
    ),
    max_size=60,
)


@given(STEPS)
def test_whatever_windows_do_all_arrives_within_them_and_in_order(steps: list[tuple[str, int, int]]) -> None:
    sending = outgoing(1, 3, 5, window=50, first_window=20)
    sending.largest_frame = 7
    windows, first = {0: 50, 1: 20, 3: 20, 5: 20}, 20
    said, came, number = {1: b"", 3: b"", 5: b""}, {1: b"", 3: b"", 5: b""}, 0
    for what, stream, size in [*steps, ("hold", 0, 0), ("first", 0, 9999), ("more", 0, 9999)]:
        if what == "send":
            piece = bytes((number + each) % 251 for each in range(size))
            number += size
            said[stream] += piece
            assert sending.send(stream, piece) != sending.waits(stream)
        elif what == "more":
            windows[stream] += size
            sending.more_window_of(stream, size) if stream else sending.more_window(size)
        elif what == "first":
            for each in said:
                windows[each] += size - first
            first = size
            sending.first_window(size)
        elif what == "hold":
            sending.is_held = bool(size)
        if what != "send":
            assert all(not sending.waits(each) for each in sending.go_on())
        for frame in taken(sending):
            came[frame.stream_id] += frame.data
            windows[frame.stream_id] -= len(frame.data)
            windows[0] -= len(frame.data)
            assert min(windows[0], windows[frame.stream_id]) >= 0
            assert len(frame.data) <= 7
        wants = [each for each in said if came[each] != said[each]]
        assert all(sending.waits(each) for each in wants)
        assert sending.can_go_on >= (
            not sending.is_held and windows[0] > 0 and any(windows[each] > 0 for each in wants)
        )
    while sending.can_go_on:
        sending.go_on()
        for frame in taken(sending):
            came[frame.stream_id] += frame.data
    assert came == said
