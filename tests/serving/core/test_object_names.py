import pytest

from serving.core.object_names import both_file_and_folder, fault


@pytest.mark.parametrize("path", ["config.pbtxt", "1/model.onnx", "1/", "1/variables/.keep", "1/größe.txt", "..a/b.."])
def test_ordinary_names_are_files(path: str) -> None:
    assert fault(path) == ""


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("../other/1/model.onnx", "'..'"),
        ("1/../../model.onnx", "'..'"),
        ("./model.onnx", "'.'"),
        ("/etc/passwd", "empty part"),
        ("1//model.onnx", "empty part"),
        ("", "empty part"),
        ("..\\other", "backslash"),
        ("1/mod\0el", "printed"),
        ("1/mod\nel", "printed"),
        ("1/" + "x" * 256, "255 bytes"),
    ],
)
def test_names_that_lead_elsewhere_are_not(path: str, reason: str) -> None:
    assert reason in fault(path)


def test_what_is_both_a_file_and_a_folder_is_found() -> None:
    assert both_file_and_folder(["1", "1/model.onnx"]) == "1"
    assert both_file_and_folder(["1/a", "1/a/b/c"]) == "1/a"
    assert both_file_and_folder(["1/", "1/model.onnx", "10", "config.pbtxt"]) == ""
