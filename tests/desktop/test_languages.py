"""An owner who reads no English must not find it between the lines of their own language."""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import mulberry.desktop
from pseudo_language import WORD, outside

TESTS = Path(__file__).resolve().parent.parent
WINDOW = Path(mulberry.desktop.__file__).parent
NAMES = {"CUDA", "GPU", "IOMMU", "Mulberry", "Python", "QEMU", "SGX", "TPM 2.0", "VBIOS", "VFIO", "WSL"}
OF_THE_SAMPLES = {"Model", "Driver"}  # the agent in memory states them, in English


def literals() -> Iterator[str]:
    """What stands in the window's own code between quotes, has a word in it, and goes through no catalogue."""
    for file in WINDOW.glob("*.py"):
        tree = ast.parse(file.read_text("utf-8"))
        gathered = {
            id(word)
            for call in ast.walk(tree)
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in ("tr", "tr_count")
            for word in call.args
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in gathered:
                yield node.value.strip(" .:,")


@pytest.fixture(scope="module")
def untranslated() -> dict[str, list[str]]:
    """Page by page, what the window showed of words that came from no catalogue."""
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": os.pathsep.join(sys.path)}
    program = [sys.executable, str(TESTS / "pseudo_language.py")]
    shown = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=55, check=True).stdout
    found: dict[str, list[str]] = json.loads(shown)
    return found


def test_what_stands_outside_the_brackets_is_found() -> None:
    assert outside("⟦Earned⟧: 4 TON ⟦by ⟦two⟧ jobs⟧").split() == [":", "4", "TON"]
    assert "Press Start" in outside("⟦Ready.⟧ Press Start")


def test_all_words_of_the_window_come_from_the_catalogues(untranslated: dict[str, list[str]]) -> None:
    assert len(untranslated) == 11, "the pages were drawn"
    own = {literal for literal in literals() if WORD.search(literal)} - NAMES - OF_THE_SAMPLES
    sentences = {literal for literal in own if " " in literal and len(literal) > 8}
    for page, texts in untranslated.items():
        for text in texts:
            words = outside(text).strip(" .:,|")
            assert words not in own, f"{page}: {text}"
            assert not any(sentence in words for sentence in sentences), f"{page}: {text}"
