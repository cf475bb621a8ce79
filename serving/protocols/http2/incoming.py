"""How much may come: windows that the peer may fill, and that are opened again for what was taken.

Source: RFC 9113, 5.2 and 6.9. Rule: the connection's window is opened for all that came, a stream's for what its reader
took, so that one that is not read holds no other up.
"""

from serving.protocols.http2.frames import FIRST_WINDOW, Broken, Code, Setting, rst_stream, settings, window_update
from serving.protocols.http2.reader import LARGEST_FRAME, LARGEST_HEAD

STREAM_WINDOW, CONNECTION_WINDOW = 2**20, 2**24  # bytes
MOST_STREAMS = 8192

_SAID = {
    Setting.MAX_CONCURRENT_STREAMS: MOST_STREAMS,
    Setting.INITIAL_WINDOW_SIZE: STREAM_WINDOW,
    Setting.MAX_FRAME_SIZE: LARGEST_FRAME,
    Setting.MAX_HEADER_LIST_SIZE: LARGEST_HEAD,
}


class Incoming:
    """`out` is where it is said what may come, more, or no more."""

    def __init__(self, out: list[bytes | memoryview], most_streams: int = MOST_STREAMS) -> None:
        self._out = out
        self._most_streams = most_streams
        self._cut_off: dict[int, None] = {}  # the last ones
        self._all = _Window(CONNECTION_WINDOW)
        self._windows: dict[int, _Window] = {}
        out += (settings(_SAID), window_update(0, CONNECTION_WINDOW - FIRST_WINDOW))

    def __repr__(self) -> str:
        return f"<Incoming {len(self._windows)} streams>"

    def open(self, stream: int) -> None:
        self._windows[stream] = _Window(STREAM_WINDOW)

    def drop(self, stream: int) -> None:
        self._windows.pop(stream, None)

    def cut_off(self, stream: int, code: Code) -> None:
        """Nothing of it is wanted any more, though some may be on its way."""
        self._out.append(rst_stream(stream, code))
        self._cut_off[stream] = None
        if len(self._cut_off) > self._most_streams:
            del self._cut_off[next(iter(self._cut_off))]

    def is_cut_off(self, stream: int) -> bool:
        return stream in self._cut_off

    def came(self, size: int) -> None:
        """On any stream. Raises `Broken` for more than may come."""
        self._all.left -= size
        if self._all.left < 0:
            raise Broken(Code.FLOW_CONTROL_ERROR, "more came than the connection's window has room for")
        self._give_back(0, self._all, size)

    def fits(self, stream: int, size: int) -> bool:
        """Whether so much may come on a stream that is open; it did."""
        window = self._windows[stream]
        window.left -= size
        return window.left >= 0

    def taken(self, stream: int, size: int) -> None:
        window = self._windows.get(stream)
        if window is not None:
            self._give_back(stream, window, size)

    def _give_back(self, stream: int, window: "_Window", size: int) -> None:
        """Not bit by bit."""
        window.taken += size
        if window.taken >= window.most // 2:
            self._out.append(window_update(stream, window.taken))
            window.left += window.taken
            window.taken = 0


class _Window:
    __slots__ = ("left", "most", "taken")

    def __init__(self, most: int) -> None:
        self.most = self.left = most
        self.taken = 0
