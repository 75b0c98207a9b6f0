"""What a helper needs to know of this computer, its settings and its node: chosen facts, and the end of the logs.

Works with and without a running agent, and where files are missing or broken: a part that cannot be had says why.
Nothing is sent anywhere, no secret is opened, and no file goes in as it lies there.
"""

import asyncio
import json
import logging
import os
import platform
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from random import Random
from typing import Any, Protocol

from pydantic import ValidationError

from mulberry import __version__
from mulberry.agent.attesting import Attesting
from mulberry.agent.diagnosis_choice import chosen
from mulberry.agent.eligibility import Preflight
from mulberry.agent.redacting import Identity, Redactor, identity_here
from mulberry.agent.settings import Settings
from mulberry.agent.settings_file import SettingsFile
from mulberry.agent.workshop import Workshop
from mulberry.hardware.gpu import Gpus
from mulberry.model.benchmark import Benchmark
from mulberry.model.clock import Clock
from mulberry.model.diagnosis import Diagnosis, DiagnosisFile, DiagnosisWish
from mulberry.model.eligibility import Computer, EligibilityReport
from mulberry.model.encoding import from_json, in_words
from mulberry.model.errors import UserFacingError
from mulberry.model.files import read_bounded
from mulberry.model.language import english, spoken
from mulberry.model.node import Status
from mulberry.model.places import DataFolder, benchmark_file
from mulberry.model.proof import AttestationStatus
from mulberry.model.wallet import WalletStatus

FILE_BYTES = 80_000  # of one file; there are ten, so that a bundle has less than a megabyte
LOG_BYTES = 64_000  # the end of each log
LOOK_SECONDS = 8.0  # each look has shorter limits of its own
SALT_BYTES = 32
SHOWN_SETTINGS = ("coefficient", "max_active_requests", "owed_limit", "underpaid_limit", "stats_port")
LIBRARIES = (
    "aiohttp",
    "cryptography",
    "dcap-qvl",
    "jeepney",
    "jinja2",
    "keyring",
    "numpy",
    "nvidia-ml-py",
    "onnxruntime",
    "onnxruntime-gpu",
    "platformdirs",
    "pydantic",
    "pynacl",
    "pyopenssl",
    "PySide6-Essentials",
    "pytoniq",
    "pytoniq-core",
    "qasync",
    "tokenizers",
    "typer",
    "uvloop",
    "wasmtime",
)
VERSION = re.compile(r"[0-9A-Za-z.+!-]{1,40}")

README = """\
This is a diagnosis of Mulberry {version}, made on {as_of:%Y-%m-%d %H:%M} UTC by the owner of this computer.
It was not sent anywhere: who has it got it from them.

What is in it
  computer.json     processor, GPUs, drivers, and what the system says of its protections
  eligibility.json  whether this computer can earn, on which network, and what is missing
  attestation.json  what this computer could prove when the agent looked last
  node.json         state, reasons, start-up steps, proxies, the wallet's state
  settings.json     numbers as they are; of paths, addresses and servers only whether they are set
  benchmark.json    the last measurement of this computer's speed
  software.json     versions, and the language that the owner is spoken to in
  files.json        which files of Mulberry are there, how large and how old
  agent.log         the end of the agent's log
  window.log        the end of the window's log

What is not in it
  Keys, passphrases, tokens, prompts and answers; other files of this computer; other programs and processes.
  {addresses}
  {earnings}
  In all texts, what has the form of a key, an address, a path or an e-mail, and the names of this user and this
  computer are replaced by marks such as [secret #3f2a]. Equal marks were equal texts. From a mark nobody can get the
  text back. DATA is Mulberry's data folder.

A program cannot recognise everything. Read it before you hand it on.
"""
ADDRESSES = {True: "Addresses on TON ARE in it, as the owner wished.", False: "Addresses on TON: not in it."}
EARNINGS = {
    True: "Amounts of money ARE in it, as the owner wished.",
    False: "Amounts of money: not in it, but for prices.",
}

log = logging.getLogger(__name__)

Looked = tuple[Computer, EligibilityReport]


@dataclass(frozen=True, slots=True)
class Told:
    """What only a running agent knows."""

    status: Status
    wallet: WalletStatus
    attestation: AttestationStatus


class Informant(Protocol):
    """The node, as far as a diagnosis asks it."""

    eligibility: Preflight
    attesting: Attesting

    def status(self) -> Status: ...

    def wallet(self) -> WalletStatus: ...


class Diagnosing:
    """A running agent's diagnoses."""

    def __init__(self, workshop: Workshop, informant: Informant) -> None:
        self._workshop = workshop
        self._informant = informant

    async def diagnosis(self, wish: DiagnosisWish) -> Diagnosis:
        """Made now."""
        workshop, informant = self._workshop, self._informant
        told = Told(informant.status(), informant.wallet(), informant.attesting.status())
        return await diagnose(workshop.folder, informant.eligibility, workshop.clock, workshop.random, wish, told)


@dataclass(frozen=True, slots=True)
class Absent:
    """In place of something: why it is not there, as a sentence."""

    why: str


async def diagnose(
    folder: DataFolder,
    preflight: Preflight,
    clock: Clock,
    random: Random,
    wish: DiagnosisWish,
    told: Told | Absent,
    identity: Identity | None = None,
) -> Diagnosis:
    """`told` by the agent, or why it tells nothing. `random` makes the salt of this one bundle."""
    redactor = _redactor(identity or identity_here(folder.path.parent), random, wish, told)
    composer = _Composer(folder, clock, wish, redactor)
    return await asyncio.to_thread(composer.composed, await _looked_at(preflight), told)


async def diagnose_here(
    folder: DataFolder, clock: Clock, random: Random, wish: DiagnosisWish, why_alone: str
) -> Diagnosis:
    """Without an agent: drivers are opened for this one answer."""
    with closing(Gpus(clock)) as gpus:
        preflight = Preflight(folder.path.parent, gpus, clock, random)
        return await diagnose(folder, preflight, clock, random, wish, Absent(why_alone))


async def _looked_at(preflight: Preflight) -> Looked | Absent:
    """Who is in trouble gets the rest at least."""
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            return await preflight.look()
    except TimeoutError:
        return Absent(f"It took longer than {LOOK_SECONDS:g} seconds.")
    except Exception as bug:
        log.exception("a part of the diagnosis could not be made")
        return _our_mistake(bug)


def _our_mistake(bug: Exception) -> Absent:
    return Absent(f"Mulberry made a mistake of its own ({type(bug).__name__}).")


def _redactor(identity: Identity, random: Random, wish: DiagnosisWish, told: Told | Absent) -> Redactor:
    kept: set[str] = set()
    if wish.addresses and isinstance(told, Told):
        root = told.status.network.root
        kept = {told.wallet.owner, told.wallet.node_wallet, root.address if root else ""}
        kept |= {payout.worker_contract for payout in told.wallet.payouts}
    return Redactor(identity, random.randbytes(SALT_BYTES), frozenset(kept - {""}), amounts=wish.earnings)


@dataclass(frozen=True, slots=True)
class _Composer:
    folder: DataFolder
    clock: Clock
    wish: DiagnosisWish
    redactor: Redactor

    def composed(self, looked: Looked | Absent, told: Told | Absent) -> Diagnosis:
        now = self.clock.now()
        computer, eligibility = (looked, looked) if isinstance(looked, Absent) else looked
        parts: tuple[tuple[str, Callable[[], str]], ...] = (
            ("computer.json", lambda: self._json(computer)),
            ("eligibility.json", lambda: self._json(eligibility)),
            ("attestation.json", lambda: self._json(told.attestation if isinstance(told, Told) else told)),
            ("node.json", lambda: self._node(told)),
            ("settings.json", self._settings),
            ("benchmark.json", self._benchmark),
            ("software.json", _software),
            ("files.json", self._files),
            ("agent.log", lambda: self._end_of(self.folder.agent_log)),
            ("window.log", lambda: self._end_of(self.folder.window_log)),
        )
        readme = README.format(
            version=__version__,
            as_of=now,
            addresses=ADDRESSES[self.wish.addresses],
            earnings=EARNINGS[self.wish.earnings],
        )
        files = (DiagnosisFile(name, _bounded(self._made(part))) for name, part in parts)
        return Diagnosis((DiagnosisFile("README.txt", readme), *files), now)

    def _made(self, part: Callable[[], str]) -> str:
        try:
            return part()
        except (OSError, ValueError) as problem:
            return self._json(Absent(f"It cannot be read: {problem}."))
        except Exception as bug:
            log.exception("a part of the diagnosis could not be made")
            return self._json(_our_mistake(bug))

    def _json(self, value: object) -> str:
        return _as_text(self._facts(value))

    def _facts(self, value: object) -> Any:
        if isinstance(value, Absent):
            return {"absent": self.redactor.text(english(value.why))}
        return chosen(value, self.wish, self.redactor)

    def _node(self, told: Told | Absent) -> str:
        if isinstance(told, Absent):
            return self._json(told)
        return _as_text({"status": self._facts(told.status), "wallet": self._facts(told.wallet)})

    def _settings(self) -> str:
        try:
            settings = SettingsFile(self.folder.settings).read(Settings)
        except ValidationError as mistakes:
            return self._json(Absent(f"The file cannot be used: {in_words(mistakes)}."))
        except UserFacingError as problem:
            return self._json(Absent(problem.in_english))
        if settings is None:
            return self._json(Absent("There is no file, so the defaults hold."))
        facts = {name: getattr(settings, name) for name in SHOWN_SETTINGS}
        others = (name for name in Settings.model_fields if name not in SHOWN_SETTINGS)
        return _as_text(facts | {name: "set" if getattr(settings, name) else "not set" for name in others})

    def _benchmark(self) -> str:
        untrusted = read_bounded(benchmark_file(self.folder.path.parent))
        if untrusted is None:
            return self._json(Absent("None was made on this computer."))
        return self._json(from_json(Benchmark, untrusted))

    def _files(self) -> str:
        known = _known_files(self.folder)
        facts: dict[str, Any] = {path.name: self._file(path) for path in known}
        others = [path for path in self.folder.path.iterdir() if path not in known]
        return _as_text(facts | {"others": f"{len(others):,} files and folders"})

    def _file(self, path: Path) -> str | dict[str, Any]:
        try:
            found = path.stat()
        except FileNotFoundError:
            return "not there"
        except OSError as problem:
            return f"cannot be seen: {problem.strerror}"
        hours = (self.clock.now().timestamp() - found.st_mtime) / 3600
        return {"bytes": found.st_size, "hours_old": round(hours, 1), "mode": f"{found.st_mode & 0o777:o}"}

    def _end_of(self, path: Path) -> str:
        older = path.with_name(f"{path.name}.1")
        untrusted = (_end_of(older) + _end_of(path))[-LOG_BYTES:]
        if len(untrusted) == LOG_BYTES:
            untrusted = untrusted.partition(b"\n")[2]  # half a line might be half a secret
        return self.redactor.text(untrusted.decode("utf-8", "replace")) or "There is none.\n"


def _end_of(path: Path) -> bytes:
    if not path.is_file():
        return b""
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - LOG_BYTES))
        return file.read(LOG_BYTES)


def _known_files(folder: DataFolder) -> tuple[Path, ...]:
    return (
        folder.lock,
        folder.ledger,
        folder.ledger.with_name(f"{folder.ledger.name}-wal"),
        folder.settings,
        folder.intent,
        folder.profile,
        folder.trusted_block,
        folder.seen_root,
        folder.stats_token,
        folder.demo_key,
        folder.sealed_key,
        folder.seen_key,
        folder.device_key,
        folder.agent_log,
        folder.window_log,
    )


def _software() -> str:
    """Whole numbers and dots, not redacted: a version of four parts looks like an address."""
    return _as_text(
        {
            "mulberry": __version__,
            "python": platform.python_version(),
            "system": f"{platform.system()} {platform.machine()}",
            "language": spoken(),
            "libraries": dict(_versions()),
        }
    )


def _versions() -> Iterator[tuple[str, str]]:
    for name in LIBRARIES:
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            yield name, "not installed"
        else:
            yield name, version if VERSION.fullmatch(version) else "strange"


def _as_text(facts: Any) -> str:
    return json.dumps(facts, indent=1, ensure_ascii=False) + "\n"


def _bounded(text: str) -> str:
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= FILE_BYTES:
        return text
    kept = encoded[:FILE_BYTES].decode("utf-8", "ignore").rpartition("\n")[0]
    return f"{kept}\n(cut here: {len(encoded) - FILE_BYTES:,} bytes more)\n"
