"""What is released cannot be called back: each thing that was forgotten once is asked for before."""

import shutil
import subprocess
from pathlib import Path

import pytest

from installers import release

pytestmark = pytest.mark.skipif(not shutil.which("git"), reason="needs git")


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=A", "-c", "user.email=a@b.invalid", "-c", "commit.gpgsign=false", "-c", "tag.gpgsign=false")
    command = ["git", *who, *words]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


@pytest.fixture
def ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout of a version that may be released."""
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## 1.2.3 (2026-11-22)\n\n- Better.\n")
    (tmp_path / "installers" / "linux").mkdir(parents=True)
    (tmp_path / "briefcase.toml").write_text('url = "https://example.org"\n')
    (tmp_path / "installers" / "linux" / "org.mulberry.Mulberry.metainfo.xml").write_text("<component/>\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "ready")
    git(tmp_path, "tag", "v1.2.3")
    monkeypatch.setattr(release, "ROOT", tmp_path)
    monkeypatch.setattr(release, "version", lambda: "1.2.3")
    monkeypatch.setenv("MULBERRY_SIGN", "git --any-command-that-is-there")
    return tmp_path


def test_a_checkout_with_all_in_place_may_be_released(ready: Path) -> None:
    assert release.obstacles() == []


@pytest.mark.parametrize(
    ("changelog", "sentence"),
    [
        ("## 1.2.2 (2026-11-22)", "CHANGELOG.md's newest version is 1.2.2, the code says 1.2.3."),
        ("## 1.2.3 (not released yet)", "CHANGELOG.md says that 1.2.3 is not released yet; put the day there."),
    ],
)
def test_the_changelog_must_tell_of_this_version(ready: Path, changelog: str, sentence: str) -> None:
    (ready / "CHANGELOG.md").write_text(f"# Changelog\n\n{changelog}\n\n- Better.\n")
    assert release.obstacles() == [sentence, "1 files differ from the commit: CHANGELOG.md."]


def test_a_made_up_address_reaches_no_owner(ready: Path) -> None:
    (ready / "briefcase.toml").write_text('author_email = "maintainers@mulberry.invalid"\n')
    git(ready, "commit", "-q", "-a", "-m", "made up")
    git(ready, "tag", "-f", "v1.2.3")
    assert release.obstacles() == [
        "briefcase.toml names maintainers@mulberry.invalid, which cannot exist; put the real one there."
    ]


def test_what_no_commit_holds_is_named(ready: Path) -> None:
    (ready / "new.py").write_text("")
    assert release.obstacles() == ["1 files differ from the commit: new.py."]


def test_an_untagged_commit_is_no_release(ready: Path) -> None:
    git(ready, "tag", "-d", "v1.2.3")
    assert release.obstacles() == ["The commit has no tag v1.2.3."]


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("", "MULBERRY_SIGN names no command that signs."),
        ("/nowhere/signer --key x", "MULBERRY_SIGN's command signer is not there."),
    ],
)
def test_it_must_be_signed(ready: Path, command: str, sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MULBERRY_SIGN", command)
    assert release.obstacles() == [sentence]
