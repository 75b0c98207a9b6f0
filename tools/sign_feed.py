"""Makes the release feed: for those who publish Mulberry. docs/updates.md says how it is used.

    python tools/sign_feed.py make-key SECRET_FILE
    python tools/sign_feed.py keys KEYS_FILE --threshold 2 PUBLIC_KEY...
    python tools/sign_feed.py draft FOLDER
    python tools/sign_feed.py change-keys FOLDER KEYS_FILE --threshold 2 PUBLIC_KEY...
    python tools/sign_feed.py sign FOLDER SECRET_FILE
    python tools/sign_feed.py verify FOLDER KEYS_FILE

Nothing of it needs a network. A passphrase is read from the standard input, never from the command line.
"""

import argparse
import getpass
import hashlib
import re
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mulberry.agent.updates.feed import (
    FEED_KIND,
    KEYS_KIND,
    MOST_FEED_BYTES,
    Feed,
    FeedRefused,
    ReleaseKeys,
    check_time,
    open_feed,
    read_keys,
    write_feed,
)
from mulberry.agent.updates.fetching import is_whole
from mulberry.agent.updates.signed import Envelope, NotSigned, read_envelope, sign
from mulberry.cocoon.strict_json import JsonError, parse_object
from mulberry.model.encoding import from_json, to_json
from mulberry.model.files import read_bounded, write_whole
from mulberry.model.text import plain
from mulberry.model.update import ANY, Artefact, Release, ReleaseFile, Version

FEED, NOTES = "feed.json", "NOTES.txt"
PACKAGES = ("mulberry", "mulberry-engine")  # of Debian: installed in one step, whichever of them has changed
BUILT_FOR = re.compile(r"~([a-z][a-z0-9.]*)_[a-z0-9]+")  # the end of a Debian package's name, as ~debian12_amd64
KINDS = {".deb": ("deb", "linux"), ".exe": ("windows", "windows"), ".AppImage": ("appimage", "linux")}
MACHINES = {"amd64": "x86_64", "x86_64": "x86_64", "arm64": "aarch64", "aarch64": "aarch64"}
SHORTEST_PASSPHRASE = 12
DAYS = 30


class Mistake(Exception):
    """Of whoever runs this. The text is a sentence."""


def make_key(arguments: argparse.Namespace) -> None:
    """A new release key: the secret half into a file under a passphrase, the public half onto the screen."""
    if arguments.secret.exists():
        raise Mistake(f"{arguments.secret} is there already, and stays.")
    passphrase = ask_passphrase()
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise Mistake(f"A passphrase has at least {SHORTEST_PASSPHRASE} characters.")
    key = Ed25519PrivateKey.generate()
    sealed = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase.encode()),
    )
    write_whole(arguments.secret, sealed)
    print(key.public_key().public_bytes_raw().hex())


def write_keys(arguments: argparse.Namespace) -> None:
    """The release keys that come with Mulberry, for `resources/updates/keys.json`."""
    keys = ReleaseKeys(1, arguments.threshold, tuple(arguments.public))
    arguments.keys.write_bytes(to_json(ReleaseKeys, keys) + b"\n")


def draft(arguments: argparse.Namespace) -> None:
    """The next feed of what lies in the folder, one folder a version, without signatures."""
    before, changes = read_parts(arguments.folder)
    sequence = from_json(Feed, before.payload).sequence + 1 if before else 1
    now = datetime.now(UTC).replace(microsecond=0)
    feed = Feed(sequence, now, now + timedelta(days=arguments.days), releases_in(arguments.folder))
    write_parts(arguments.folder, Envelope(FEED_KIND, to_json(Feed, feed), ()), changes)
    print_feed(feed)


def change_keys(arguments: argparse.Namespace) -> None:
    """Other release keys from now on. The old ones must sign that, and the new ones, as many of each as it takes."""
    envelope, changes = read_parts(arguments.folder)
    if envelope is None:
        raise Mistake("There is no feed yet; make a draft first.")
    last = read_keys(changes[-1].payload) if changes else read_keys(arguments.keys.read_bytes())
    keys = ReleaseKeys(last.version + 1, arguments.threshold, tuple(arguments.public))
    write_parts(arguments.folder, envelope, [*changes, Envelope(KEYS_KIND, to_json(ReleaseKeys, keys), ())])
    print_keys(keys)


def sign_all(arguments: argparse.Namespace) -> None:
    """Shows what it signs. Whoever holds a key looks at that before the feed is published."""
    envelope, changes = read_parts(arguments.folder)
    if envelope is None:
        raise Mistake("There is no feed yet; make a draft first.")
    secret = serialization.load_pem_private_key(arguments.secret.read_bytes(), ask_passphrase().encode())
    if not isinstance(secret, Ed25519PrivateKey):
        raise Mistake(f"{arguments.secret} is no Ed25519 key.")
    public = secret.public_key().public_bytes_raw().hex()
    print(f"With the key {public} you sign:")
    print_feed(from_json(Feed, envelope.payload))
    for number, change in enumerate(changes):
        if not change.signers((public,)):
            print_keys(read_keys(change.payload))
            if arguments.keys_too:
                changes[number] = sign(change, secret)
            else:
                print("  …which is not signed without --keys-too")
    write_parts(arguments.folder, sign(envelope, secret), changes)


def verify(arguments: argparse.Namespace) -> None:
    """Reads the feed as a copy of Mulberry with these keys does, and every file that it names."""
    opened = open_feed((arguments.folder / FEED).read_bytes(), read_keys(arguments.keys.read_bytes()))
    check_time(opened.feed, datetime.now(UTC))
    for release in opened.feed.releases:
        for file in (file for artefact in release.artefacts for file in artefact.files):
            if not is_whole(arguments.folder / file.path, file):
                raise Mistake(f"{file.path} is not the file that the feed names.")
    print_feed(opened.feed)
    print("All of it holds.")


def releases_in(folder: Path) -> tuple[Release, ...]:
    """Newest first. A version's folder holds its artefacts and NOTES.txt: the day on the first line, then the notes."""
    found = []
    for path in folder.iterdir():
        if path.is_dir():
            Version.read(path.name)
            day, _, notes = (path / NOTES).read_text("utf-8").partition("\n")
            files = sorted(each for each in path.iterdir() if each.name != NOTES)
            found.append(
                Release(path.name, date.fromisoformat(day.strip()), notes.strip(), artefacts_of(files, folder))
            )
    return tuple(sorted(found, key=lambda release: release.number, reverse=True))


def artefacts_of(paths: Sequence[Path], folder: Path) -> tuple[Artefact, ...]:
    """The files together that are for the same computers."""
    together: dict[tuple[str, str, str], list[Path]] = {}
    for path in paths:
        together.setdefault(meant_for(path), []).append(path)
    found = []
    for meant, alike in together.items():
        first, *others = (file_of(path, folder) for path in in_one_step(*meant, alike))
        found.append(Artefact(*meant, first.path, first.size, first.sha256, tuple(others)))
    return tuple(found)


def meant_for(path: Path) -> tuple[str, str, str]:
    """Kind, system and machine, by its name."""
    if path.suffix == ".whl":
        return "wheel", ANY, ANY
    machine = next((MACHINES[word] for word in MACHINES if word in path.stem), "")
    kind, system = KINDS.get(path.suffix, ("", ""))
    if not kind or not machine:
        raise Mistake(f"{path} is no artefact: its name must end in {', '.join(KINDS)} or .whl and name a processor.")
    if path.stem.partition("_")[2].partition("_")[0].endswith("~draft"):  # dev.py deb --draft
        raise Mistake(f"{path} is a draft, packed for trying.")
    built_for = BUILT_FOR.search(path.stem) if kind == "deb" else None
    return kind, built_for.group(1) if built_for else system, machine


def in_one_step(kind: str, system: str, machine: str, alike: Sequence[Path]) -> Sequence[Path]:
    """Debian's packages in their order; of everything else there is one."""
    if kind == "deb":
        by_package = {path.name.partition("_")[0]: path for path in alike}
        if len(by_package) == len(alike) and set(by_package) == set(PACKAGES):
            return [by_package[package] for package in PACKAGES]
        raise Mistake(f"For {system} on {machine} it takes one package each of {' and '.join(PACKAGES)}.")
    if len(alike) > 1:
        raise Mistake(f"{' and '.join(path.name for path in alike)} are for the same computers.")
    return alike


def file_of(path: Path, folder: Path) -> ReleaseFile:
    with path.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    return ReleaseFile(path.relative_to(folder).as_posix(), path.stat().st_size, digest)


def read_parts(folder: Path) -> tuple[Envelope | None, list[Envelope]]:
    """The feed and the changes of keys as they lie there, whoever signed them."""
    content = read_bounded(folder / FEED, MOST_FEED_BYTES)
    if content is None:
        return None, []
    document = parse_object(content, unique_keys=True)
    return read_envelope(document.get("feed")), [read_envelope(change) for change in document.get("keys", [])]


def write_parts(folder: Path, envelope: Envelope, changes: list[Envelope]) -> None:
    content = write_feed(envelope, changes)
    if len(content) > MOST_FEED_BYTES:
        raise Mistake(f"The feed has more than {MOST_FEED_BYTES:,} bytes: leave old releases out.")
    write_whole(folder / FEED, content)
    (folder / FEED).chmod(0o644)


def print_feed(feed: Feed) -> None:
    print(f"  feed {feed.sequence}, {feed.published:%Y-%m-%d %H:%M} to {feed.expires:%Y-%m-%d %H:%M} UTC")
    for release in feed.releases:
        print(f"  {release.version} of {release.released}:")
        for line in plain(release.notes, len(release.notes), lines=True).splitlines():
            print(f"    | {line}")
        for artefact in release.artefacts:
            print(f"    {artefact.kind} for {artefact.system} on {artefact.machine}")
            for file in artefact.files:
                print(f"      {file.sha256}  {file.size:>12,}  {file.path}")


def print_keys(keys: ReleaseKeys) -> None:
    print(f"  release keys {keys.version}: {keys.threshold} of {len(keys.keys)}")
    for key in keys.keys:
        print(f"    {key}")


def ask_passphrase() -> str:
    if sys.stdin.isatty():
        return getpass.getpass("Passphrase of the release key: ")
    return sys.stdin.readline().rstrip("\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    commands = parser.add_subparsers(required=True)

    def command(name: str, run: Callable[[argparse.Namespace], None], *places: str) -> argparse.ArgumentParser:
        found = commands.add_parser(name, description=run.__doc__, help=(run.__doc__ or "").partition(".")[0])
        found.set_defaults(run=run)
        for place in places:
            found.add_argument(place, type=Path)
        return found

    command("make-key", make_key, "secret")
    command("draft", draft, "folder").add_argument("--days", type=int, default=DAYS, help="how long it holds")
    for name, run, places in (("keys", write_keys, ("keys",)), ("change-keys", change_keys, ("folder", "keys"))):
        made = command(name, run, *places)
        made.add_argument("--threshold", type=int, required=True)
        made.add_argument("public", nargs="+")
    command("sign", sign_all, "folder", "secret").add_argument("--keys-too", action="store_true")
    command("verify", verify, "folder", "keys")
    arguments = parser.parse_args()
    try:
        arguments.run(arguments)
    except (Mistake, FeedRefused, NotSigned, JsonError, ValueError, OSError) as problem:
        raise SystemExit(f"{parser.prog}: {problem}") from problem


if __name__ == "__main__":
    main()
