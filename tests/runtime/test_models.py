"""A changed weight file is somebody else's model under our customer's contract: it must never be loaded."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mulberry.model.errors import UserFacingError
from mulberry.model.places import resource
from mulberry.runtime import manifest
from mulberry.runtime.child import operators
from mulberry.runtime.models import ModelFolder
from tiny_encoder import EMBEDDING, tiny_encoder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return shutil.copytree(resource("models/tiny-lm"), tmp_path / "tiny-lm")


def edited(folder: Path, edit: Callable[[Any], None]) -> None:
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    edit(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")


def refusal(folder: Path) -> str:
    with pytest.raises(UserFacingError) as refused:
        ModelFolder.read(folder).verify()
    assert str(folder) in refused.value.what
    return refused.value.why


def test_the_committed_model_is_the_one_its_manifest_describes() -> None:
    model = ModelFolder.read(resource("models/tiny-lm"))
    model.verify()
    assert model.manifest.name == "mulberry/tiny-lm"
    assert all(measured.right / measured.asked > 0.95 for measured in model.manifest.measured)


def test_one_flipped_bit(folder: Path) -> None:
    weights = bytearray((folder / "model.onnx.data").read_bytes())
    weights[1000] ^= 1
    (folder / "model.onnx.data").write_bytes(weights)
    assert refusal(folder) == "model.onnx.data was changed: its SHA-256 is not the manifest's."


def test_a_file_of_another_size(folder: Path) -> None:
    with (folder / "tokenizer.json").open("ab") as file:
        file.write(b"\n")
    assert refusal(folder) == "tokenizer.json has 22,140 bytes instead of 22,139."


def test_a_missing_file(folder: Path) -> None:
    (folder / "model.onnx.data").unlink()
    assert refusal(folder) == "The file model.onnx.data is missing."


def test_a_file_too_many(folder: Path) -> None:
    (folder / "other.data").write_bytes(b"")
    assert refusal(folder) == "The manifest does not name the file 'other.data'."


def test_a_link_instead_of_a_file(folder: Path, tmp_path: Path) -> None:
    (folder / "model.onnx").rename(tmp_path / "elsewhere.onnx")
    (folder / "model.onnx").symlink_to(tmp_path / "elsewhere.onnx")
    assert refusal(folder) == "model.onnx is a link or a folder, not a file."


def test_no_folder(tmp_path: Path) -> None:
    assert refusal(tmp_path / "nothing") == "manifest.json could not be read: No such file or directory."


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "a/b", "..", ".hidden", "a\\b", "", "manifest.json"]
)
def test_a_path_instead_of_a_name(folder: Path, name: str) -> None:
    def rename(manifest: Any) -> None:
        manifest["files"].append({"name": name, "size": 1, "sha256": "0" * 64})

    edited(folder, rename)
    assert "manifest.json has mistakes" in refusal(folder)


def drop_model(manifest: Any) -> None:
    manifest["files"] = [file for file in manifest["files"] if file["name"] != "model.onnx"]


@pytest.mark.parametrize(
    ("edit", "complaint"),
    [
        (drop_model, "model.onnx missing"),
        (lambda manifest: manifest.update(format=1), "format"),
        (lambda manifest: manifest.update(code="setup.py"), "code: Extra inputs"),
        (lambda manifest: manifest.pop("licence"), "licence: Field required"),
        (lambda manifest: manifest.update(context_tokens=10**9), "context_tokens"),
        (lambda manifest: manifest.pop("chat_template"), "chat_template, stop_tokens and each configuration"),
        (lambda manifest: manifest.update(encoder=EMBEDDING), "but no encoder"),
        (lambda manifest: manifest["variants"][0].pop("configuration"), "stop_tokens and each configuration"),
        (lambda manifest: manifest["files"][0].update(sha256="z"), "sha256"),
        (lambda manifest: manifest["files"].append(manifest["files"][0]), "a name twice"),
        (lambda manifest: manifest["measured"][0].update(right=10**6), "more right answers than questions"),
    ],
)
def test_manifests_with_mistakes(folder: Path, edit: Callable[[Any], None], complaint: str) -> None:
    edited(folder, edit)
    assert complaint in refusal(folder)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff", b"[" * 50_000, b" " * 1_000_001])
def test_manifests_that_are_none(folder: Path, text: bytes) -> None:
    (folder / "manifest.json").write_bytes(text)
    assert "manifest.json" in refusal(folder)


def test_the_documentation_lists_every_key_and_every_operator() -> None:
    page = (Path(__file__).parents[2] / "docs" / "model-manifest.md").read_text("utf-8")
    keys = (*manifest.documentation(), *manifest.documentation(manifest.Encoder))
    for line in (*keys, *operators.documentation()):
        assert line in page


def test_a_graph_in_a_format_that_nobody_inspects(folder: Path) -> None:
    edited(folder, lambda manifest: manifest["variants"][0].update(graph="model.ort"))
    assert "ends with .onnx" in refusal(folder)


def change(key: str, value: object) -> Callable[[Any], None]:
    return lambda manifest: manifest["encoder"].update({key: value})


@pytest.mark.parametrize(
    ("kind", "edit", "complaint"),
    [
        ("embedding", lambda manifest: manifest.update(kind="classification"), "labels are a classification's"),
        ("classification", lambda manifest: manifest.update(kind="embedding"), "labels are a classification's"),
        (
            "embedding",
            lambda manifest: manifest.update(kind="text-generation"),
            "chat_template.jinja, genai_config.json",
        ),
        ("embedding", lambda manifest: manifest.update(kind="translation"), "kind: Input should be"),
        ("embedding", lambda manifest: manifest.update(encoder=None), "an encoder, but nothing of text"),
        ("embedding", lambda manifest: manifest.update(stop_tokens=["</s>"]), "an encoder, but nothing of text"),
        ("classification", change("labels", ["one"]), "number of different labels"),
        ("classification", change("labels", ["one", "one"]), "number of different labels"),
        ("embedding", change("width", 0), "encoder.width"),
        ("embedding", change("width", 1 << 20), "encoder.width"),
        ("embedding", change("pooling", "first"), "encoder.pooling"),
        ("embedding", change("output", "a b"), "encoder.output"),
        ("embedding", change("program", "/bin/sh"), "encoder.program"),
        ("embedding", change("padding", "\x1b[2J"), "terminal would take for orders"),
    ],
)
def test_encoders_with_mistakes(tmp_path: Path, kind: str, edit: Callable[[Any], None], complaint: str) -> None:
    folder = tiny_encoder(tmp_path / "m", kind).path
    edited(folder, edit)
    assert complaint in refusal(folder)
