import pytest

from serving.protocols.people_routes import route


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        (["probabilities"], "classify"),
        (["boxes", "scores", "classes"], "detect"),
        (["more", "classes", "scores", "boxes"], "detect"),
        (["tokens"], "transcribe"),
        (["items", "scores"], "recommend"),
        (["boxes", "scores"], "classify"),
        ([], "classify"),
    ],
)
def test_the_names_of_outputs_tell(outputs: list[str], expected: str) -> None:
    assert route(outputs) == expected
