import hashlib
import json
from pathlib import Path

from training.checkpoint import Checkpoint
from training.export.manifest import lineage, published_files


def test_every_file_but_the_manifest_is_listed_with_its_hash_and_size(version: Path) -> None:
    listed = json.loads((version / "manifest.json").read_text())["files"]
    present = {path.name: path.read_bytes() for path in version.iterdir() if path.name != "manifest.json"}

    assert listed == {
        name: {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)} for name, content in present.items()
    }


def test_it_says_what_goes_in_and_out_and_how_it_was_checked(version: Path) -> None:
    manifest = json.loads((version / "manifest.json").read_text())

    assert manifest["model"] == version.parent.name
    assert manifest["version"] == 1
    assert manifest["created"].endswith("Z")
    assert manifest["inputs"][0]["datatype"] == "FP32"
    assert manifest["outputs"][0]["name"] == "probabilities"
    assert manifest["metrics"]["test_accuracy"] >= 0.95
    assert {report["format"] for report in manifest["parity"]} == {"onnx", "torchscript"}
    assert all(report["agreement"] == 1.0 for report in manifest["parity"])


def test_lineage_leads_back_to_the_checkpoint_and_the_data(cancer: Checkpoint, repository: Path) -> None:
    manifest = json.loads((repository / "breast-cancer-mlp" / "1" / "manifest.json").read_text())

    assert manifest["lineage"]["checkpoint_weights_sha256"] == cancer.weights_sha256
    assert manifest["lineage"]["data_fingerprint"] == cancer.data_fingerprint
    assert manifest["lineage"]["seed"] == cancer.config.seed
    assert set(manifest["lineage"]["export_versions"]) >= {"torch", "onnx", "onnxruntime"}


def test_lineage_is_the_checkpoints_own_account(cancer: Checkpoint) -> None:
    assert lineage(cancer, {"onnx": "1"}).library_versions == cancer.library_versions


def test_files_are_listed_by_name(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"1")
    (tmp_path / "a").write_bytes(b"12")

    assert [(name, file.size) for name, file in published_files(tmp_path).items()] == [("a", 2), ("b", 1)]
