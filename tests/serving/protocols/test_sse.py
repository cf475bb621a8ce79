from serving.protocols import sse


def test_an_event_is_a_line_of_data_and_an_empty_line() -> None:
    assert sse.event(b'{"a":1}') == b'data: {"a":1}\n\n'
