"""What is packaged must be what was tested: one version, one list of requirements, one description, nothing missing."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from installers.base_requirements import TARGETS, base_requirements
from installers.project import ROOT, version
from installers.stage import REQUIREMENTS, SYSTEM_TREE, TEMPLATE, grafted, stage

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONFIGURED: dict[str, Any] = tomllib.loads((ROOT / "briefcase.toml").read_text())


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stage(tmp_path_factory.mktemp("staged") / "with spaces and ünïcode")


def test_briefcase_and_the_project_tell_the_same() -> None:
    app = CONFIGURED["app"]["mulberry"]
    assert app["formal_name"].lower() == PROJECT["name"]
    assert app["description"] == PROJECT["description"].replace(", the confidential AI network on TON,", "")
    assert CONFIGURED["license"] == PROJECT["license"]
    assert CONFIGURED["license-files"] == PROJECT["license-files"]
    assert "version" not in CONFIGURED
    assert "requires" not in app


def test_the_staged_configuration_has_the_version_and_every_locked_requirement(staged: Path) -> None:
    told = tomllib.loads((staged / "pyproject.toml").read_text())["tool"]["briefcase"]
    assert told["version"] == version()
    app = told["app"]["mulberry"]
    assert app["requires"] == [f"-r{REQUIREMENTS}"]
    assert app["requirement_installer_args"] == ["--no-deps", "--require-hashes"]
    lock = (staged / REQUIREMENTS).read_text()
    assert all(str(locked) in lock for locked in base_requirements(TARGETS["debian-12"]))
    assert "onnxruntime-gpu" not in lock


def test_grafting_moves_every_table_and_changes_nothing_else() -> None:
    text = (ROOT / "briefcase.toml").read_text()
    told = tomllib.loads(grafted(text, "1.2.3"))["tool"]["briefcase"]
    added = {"requires", "requirement_installer_args"}
    app = told["app"].pop("mulberry")
    expected = dict(CONFIGURED)
    assert {key: value for key, value in app.items() if key not in added} == expected.pop("app")["mulberry"]
    assert told == {**expected, "app": {}, "version": "1.2.3"}


def test_what_the_app_reads_is_inside_it_and_what_only_developers_read_is_not(staged: Path) -> None:
    app = staged / "app" / "mulberry"
    assert (app / "resources" / "networks" / "demo.json").is_file()
    assert (app / "resources" / "updates" / "installed-by").read_text() == "deb\n"
    assert not [path for path in app.rglob("*") if path.suffix in (".po", ".pyc") or path.name == "__pycache__"]


def test_every_file_that_the_configuration_names_is_staged(staged: Path) -> None:
    told = tomllib.loads((staged / "pyproject.toml").read_text())["tool"]["briefcase"]
    app = told["app"]["mulberry"]
    system = app["linux"]["system"]
    for name in (*told["license-files"], *app["sources"], system["template"], system["man_page"], "CHANGELOG.md"):
        assert (staged / name).exists(), name


def test_the_system_tree_has_all_that_a_desktop_looks_for(staged: Path) -> None:
    usr = staged / TEMPLATE / SYSTEM_TREE / "usr"
    for name in (
        "share/applications/mulberry.desktop",
        "share/metainfo/org.mulberry.Mulberry.metainfo.xml",
        "share/icons/hicolor/scalable/apps/mulberry.svg",
        "share/icons/hicolor/48x48/apps/mulberry.png",
        "share/icons/hicolor/512x512/apps/mulberry.png",
        "share/man/man1/mulberry-status.1.gz",
        "share/bash-completion/completions/mulberry",
        "share/zsh/vendor-completions/_mulberry",
        "share/fish/vendor_completions.d/mulberry.fish",
        "lib/systemd/user/mulberry-agent.service",
    ):
        assert (usr / name).stat().st_size > 0, name
