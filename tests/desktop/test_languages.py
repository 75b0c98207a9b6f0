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
from attestation_samples import DESKTOP, TEST
from mulberry.desktop.attestation_wording import share_text
from mulberry.desktop.sidebar import PAGES
from mulberry.model.first_run import FirstStep
from mulberry.model.language import ENGLISH, LANGUAGES
from mulberry.model.proof import AttestationStatus
from window_in_a_language import BRACKETS, WORD, outside

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


def wrong_texts(language: str) -> dict[str, list[str]]:
    """What a window in that language, in a process of its own, shows that it should not, page by page."""
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": os.pathsep.join(sys.path)}
    program = [sys.executable, str(TESTS / "window_in_a_language.py"), language]
    shown = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=55, check=True).stdout
    found: dict[str, list[str]] = json.loads(shown)
    assert len(found) == len(PAGES) + len(FirstStep), "all were drawn"
    return found


def test_what_stands_outside_the_brackets_is_found() -> None:
    assert outside("⟦Earned⟧: 4 TON ⟦by ⟦two⟧ jobs⟧").split() == [":", "4", "TON"]
    assert "Press Start" in outside("⟦Ready.⟧ Press Start")


def test_all_words_of_the_window_come_from_the_catalogues() -> None:
    own = {literal for literal in literals() if WORD.search(literal)} - NAMES - OF_THE_SAMPLES
    sentences = {literal for literal in own if " " in literal and len(literal) > 8}
    for page, texts in wrong_texts(BRACKETS).items():
        for text in texts:
            words = outside(text).strip(" .:,|")
            assert words not in own, f"{page}: {text}"
            assert not any(sentence in words for sentence in sentences), f"{page}: {text}"


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != ENGLISH])
def test_no_language_is_too_long_for_the_window(language: str) -> None:
    cut = {page: texts for page, texts in wrong_texts(language).items() if texts}
    assert cut == {}


COPIED_IN_GERMAN = """
import json, sys
from mulberry.model import language
language.use("de")
from PySide6.QtWidgets import QApplication
application = QApplication([])
from attestation_samples import DESKTOP, TEST
from mulberry.desktop.about_page import AboutPage
from mulberry.desktop.attestation_wording import share_text
from mulberry.desktop.theme import Theme
from mulberry.model.proof import AttestationStatus
about = AboutPage(Theme(application), None)
about.copy.click()
copied = [application.clipboard().text(), *map(share_text, (DESKTOP, TEST, AttestationStatus()))]
sys.stdout.write(json.dumps([str(language.tr("Cancel")), *copied]))
"""


def test_what_is_copied_for_others_is_in_english() -> None:
    """A helper abroad reads it; its owner reads the same on the page, in their own language."""
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": os.pathsep.join((str(TESTS), *sys.path))}
    program = [sys.executable, "-c", COPIED_IN_GERMAN]
    shown = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=55, check=True).stdout
    cancel, versions, *summaries = json.loads(shown)
    assert cancel == "Abbrechen", "the process speaks German"
    assert versions.startswith("This window: ")
    assert "The agent: it has not answered yet" in versions
    assert summaries == [share_text(status) for status in (DESKTOP, TEST, AttestationStatus())]
