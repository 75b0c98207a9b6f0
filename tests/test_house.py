"""The promises of the repository itself: a lock that leaks no host, one onnxruntime, files small enough to read."""

import ast
import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements.lock", "requirements-dev.lock")
TOOL_LOCKS = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "installers").glob("requirements-*.lock"))
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SOURCES = sorted(path for folder in ("app", "installers") for path in (ROOT / folder).rglob("*.py"))


def locked(lock: str) -> dict[str, list[str]]:
    """Package name to its blocks: one a version, each with hashes."""
    blocks = re.split(r"\n(?=\S)", (ROOT / lock).read_text().strip())
    packages: dict[str, list[str]] = {}
    for block in blocks:
        packages.setdefault(block.partition("==")[0], []).append(block)
    return packages


@pytest.mark.parametrize("lock", [*LOCKS, *TOOL_LOCKS])
def test_a_lock_names_no_host_and_hashes_every_package(lock: str) -> None:
    assert "://" not in (ROOT / lock).read_text()
    for name, blocks in locked(lock).items():
        for block in blocks:
            assert "--hash=sha256:" in block, f"{name} has no hash"


@pytest.mark.parametrize("lock", TOOL_LOCKS)
def test_a_packagers_tool_is_locked_in_the_version_that_is_asked_for(lock: str) -> None:
    asked = (ROOT / lock).with_suffix(".in").read_text().splitlines()
    pinned = {block.partition(" ")[0] for blocks in locked(lock).values() for block in blocks}
    assert asked
    assert set(asked) <= pinned


@pytest.mark.parametrize("lock", LOCKS)
def test_every_dependency_is_locked(lock: str) -> None:
    packages = locked(lock)
    for requirement in PYPROJECT["project"]["dependencies"]:
        name = re.match(r"[\w.-]+", requirement)
        assert name and name[0].lower() in packages, requirement


def test_every_dependency_is_justified_in_the_docs() -> None:
    told = (ROOT / "docs" / "dependencies.md").read_text().lower()
    for requirement in PYPROJECT["project"]["dependencies"] + PYPROJECT["dependency-groups"]["dev"]:
        name = re.match(r"[\w.-]+", requirement)
        assert name is not None
        if not name[0].startswith("types-"):
            assert name[0].lower() in told, f"docs/dependencies.md does not say why {name[0]} is here"


def test_exactly_one_onnxruntime_is_installed() -> None:
    """Two of them overwrite each other's files, and pip does not notice."""
    variants = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-windowsml")
    installed = {d.metadata["Name"].lower() for d in metadata.distributions()} & set(variants)
    assert len(installed) == 1, installed


def test_briefcase_repeats_nothing_that_pyproject_says() -> None:
    briefcase = tomllib.loads((ROOT / "briefcase.toml").read_text())
    assert "version" not in briefcase
    assert "requires" not in briefcase["app"]["mulberry"]
    assert all((ROOT / source).is_dir() for source in briefcase["app"]["mulberry"]["sources"])


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_a_source_file_is_small_and_says_what_it_is(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= 420, f"{path.name} has {text.count(chr(10))} lines; is it still one thing?"
    assert ast.get_docstring(ast.parse(text)), f"{path.name} does not say what it is"


def test_the_docs_link_to_files_that_exist() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} links to {target}, which is not there"
