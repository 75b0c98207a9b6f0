"""Collateral that is found but old, or not found but there, decides whether the real network can be joined."""

from pathlib import Path

import pytest

from mulberry.attestation.collateral import CollateralFolder, Shelved, expiry
from synthetic_tdx import COLLATERAL_ENDS, FMSPC, SyntheticIntel


def test_the_shelf_shows_what_is_there_and_until_when(intel: SyntheticIntel, tmp_path: Path) -> None:
    collateral = intel.collateral()
    (tmp_path / f"{FMSPC}_platform.json").write_text(collateral, encoding="utf-8")
    (tmp_path / f"{FMSPC}_processor.json").write_text("{", encoding="utf-8")
    (tmp_path / "notes.json").write_text("{}", encoding="utf-8")
    folder = CollateralFolder(tmp_path)
    assert folder.find(FMSPC, "platform") == collateral
    assert folder.shelf() == [Shelved(FMSPC, "platform", COLLATERAL_ENDS), Shelved(FMSPC, "processor", None)]


def test_a_folder_that_is_not_there_is_an_empty_shelf(tmp_path: Path) -> None:
    assert CollateralFolder(tmp_path / "none").shelf() == []
    assert CollateralFolder(tmp_path / "none").find(FMSPC, "platform") is None


@pytest.mark.parametrize(("fmspc", "ca"), [("../secret", "platform"), (FMSPC, "platform/../x"), ("", ""), (FMSPC, "X")])
def test_a_strangers_certificate_names_no_paths(tmp_path: Path, fmspc: str, ca: str) -> None:
    folder = tmp_path / "collateral"
    folder.mkdir()
    (tmp_path / "secret_platform.json").write_text("secret", encoding="utf-8")
    assert CollateralFolder(folder).find(fmspc, ca) is None


def test_collateral_too_large_or_not_text_is_no_collateral(tmp_path: Path) -> None:
    path = tmp_path / f"{FMSPC}_platform.json"
    for content in (bytes(70_000), b"\xff\xfe"):
        path.write_bytes(content)
        assert CollateralFolder(tmp_path).find(FMSPC, "platform") is None


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "{}", '{"tcb_info": "{}"}', '{"tcb_info": "[]", "qe_identity": 1}', "[" * 100_000]
)
def test_what_is_no_collateral_has_no_end(text: str) -> None:
    with pytest.raises(ValueError, match="not collateral for TDX quotes"):
        expiry(text)
