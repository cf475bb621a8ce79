from serving.core.requests import InferRequest


def test_the_shorter_of_two_timeouts_counts() -> None:
    request = InferRequest("m", {})
    assert request.within(None) is request
    assert request.within(2.0).timeout == 2.0
    assert request.within(2.0).within(3.0).timeout == 2.0
    assert request.within(2.0).within(1.0).timeout == 1.0
    assert request.within(0.0).timeout > 0, "0 would mean none"
