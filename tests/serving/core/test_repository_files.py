from serving.core.repository_files import of_all_versions, of_version, version_folders

FILES = {
    "config.pbtxt": 1,
    "labels.txt": 2,
    "1/model.onnx": 3,
    "1/weights/part.bin": 4,
    "10/model.onnx": 5,
    "warmup/sample.bin": 6,
    "01/model.onnx": 7,
    "2": 8,
}


def test_a_version_has_what_lies_in_its_folder_and_no_other_ones() -> None:
    assert of_version(FILES, "1") == {"1/model.onnx": 3, "1/weights/part.bin": 4}
    assert of_version(FILES, "10") == {"10/model.onnx": 5}
    assert of_version(FILES, "2") == {}


def test_what_lies_in_no_versions_folder_concerns_all_of_them() -> None:
    assert of_all_versions(FILES) == {
        "config.pbtxt": 1,
        "labels.txt": 2,
        "warmup/sample.bin": 6,
        "01/model.onnx": 7,
        "2": 8,
    }


def test_version_folders_are_there_even_while_they_are_empty() -> None:
    files = {"config.pbtxt": 0, "1/model.onnx": 1, "2/": (), "warmup/row": 3, "3": 4, "04/model.onnx": 5}
    assert version_folders(files) == {"1", "2"}
