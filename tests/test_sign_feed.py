"""Whoever publishes Mulberry holds the keys to every owner's computer: the tool must be hard to use wrongly."""

import importlib.util
import io
import json
import stat
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import pytest

from installers.deb import APP, ENGINE, System, Versions
from mulberry.agent.updates.feed import open_feed, read_keys

TOOL = Path(__file__).resolve().parents[1] / "tools" / "sign_feed.py"
BOOKWORM, NOBLE = System("debian", "12", "bookworm", "3.11"), System("ubuntu", "24.04", "noble", "3.12")
ENGINE_VERSION = "1.31.1+numpy2.4.6+tokenizers0.23.3+wasmtime50.0.1+protobuf7.36.2+flatbuffers25.12.19"
PASSPHRASE = "silk worms eat mulberry leaves\n"


def packages_of(version: str, system: System = BOOKWORM) -> tuple[str, str]:
    """The names that installers/deb.py gives them."""
    versions = Versions(version, ENGINE_VERSION, system.suffix)
    app, engine = (f"{binary.name}_{versions.of(binary)}_amd64.deb" for binary in (APP, ENGINE))
    return app, engine


@dataclass
class Result:
    """`problem` is what it ended with, "" if all went well. Anything but a sentence of its own is raised."""

    shown: str
    problem: str = ""


def main() -> None:
    specification = importlib.util.spec_from_file_location("sign_feed", TOOL)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    with patch.dict(sys.modules, {"sign_feed": module}):
        specification.loader.exec_module(module)
        module.main()


def run(*words: str | Path, said: str = PASSPHRASE) -> Result:
    shown = io.StringIO()
    with (
        redirect_stdout(shown),
        patch.object(sys, "argv", ["sign_feed", *map(str, words)]),
        patch.object(sys, "stdin", io.StringIO(said)),
    ):
        try:
            main()
        except SystemExit as ended:
            return Result(shown.getvalue(), str(ended.code))
    return Result(shown.getvalue())


def done(*words: str | Path) -> str:
    result = run(*words)
    assert result.problem == ""
    return result.shown


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], list[str]]:
    """Two secret files and the public keys."""
    secrets = [tmp_path_factory.mktemp("keys") / name for name in ("anna.pem", "bob.pem")]
    return secrets, [done("make-key", secret).strip() for secret in secrets]


@pytest.fixture
def releases(tmp_path: Path) -> Path:
    folder = tmp_path / "releases"
    for version, day in (("0.9.0", "2026-10-01"), ("0.10.0", "2026-11-20")):
        (folder / version).mkdir(parents=True)
        (folder / version / "NOTES.txt").write_text(f"{day}\nFaster <b>start</b>.\n")
        for package in packages_of(version):
            (folder / version / package).write_bytes(b"a package")
        (folder / version / f"mulberry-{version}-py3-none-any.whl").write_bytes(b"a wheel")
    return folder


def test_a_secret_key_is_for_its_owners_eyes_and_under_a_passphrase(
    keys: tuple[list[Path], list[str]], tmp_path: Path
) -> None:
    secret = keys[0][0]
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert b"ENCRYPTED PRIVATE KEY" in secret.read_bytes()
    before = secret.read_bytes()
    again = run("make-key", secret)
    assert "is there already" in again.problem
    assert secret.read_bytes() == before
    short = run("make-key", tmp_path / "short.pem", said="silk\n")
    assert "at least 12 characters" in short.problem
    assert not (tmp_path / "short.pem").exists()


def test_a_feed_is_drafted_signed_by_several_and_verified(
    keys: tuple[list[Path], list[str]], releases: Path, tmp_path: Path
) -> None:
    (anna, bob), public = keys
    pinned = tmp_path / "keys.json"
    done("keys", pinned, "--threshold", "2", *public)
    done("draft", releases)
    done("sign", releases, anna)
    assert "signed by 1 of the release keys; it takes 2" in run("verify", releases, pinned).problem
    shown = done("sign", releases, bob)
    assert f"With the key {public[1]} you sign" in shown
    assert f"0.10.0/{packages_of('0.10.0')[0]}" in shown
    assert "    | Faster <b>start</b>." in shown, "every owner reads it as the maintainers' word"
    assert "All of it holds." in done("verify", releases, pinned)
    feed = open_feed((releases / "feed.json").read_bytes(), read_keys(pinned.read_bytes())).feed
    assert [release.version for release in feed.releases] == ["0.10.0", "0.9.0"]
    assert feed.releases[0].notes == "Faster <b>start</b>."
    assert {(each.kind, each.system, each.machine) for each in feed.releases[0].artefacts} == {
        ("deb", BOOKWORM.release, "x86_64"),
        ("wheel", "any", "any"),
    }
    assert [file.path for each in feed.releases[0].artefacts if each.kind == "deb" for file in each.files] == [
        f"0.10.0/{package}" for package in packages_of("0.10.0")
    ]
    done("draft", releases)
    assert "signed by 0" in run("verify", releases, pinned).problem, "another feed needs new signatures"
    done("sign", releases, anna)
    done("sign", releases, bob)
    assert open_feed((releases / "feed.json").read_bytes(), read_keys(pinned.read_bytes())).feed.sequence == 2
    for name in packages_of("0.9.0"):
        package = releases / "0.9.0" / name
        package.write_bytes(b"b package")
        assert f"{package.name} is not the file that the feed names" in run("verify", releases, pinned).problem
        package.write_bytes(b"a package")
    assert "All of it holds." in done("verify", releases, pinned)


def test_keys_are_changed_with_the_old_ones_word_and_the_new_ones(
    keys: tuple[list[Path], list[str]], releases: Path, tmp_path: Path
) -> None:
    (anna, bob), public = keys
    pinned = tmp_path / "keys.json"
    done("keys", pinned, "--threshold", "1", public[0])
    done("draft", releases)
    done("change-keys", releases, pinned, "--threshold", "1", public[1])
    done("sign", releases, bob)
    assert "A change of the release keys is signed by 0" in run("verify", releases, pinned).problem
    assert "not signed without --keys-too" in done("sign", releases, anna)
    done("sign", releases, anna, "--keys-too")
    assert "have not shown that somebody holds them" in run("verify", releases, pinned).problem
    done("sign", releases, bob, "--keys-too")
    assert "All of it holds." in done("verify", releases, pinned)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda folder: (folder / "0.9.0" / "mulberry.tar.gz").touch(), "is no artefact"),
        (lambda folder: (folder / "0.9.0" / "NOTES.txt").unlink(), "NOTES.txt"),
        (lambda folder: (folder / "0.9.0" / "NOTES.txt").write_text("soon\n"), "isoformat"),
        (lambda folder: (folder / "one").mkdir(), "three numbers"),
        (lambda folder: (folder / "feed.json").write_text("{}"), "feed"),
        (
            lambda folder: next(folder.glob("0.9.0/mulberry-engine_*")).unlink(),
            "debian12 on x86_64 it takes one package",
        ),
        (
            lambda folder: (folder / "0.9.0" / packages_of("0.9.0", NOBLE)[0]).touch(),
            "For ubuntu24.04 on x86_64",
        ),
        (lambda folder: (folder / "0.9.0" / "mulberry_0.9.0-2~debian12_amd64.deb").touch(), "one package each"),
        (lambda folder: (folder / "0.9.0" / "mulberry_0.9.0-1~debian12~draft_amd64.deb").touch(), "is a draft"),
        (lambda folder: (folder / "0.9.0" / "mulberry-0.9.0-py4-none-any.whl").touch(), "are for the same computers"),
    ],
)
def test_a_folder_that_is_not_as_it_should_be_makes_no_feed(
    releases: Path, spoil: Callable[[Path], object], words: str
) -> None:
    spoil(releases)
    result = run("draft", releases)
    assert words in result.problem


def test_a_wrong_passphrase_signs_nothing(keys: tuple[list[Path], list[str]], releases: Path) -> None:
    done("draft", releases)
    result = run("sign", releases, keys[0][0], said="another passphrase\n")
    assert result.problem.startswith("sign_feed: ")
    assert json.loads((releases / "feed.json").read_bytes())["feed"]["signatures"] == []
