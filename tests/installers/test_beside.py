"""The last step of every build is the last chance to notice that an artefact must not leave the house."""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from installers import budget, checksums, signing
from installers.base_requirements import read_names
from installers.beside import write_beside
from installers.project import ROOT
from made_up_packages import install

NEEDS_SH = pytest.mark.skipif(not shutil.which("sh"), reason="the false signer is a shell script")


@pytest.fixture(autouse=True)
def builders_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1763800000")
    monkeypatch.delenv("MULBERRY_SIGN", raising=False)


@pytest.fixture
def artefact(tmp_path: Path) -> Path:
    path = tmp_path / "dist" / "mulberry_0.1.0 a.deb"
    path.parent.mkdir()
    path.write_bytes(b"an artefact")
    return path


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    version = next(version for name, version in read_names(ROOT / "requirements.lock") if name == "idna")
    return install(tmp_path / "tree" / "packages", "idna", version)


def signer(folder: Path, body: str) -> str:
    """A command line, quoted as a release engineer would, that runs `body` with the artefact as its second argument."""
    script = folder / "my signer"
    script.write_text(f"#!/bin/sh\n{body}\n")
    script.chmod(0o755)
    return f"'{script}' --key release"


def sums(folder: Path) -> dict[str, str]:
    lines = (folder / checksums.NAME).read_text().splitlines()
    return {name: digest for digest, name in (line.split("  ", 1) for line in lines)}


def test_list_and_checksums_lie_beside_an_artefact(artefact: Path, packages: Path) -> None:
    write_beside(artefact, packages.parent, packages=packages)
    assert sorted(path.name for path in artefact.parent.iterdir()) == [
        "SHA256SUMS",
        "mulberry_0.1.0 a.deb",
        "mulberry_0.1.0 a.deb.cdx.json",
    ]
    listed = json.loads((artefact.parent / "mulberry_0.1.0 a.deb.cdx.json").read_text())
    digest = hashlib.sha256(b"an artefact").hexdigest()
    assert sums(artefact.parent)["mulberry_0.1.0 a.deb"] == digest
    assert listed["metadata"]["component"]["hashes"][0]["content"] == digest


def test_the_list_names_tons_emulator_where_it_is_in_the_tree(artefact: Path, packages: Path) -> None:
    listed = artefact.with_name(artefact.name + ".cdx.json")
    write_beside(artefact, packages.parent, packages=packages)
    assert "ton-emulator" not in listed.read_text()
    (packages.parent / "emulator.wasm").write_bytes(b"\0asm")
    write_beside(artefact, packages.parent, packages=packages)
    assert "ton-emulator" in listed.read_text()


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="needs coreutils")
def test_sha256sum_itself_agrees(artefact: Path, packages: Path) -> None:
    write_beside(artefact, packages.parent, packages=packages)
    command = ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"]
    subprocess.run(command, cwd=artefact.parent, check=True)


def test_a_second_artefact_joins_the_first_and_a_new_build_replaces_its_own_line(
    artefact: Path, packages: Path
) -> None:
    other = artefact.with_name("mulberry.whl")
    other.write_bytes(b"a wheel")
    write_beside(artefact, packages.parent, packages=packages)
    write_beside(other, None, packages=None)
    artefact.write_bytes(b"built again")
    write_beside(artefact, packages.parent, packages=packages)
    known = sums(artefact.parent)
    assert len(known) == 4
    assert known["mulberry_0.1.0 a.deb"] == hashlib.sha256(b"built again").hexdigest()
    other.unlink()
    write_beside(artefact, packages.parent, packages=packages)
    assert "mulberry.whl" not in sums(artefact.parent)


@NEEDS_SH
def test_a_signature_beside_is_made_by_the_engineers_command_and_summed(
    artefact: Path, packages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MULBERRY_SIGN", signer(tmp_path, 'test "$1 $2" = "--key release" && echo signed > "$3.asc"'))
    write_beside(artefact, packages.parent, packages=packages)
    assert sums(artefact.parent)["mulberry_0.1.0 a.deb.asc"] == hashlib.sha256(b"signed\n").hexdigest()


@NEEDS_SH
def test_what_signs_in_place_is_listed_and_summed_as_it_then_is(
    artefact: Path, packages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """signtool and debsigs change the artefact itself: an earlier checksum would fail at every user's."""
    monkeypatch.setenv("MULBERRY_SIGN", signer(tmp_path, 'printf " with signature" >> "$3"'))
    write_beside(artefact, packages.parent, packages=packages)
    digest = hashlib.sha256(b"an artefact with signature").hexdigest()
    listed = json.loads((artefact.parent / "mulberry_0.1.0 a.deb.cdx.json").read_text())
    assert sums(artefact.parent)["mulberry_0.1.0 a.deb"] == digest
    assert listed["metadata"]["component"]["hashes"][0]["content"] == digest


@NEEDS_SH
def test_a_signer_that_fails_fails_the_build(
    artefact: Path, packages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MULBERRY_SIGN", signer(tmp_path, "exit 7"))
    with pytest.raises(SystemExit, match=r"not signed: .* ended with 7"):
        write_beside(artefact, packages.parent, packages=packages)
    assert list(artefact.parent.iterdir()) == [], "somebody would publish it"


def test_a_signer_that_is_not_there_fails_the_build(artefact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MULBERRY_SIGN", "no-such-signer --key release")
    with pytest.raises(SystemExit, match="no-such-signer cannot be run"):
        signing.sign(artefact)


def test_no_signer_is_no_failure_and_no_signature(artefact: Path) -> None:
    assert signing.sign(artefact) is False
    assert signing.signatures_beside(artefact) == []


def test_something_big_that_slipped_in_is_named(
    artefact: Path, packages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = {"packed": 1.0, "unpacked": 3.0, "other": 0.5, "folders": {"known": 2.0}}
    monkeypatch.setattr(
        budget, "BUDGETS", {"other*.deb": {"packed": 0.0}, "mulberry*.deb": limits, "*": {"packed": 9.0}}
    )
    for folder, megabytes in (("known", 1.9), ("newcomer", 1.2)):
        (packages / folder).mkdir()
        (packages / folder / "data").write_bytes(bytes(int(megabytes * budget.MEGABYTE)))
    with pytest.raises(SystemExit) as stop:
        write_beside(artefact, packages.parent, packages=packages)
    message = str(stop.value)
    assert "packages, unpacked: 3.1 MB, 3.0 MB allowed" in message
    assert "newcomer: 1.2 MB, 0.5 MB allowed" in message
    assert "The largest: known 1.9 MB, newcomer 1.2 MB" in message
    assert "\nknown:" not in message


def test_an_artefact_of_an_unknown_kind_has_no_budget_to_be_within(tmp_path: Path) -> None:
    (tmp_path / "mulberry.rpm").write_bytes(b"")
    with pytest.raises(SystemExit, match=r"no limit for mulberry.rpm"):
        budget.check(tmp_path / "mulberry.rpm")


def test_each_budget_can_be_kept() -> None:
    for name, limits in budget.BUDGETS.items():
        assert limits["packed"] > 0, name
        if folders := limits.get("folders"):
            assert all(limit > limits["other"] for limit in folders.values()), "a named folder needs no line of its own"
            assert limits["packed"] < limits["unpacked"]
