"""Shipping others' work without their licence is a wrong done to them; a licence that forbids shipping is worse."""

from importlib.metadata import distribution
from pathlib import Path

import pytest

from installers.base_requirements import read_names
from installers.licences import TABLE, TEXTS, collect, gather, is_allowed, native_parts
from installers.project import ROOT
from made_up_packages import install

LOCKED = frozenset(name for name, _ in read_names(ROOT / "requirements.lock"))


def test_everything_that_is_installed_to_run_has_an_allowed_licence_and_its_text() -> None:
    """A new dependency fails here until somebody has read its licence."""
    here = Path(str(distribution("pydantic").locate_file("")))
    licensed = gather(here, only=LOCKED)
    assert len(licensed) > 50
    for one in licensed:
        longest = max(path.stat().st_size for _, path in one.texts)
        assert longest > 200, f"{one.shipped.name}: {[name for name, _ in one.texts]} is no licence"


def test_the_table_speaks_only_of_what_is_locked() -> None:
    assert set(TABLE["stated"]) | set(TABLE["texts"]) <= LOCKED
    assert {name for names in TABLE["texts"].values() for name in names} == {path.name for path in TEXTS.iterdir()}


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("MIT AND BSD-3-Clause", True),
        ("GPL-3.0-only OR MIT", True),
        ("GPL-3.0-only", False),
        ("MIT AND GPL-3.0-only", False),
        ("MIT AND (Apache-2.0 OR GPL-3.0-only)", False),  # brackets are for a person to read
        ("AGPL-3.0-or-later", False),
        ("Proprietary", False),
        ("", False),
    ],
)
def test_a_licence_is_allowed_by_one_alternative_whose_parts_all_are(expression: str, allowed: bool) -> None:
    assert is_allowed(expression) == allowed


def test_a_newcomer_that_may_not_be_shipped_is_named_with_its_reason(tmp_path: Path) -> None:
    install(tmp_path, "fine")
    install(tmp_path, "copyleft", licence="AGPL-3.0-only")
    install(tmp_path, "silent", licence="", files={"silent.py": b""})
    with pytest.raises(SystemExit) as stop:
        gather(tmp_path)
    message = str(stop.value)
    assert "copyleft 1.0: its licence 'AGPL-3.0-only' is not on the list" in message
    assert "silent 1.0: its licence '(none stated)' is not on the list" in message
    assert "silent 1.0: no licence text in its files" in message
    assert "fine" not in message


def test_a_folder_without_packages_is_no_success(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no Python packages"):
        gather(tmp_path)


def test_the_collection_holds_each_text_and_those_that_wheels_forget(tmp_path: Path) -> None:
    packages, target = tmp_path / "packages", tmp_path / "licences"
    install(
        packages, "numpy", "2.4.6", files={"@licenses/LICENSE.txt": b"NumPy's", "@licenses/numpy/ma/LICENSE": b"ma's"}
    )
    install(packages, "PySide6_Essentials", "6.11.3", files={"PySide6/__init__.py": b""})

    collect(packages, target)

    assert (target / "numpy/LICENSE.txt").read_bytes() == b"NumPy's"
    assert (target / "numpy/numpy/ma/LICENSE").read_bytes() == b"ma's"
    assert "GNU LESSER GENERAL PUBLIC LICENSE" in (target / "pyside6-essentials/LGPL-3.0.txt").read_text()
    assert "GNU GENERAL PUBLIC LICENSE" in (target / "pyside6-essentials/GPL-3.0.txt").read_text()
    assert "Apache License" in (target / "mulberry/LICENSE").read_text()
    assert "GNU LIBRARY GENERAL PUBLIC LICENSE" in (target / "ton-emulator/LICENSE.LGPL-2").read_text()
    assert "NVIDIA CORPORATION" in (target / "nvidia-roots/README.md").read_text()
    assert "pyside6-essentials 6.11.3: LGPL-3.0-only" in (target / "README.txt").read_text()


def test_compiled_parts_of_others_are_found_with_the_version_that_they_tell(tmp_path: Path) -> None:
    libraries = {
        "cryptography/hazmat/bindings/_rust.abi3.so": b"\0\0OpenSSL 3.5.1 1 Jul 2026\0",
        "numpy.libs/libgfortran-0.so.5": b"\x7fELF",
    }
    install(tmp_path, "cryptography", files=libraries)
    found = [(part.name, part.version, part.licence) for part in native_parts(tmp_path)]
    assert found == [("OpenSSL", "3.5.1", "Apache-2.0"), ("libgfortran", "", "GPL-3.0-or-later WITH GCC-exception-3.1")]
