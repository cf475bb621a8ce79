import pytest

from serving.protocols.http2.frames import FIRST_WINDOW, Broken, Code, rst_stream, window_update
from serving.protocols.http2.incoming import CONNECTION_WINDOW, STREAM_WINDOW, Incoming

STREAM_HALF, CONNECTION_HALF = STREAM_WINDOW // 2, CONNECTION_WINDOW // 2


def incoming(most_streams: int = 100) -> tuple[Incoming, list[bytes | memoryview]]:
    """With what it says after its first words."""
    out: list[bytes | memoryview] = []
    windows = Incoming(out, most_streams)
    assert out[1:] == [window_update(0, CONNECTION_WINDOW - FIRST_WINDOW)]
    out.clear()
    return windows, out


def test_the_connections_window_opens_for_what_came_though_nobody_took_it() -> None:
    windows, out = incoming()
    windows.came(CONNECTION_HALF - 1)
    assert not out
    windows.came(2)
    assert out == [window_update(0, CONNECTION_HALF + 1)]


def test_a_streams_window_opens_for_what_was_taken() -> None:
    windows, out = incoming()
    windows.open(1)
    assert windows.fits(1, STREAM_WINDOW)
    assert not out
    windows.taken(1, STREAM_HALF - 1)
    assert not out
    windows.taken(1, 1)
    assert out == [window_update(1, STREAM_HALF)]
    assert windows.fits(1, STREAM_HALF)
    assert not windows.fits(1, 1)


def test_streams_have_windows_of_their_own() -> None:
    windows, _ = incoming()
    windows.open(1)
    windows.open(3)
    assert not windows.fits(1, STREAM_WINDOW + 1)
    assert windows.fits(3, STREAM_WINDOW)


def test_more_than_the_connections_window_breaks_it() -> None:
    windows, _ = incoming()
    windows.came(CONNECTION_WINDOW)
    windows.came(CONNECTION_WINDOW)
    with pytest.raises(Broken, match="the connection's window") as broken:
        windows.came(CONNECTION_WINDOW + 1)
    assert broken.value.code == Code.FLOW_CONTROL_ERROR


def test_nothing_is_said_of_a_stream_that_is_over() -> None:
    windows, out = incoming()
    windows.open(1)
    windows.drop(1)
    windows.drop(1)
    windows.taken(1, STREAM_WINDOW)
    assert not out
    assert repr(windows) == "<Incoming 0 streams>"


def test_streams_that_were_cut_off_are_known_as_far_as_there_can_be_so_many() -> None:
    windows, out = incoming(most_streams=2)
    for stream in (1, 3, 5):
        windows.cut_off(stream, Code.CANCEL)
    assert out == [rst_stream(stream, Code.CANCEL) for stream in (1, 3, 5)]
    assert [windows.is_cut_off(stream) for stream in (1, 3, 5, 7)] == [False, True, True, False]
