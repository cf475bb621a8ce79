import hyperframe.frame as peers
import pytest

from serving.protocols.http2.frames import (
    ACK,
    END_HEADERS,
    END_STREAM,
    Broken,
    Code,
    Kind,
    Setting,
    frame,
    frame_head,
    goaway,
    read_settings,
    rst_stream,
    settings,
    window_update,
)


def parsed(data: bytes) -> peers.Frame:
    """By another reader of frames, all of it."""
    found, size = peers.Frame.parse_frame_header(memoryview(data[:9]))
    found.parse_body(memoryview(data[9:]))
    assert len(data) == 9 + size
    return found


def test_frames_are_what_another_writer_writes() -> None:
    assert frame(Kind.DATA, END_STREAM, 5, b"abc") == peers.DataFrame(5, b"abc", flags=["END_STREAM"]).serialize()
    assert frame(Kind.PING, ACK, 0, b"12345678") == peers.PingFrame(0, b"12345678", flags=["ACK"]).serialize()
    head = peers.HeadersFrame(7, b"x", flags=["END_HEADERS", "END_STREAM"])
    assert frame(Kind.HEADERS, END_HEADERS | END_STREAM, 7, b"x") == head.serialize()
    assert window_update(3, 2**31 - 1) == peers.WindowUpdateFrame(3, 2**31 - 1).serialize()
    assert rst_stream(9, Code.CANCEL) == peers.RstStreamFrame(9, Code.CANCEL).serialize()
    assert goaway(11, Code.NO_ERROR, "why") == peers.GoAwayFrame(0, 11, 0, b"why").serialize()
    values = {Setting.INITIAL_WINDOW_SIZE: 2**20, Setting.MAX_FRAME_SIZE: 2**18}
    assert settings(values) == peers.SettingsFrame(0, {int(each): value for each, value in values.items()}).serialize()


@pytest.mark.parametrize("length", [0, 1, 255, 256, 2**16 - 1, 2**16, 2**24 - 1])
def test_a_frame_may_be_as_long_as_three_bytes_say(length: int) -> None:
    found, size = peers.Frame.parse_frame_header(memoryview(frame_head(length, Kind.DATA, 0, 2**31 - 1)))
    assert (found.stream_id, size) == (2**31 - 1, length)


def test_codes_kinds_and_settings_have_the_numbers_of_the_standard() -> None:
    names = [peers.FRAMES[kind].__name__.removesuffix("Frame").upper() for kind in Kind]
    assert names == [kind.name.replace("_", "") for kind in Kind]
    assert {name: getattr(peers.SettingsFrame, name) for name in Setting.__members__} == dict(Setting.__members__)
    assert [Code(number).name for number in (7, 8, 9, 11)] == [
        "REFUSED_STREAM",
        "CANCEL",
        "COMPRESSION_ERROR",
        "ENHANCE_YOUR_CALM",
    ]


def test_settings_are_read_in_their_order_with_those_that_nobody_knows() -> None:
    payload = bytes.fromhex("0004 00000001  00ff ffffffff  0004 7fffffff")
    assert read_settings(payload) == [(4, 1), (255, 2**32 - 1), (4, 2**31 - 1)]
    assert read_settings(b"") == []


@pytest.mark.parametrize(
    ("setting", "allowed", "refused", "code"),
    [
        (Setting.HEADER_TABLE_SIZE, [0, 2**32 - 1], [], None),
        (Setting.ENABLE_PUSH, [0, 1], [2, 2**32 - 1], Code.PROTOCOL_ERROR),
        (Setting.MAX_CONCURRENT_STREAMS, [0, 2**32 - 1], [], None),
        (Setting.INITIAL_WINDOW_SIZE, [0, 2**31 - 1], [2**31, 2**32 - 1], Code.FLOW_CONTROL_ERROR),
        (Setting.MAX_FRAME_SIZE, [2**14, 2**24 - 1], [0, 2**14 - 1, 2**24], Code.PROTOCOL_ERROR),
        (Setting.MAX_HEADER_LIST_SIZE, [0, 2**32 - 1], [], None),
    ],
)
def test_a_setting_has_the_values_that_it_may_have(
    setting: Setting, allowed: list[int], refused: list[int], code: Code | None
) -> None:
    for value in allowed:
        assert read_settings(settings({setting: value})[9:]) == [(setting, value)]
    for value in refused:
        with pytest.raises(Broken, match=f"SETTINGS_{setting.name} is {value}") as broken:
            read_settings(settings({setting: value})[9:])
        assert broken.value.code == code


def test_what_is_written_can_be_parsed_by_others() -> None:
    assert parsed(window_update(0, 1)).window_increment == 1
    assert parsed(goaway(2**31 - 1, Code.ENHANCE_YOUR_CALM, "é")).additional_data == "é".encode()
