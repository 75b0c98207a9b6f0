"""A bundle is handed to strangers: what is not meant for them must not be in it, wherever it lay and however broken."""

import base64
import dataclasses
import json
import logging
import re
import tomllib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from random import Random
from urllib.parse import quote

import pytest
from nacl.signing import SigningKey

from agent_workshop import DEMO, need_none
from attestation_samples import DESKTOP
from conftest import SettableClock
from eligibility_samples import COMPUTER
from fake_driver import FakeDriver
from keyring_in_memory import CHEAP, KeyringInMemory
from mulberry.agent.diagnosis import LIBRARIES, Absent, Told, diagnose
from mulberry.agent.diagnosis_choice import CHOICES, chosen
from mulberry.agent.eligibility import Preflight
from mulberry.agent.redacting import Identity, Redactor
from mulberry.agent.sealed_key import seal
from mulberry.agent.settings import Settings, load_settings, save_settings
from mulberry.agent.startup_money import UnlockKey
from mulberry.client.http import request
from mulberry.hardware.files import SystemFiles
from mulberry.hardware.gpu import Gpus
from mulberry.model.diagnosis import DiagnosisWish, preview
from mulberry.model.eligibility import Answer, GpuEligibility
from mulberry.model.errors import WhoseTurn
from mulberry.model.gpu import DriverState
from mulberry.model.language import tr
from mulberry.model.money import Nanoton, format_ton
from mulberry.model.node import Reason, ReasonKind
from mulberry.model.places import DataFolder, benchmark_file
from mulberry.model.proof import Hindrance
from mulberry.runtime.sandbox.choose import Choice
from mulberry.ton.address import Address
from samples import NODE_WALLET, OWNER, PROXY_KEY, RTX_4090, WORKER_CONTRACT, a_status, a_wallet, on_a_gpu
from waiting_agent import an_agent_of

MEGABYTE = 1_000_000
PAID = Address(bytes(range(32))).friendly()
KEY = SigningKey(bytes(number * 37 % 256 for number in range(32)))
DEVICE_KEY = bytes(range(100, 132))
TOKEN = "pQ7-xV2_mK9sLw3ZbT8nYc5RfH1gJd6UaE4oXi0vBkM"
ENGINE_KEY = "sk-proj-4f9Kq2Lm8Zx7Vb1N"
PASSPHRASE = "quilt harbour zebra 9"
SECRETS = {
    "node wallet's key": bytes(KEY),
    "device key": DEVICE_KEY,
    "stats token": TOKEN.encode(),
    "engine's key": ENGINE_KEY.encode(),
    "passphrase": PASSPHRASE.encode(),
}
NAMES = ("Anneliese", "Baumgartner", "kellerkasten", "baumgartner.example")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "anneliese"


@pytest.fixture
def folder(home: Path) -> DataFolder:
    folder = DataFolder.of_network(home / "data", "demo")
    folder.create()
    return folder


@pytest.fixture
def identity(home: Path) -> Identity:
    return Identity(
        home, home / "data", ("anneliese", "Baumgartner"), ("kellerkasten", "kellerkasten.baumgartner.example")
    )


@pytest.fixture
def preflight(home: Path, clock: SettableClock) -> Iterator[Preflight]:
    """Of a computer that has nothing at all."""
    files = SystemFiles(home / "nothing")
    with closing(Gpus(clock, files)) as gpus:
        yield Preflight(home / "data", gpus, clock, Random(1), files=files, find_sandbox=need_none)


def forms(secret: bytes) -> Iterator[str]:
    """As it could be written by some part of some program."""
    yield secret.hex()
    yield base64.b64encode(secret).decode()
    yield base64.urlsafe_b64encode(secret).decode()
    yield repr(secret)
    if secret.isascii() and secret.decode().isprintable():
        yield secret.decode()
        yield quote(secret.decode())


def assert_nowhere(secret: bytes, bundle: str) -> None:
    """No form of it, in no case, not even a quarter of it; a short one not at all."""
    lower = bundle.casefold()
    for form in forms(secret):
        size = max(10, len(form) // 4)
        for begin in range(max(1, len(form) - size + 1)):
            assert form[begin : begin + size].casefold() not in lower


def plant(folder: DataFolder, home: Path) -> None:
    """Every secret that a node has, where it lies, and in its log in every form."""
    elsewhere = home / "Private Things"
    elsewhere.mkdir(parents=True)
    (elsewhere / "passphrase.txt").write_text(PASSPHRASE)
    (elsewhere / "engine.key").write_text(ENGINE_KEY)
    (elsewhere / "node.key").write_bytes(bytes(KEY))
    folder.demo_key.write_bytes(bytes(KEY))
    folder.device_key.write_bytes(DEVICE_KEY)
    folder.stats_token.write_text(TOKEN)
    folder.sealed_key.write_text(seal(KEY, PASSPHRASE, CHEAP))
    settings = Settings(
        owner_address=PAID,
        passphrase_file=str(elsewhere / "passphrase.txt"),
        node_key_file=str(elsewhere / "node.key"),
        model_folder=str(elsewhere / "model"),
        engine_urls=("http://127.0.0.1:9911",),
        engine_key_file=str(elsewhere / "engine.key"),
        coefficient=1234,
    )
    save_settings(folder.settings, settings)
    lines = [
        f"cannot open {elsewhere}/engine.key: denied",
        "the user anneliese at ANNELIESE@kellerkasten.baumgartner.example, Frau BAUMGARTNER on KELLERKASTEN",
        f"passphrase={PASSPHRASE}",
        f"http://anneliese:{ENGINE_KEY}@203.0.113.77:8000/v1?key={TOKEN}",
        f"paid {PAID} from {NODE_WALLET}",
    ]
    for name, secret in SECRETS.items():
        if name != "passphrase":
            lines += [f"the {name} was {form} here" for form in forms(secret)]
            lines += [f"the {name} was {form} here".swapcase() for form in forms(secret)]
    prefix = "2026-11-22 12:00:00,000 INFO mulberry.agent.node: "
    text = "".join(f"{prefix}{line}\n" for line in lines)
    folder.agent_log.write_text(text)
    folder.window_log.write_text(text)


def told_by_a_hostile_world() -> Told:
    """Strangers write secrets into all that they may write."""
    evil = f"I know {bytes(KEY).hex()} of /home/anneliese/x and 203.0.113.77 and {TOKEN}"
    status = on_a_gpu(a_status())
    status = replace(
        status,
        reasons=(Reason(ReasonKind.PROXY_REFUSED, evil, evil, WhoseTurn.NETWORK),),
        proxies=tuple(replace(proxy, name=evil, note=evil, attestation=evil, address=evil) for proxy in status.proxies),
        sandbox=evil,
        runs_on=evil,
    )
    wallet = replace(a_wallet(), note=evil)
    return Told(status, wallet, replace(DESKTOP, hindrances=(Hindrance(evil, evil, evil),), next_step=evil))


async def test_secrets_that_lie_everywhere_are_nowhere_in_the_bundle(
    folder: DataFolder,
    home: Path,
    identity: Identity,
    preflight: Preflight,
    clock: SettableClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plant(folder, home)
    for number, form in enumerate(forms(bytes(KEY))):
        monkeypatch.setenv(f"MULBERRY_TEST_{number}", form)
    told = told_by_a_hostile_world()
    diagnosis = await diagnose(folder, preflight, clock, Random(2), DiagnosisWish(), told, identity)
    bundle = preview(diagnosis)
    for secret in SECRETS.values():
        assert_nowhere(secret, bundle)
    for name in (*NAMES, "Private Things", "203.0.113.77", PAID, OWNER, NODE_WALLET, WORKER_CONTRACT, PROXY_KEY):
        assert name.casefold() not in bundle.casefold(), name
    assert RTX_4090.uuid[4:13] not in bundle
    assert "I know [secret #" in bundle, "what the hostile world wrote is there, redacted"


async def test_a_running_agent_gives_a_bundle_without_its_secrets(
    tmp_path: Path, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("USER", "anneliese")
    keyring = KeyringInMemory()
    real = DEMO.model_copy(update={"kind": "test", "name": "testnet", "lite_servers": {"liteservers": []}})
    async with an_agent_of((UnlockKey,), real, tmp_path, clock, lambda: keyring) as client:
        folder = DataFolder.of_network(tmp_path, "testnet")
        plant(folder, tmp_path / "anneliese")
        folder.sealed_key.unlink()
        diagnosis = await client.diagnosis(DiagnosisWish())
        bundle = preview(diagnosis)
        assert [file.name for file in diagnosis.files][:2] == ["README.txt", "computer.json"]
        assert '"state": "stopped"' in bundle
        for secret in SECRETS.values():
            assert_nowhere(secret, bundle)
        for key in keyring.items.values():
            assert key[:16] not in bundle
        assert "anneliese" not in bundle.casefold()


async def test_a_wish_that_is_none_is_refused(tmp_path: Path, clock: SettableClock) -> None:
    async with an_agent_of((UnlockKey,), DEMO, tmp_path, clock):
        address = DataFolder.of_network(tmp_path, "demo").control_address
        status, answer = await request(address, "GET", "/v1/diagnosis?addresses=yes")
        assert status == 400 and b"addresses must be 0 or 1" in answer


async def test_addresses_and_amounts_are_there_only_where_the_owner_wishes(
    folder: DataFolder, identity: Identity, preflight: Preflight, clock: SettableClock
) -> None:
    told = Told(a_status(), a_wallet(), DESKTOP)

    async def made(wish: DiagnosisWish) -> str:
        return preview(await diagnose(folder, preflight, clock, Random(2), wish, told, identity))

    plain = await made(DiagnosisWish())
    assert OWNER not in plain and "32160" not in plain and "4612345678" not in plain
    addresses = await made(DiagnosisWish(addresses=True))
    assert OWNER in addresses and NODE_WALLET in addresses and "32160" not in addresses
    assert "Addresses on TON ARE in it" in addresses
    earnings = await made(DiagnosisWish(earnings=True))
    assert OWNER not in earnings and "32160" in earnings and "4612345678" in earnings
    assert WORKER_CONTRACT in await made(DiagnosisWish(addresses=True, earnings=True))


async def test_what_a_helper_needs_is_there(
    folder: DataFolder, home: Path, identity: Identity, preflight: Preflight, clock: SettableClock
) -> None:
    plant(folder, home)
    told = Told(on_a_gpu(a_status()), a_wallet(), DESKTOP)
    diagnosis = await diagnose(folder, preflight, clock, Random(2), DiagnosisWish(), told, identity)
    files = {file.name: file.text for file in diagnosis.files}
    facts = {name: json.loads(text) for name, text in files.items() if name.endswith(".json")}
    assert facts["computer.json"]["host"]["tpm2"].startswith("unknown, because ")
    assert any(network["name"] == "mainnet" for network in facts["eligibility.json"]["networks"])
    assert facts["attestation.json"]["verdict"]["level"] == 1
    assert facts["node.json"]["status"]["proxies"][0]["connected"] is True
    assert facts["settings.json"]["coefficient"] == 1234
    assert facts["settings.json"]["passphrase_file"] == "set"
    assert facts["settings.json"]["collateral_service"] == "not set"
    assert facts["files.json"]["device.key"]["bytes"] == 32
    assert facts["files.json"]["intent.json"] == "not there"
    libraries = facts["software.json"]["libraries"]
    assert libraries["pydantic"][0].isdigit() and "strange" not in libraries.values()
    assert all(f"  {name} " in files["README.txt"] for name in files if name != "README.txt")
    assert "mulberry.agent.node: paid [secret #" in files["agent.log"]
    assert diagnosis.file_name == "mulberry-diagnosis-20261122T120000Z.zip"


async def test_broken_files_are_said_and_the_rest_is_there(
    folder: DataFolder, home: Path, identity: Identity, preflight: Preflight, clock: SettableClock
) -> None:
    folder.settings.write_text(json.dumps({"passphrase": PASSPHRASE, "coefficient": "1"}))
    folder.agent_log.mkdir()
    folder.window_log.write_bytes(bytes(range(256)))
    benchmark_file(home / "data").mkdir()
    absent = Absent("The agent does not run.")
    diagnosis = await diagnose(folder, preflight, clock, Random(2), DiagnosisWish(), absent, identity)
    files = {file.name: file.text for file in diagnosis.files}
    assert "coefficient" in files["settings.json"] and PASSPHRASE not in files["settings.json"]
    assert "Is a directory" in files["benchmark.json"]
    assert files["agent.log"] == "There is none.\n"
    assert json.loads(files["node.json"]) == {"absent": "The agent does not run."}
    assert json.loads(files["computer.json"])["gpus"]["driver"] != ""


async def test_a_folder_that_is_not_there_is_no_hindrance(
    tmp_path: Path, identity: Identity, preflight: Preflight, clock: SettableClock
) -> None:
    nowhere = DataFolder.of_network(tmp_path / "nowhere", "demo")
    diagnosis = await diagnose(nowhere, preflight, clock, Random(2), DiagnosisWish(), Absent("It is off."), identity)
    assert "It cannot be read" in diagnosis.files[8].text
    assert not nowhere.path.exists()


async def test_a_bug_in_one_part_is_said_and_the_rest_is_there(
    folder: DataFolder, home: Path, identity: Identity, clock: SettableClock, caplog: pytest.LogCaptureFixture
) -> None:
    async def fall_over() -> Choice:
        raise RuntimeError("a bug")

    with closing(Gpus(clock, SystemFiles(home))) as gpus, caplog.at_level(logging.CRITICAL):
        preflight = Preflight(home / "data", gpus, clock, Random(1), files=SystemFiles(home), find_sandbox=fall_over)
        told = Told(a_status(), a_wallet(), DESKTOP)
        diagnosis = await diagnose(folder, preflight, clock, Random(2), DiagnosisWish(), told, identity)
    files = {file.name: file.text for file in diagnosis.files}
    assert "a mistake of its own (RuntimeError)" in files["computer.json"]
    assert "earning" in files["node.json"]


async def test_a_hanging_driver_keeps_nobody_waiting(
    folder: DataFolder, home: Path, identity: Identity, clock: SettableClock, driver: FakeDriver
) -> None:
    driver.says("hang.nvmlDeviceGetCount_v2 1\n")
    files = SystemFiles(home / "nothing")
    with closing(Gpus(clock, files, answer_seconds=0.05)) as gpus:
        preflight = Preflight(home / "data", gpus, clock, Random(1), files=files, find_sandbox=need_none)
        diagnosis = await diagnose(folder, preflight, clock, Random(2), DiagnosisWish(), Absent("Off."), identity)
        driver.says("")
    assert json.loads(diagnosis.files[1].text)["gpus"]["driver"] == DriverState.NOT_ANSWERING.value


async def test_a_bundle_is_small_whatever_there_is(
    folder: DataFolder, home: Path, identity: Identity, preflight: Preflight, clock: SettableClock
) -> None:
    for log_file in (folder.agent_log, folder.window_log):
        log_file.write_bytes(b"x" * 3_000_000 + b"\n" + b"the end of it all \xc3\xa9 \n" * 10_000)
        log_file.with_name(f"{log_file.name}.1").write_bytes(b"older\n" * 100_000)
    status = a_status()
    many = replace(status, proxies=status.proxies * 900, reasons=told_by_a_hostile_world().status.reasons * 2_000)
    told = Told(many, a_wallet(), replace(DESKTOP, next_step="a word " * 100_000))
    diagnosis = await diagnose(folder, preflight, clock, Random(2), DiagnosisWish(), told, identity)
    assert sum(len(file.text.encode()) for file in diagnosis.files) < MEGABYTE
    assert "(cut here:" in diagnosis.files[4].text
    assert diagnosis.files[9].text.startswith("the end of it all é")


def test_a_gpu_is_told_from_its_neighbour_without_its_number(identity: Identity) -> None:
    redactor = Redactor(identity, bytes(32))
    computer = chosen(COMPUTER, DiagnosisWish(), redactor)
    judged = GpuEligibility(RTX_4090.uuid, RTX_4090.pci_address, RTX_4090.name, Answer.CAN, "It can.")
    (gpu,) = computer["gpus"]["gpus"]
    assert gpu["name"] == RTX_4090.name and gpu["driver_version"] == RTX_4090.driver_version
    assert gpu["uuid"].startswith("[hidden #")
    assert chosen(judged, DiagnosisWish(), redactor)["uuid"] == gpu["uuid"]
    assert RTX_4090.uuid not in json.dumps(computer)


@pytest.mark.usefixtures("in_brackets")
def test_helpers_read_english(identity: Identity) -> None:
    """Whoever is asked for help may not speak the owner's language; an amount is hidden as in English."""
    said = tr("The wallet holds {amount}.", amount=format_ton(Nanoton(1_234_500_000_000)))
    reason = Reason(ReasonKind.WALLET_EMPTY, said, tr("Top it up."), WhoseTurn.YOU)
    told = json.dumps(chosen(reason, DiagnosisWish(), Redactor(identity, b"salt" * 8)))
    assert "The wallet holds [amount] TON." in told
    assert "Top it up." in told


@pytest.mark.parametrize("noun", CHOICES, ids=lambda noun: noun.__name__)
def test_each_fact_of_each_noun_was_thought_about(noun: type) -> None:
    """Who adds a field decides whether strangers may read it."""
    choice = CHOICES[noun]
    lists = (choice.shown, choice.hashed, choice.addresses, choice.earnings, choice.left_out)
    named = [name for names in lists for name in names.split()]
    assert sorted(named) == sorted(field.name for field in dataclasses.fields(noun))


def test_the_versions_of_all_that_we_depend_on_are_told() -> None:
    project = tomllib.loads((Path(__file__).parent.parent.parent / "pyproject.toml").read_text())["project"]
    names = {re.split(r"[^\w-]", requirement)[0] for requirement in project["dependencies"]}
    assert names == set(LIBRARIES)


def test_a_noun_that_nobody_chose_from_does_not_get_there() -> None:
    @dataclasses.dataclass
    class Fresh:
        secret: str = "s"

    with pytest.raises(KeyError):
        chosen(Fresh(), DiagnosisWish(), Redactor(Identity(Path("/h"), Path("/d"), (), ()), bytes(32)))


def test_what_is_wrong_in_the_settings_is_logged_without_what_stands_there(
    folder: DataFolder, clock: SettableClock, caplog: pytest.LogCaptureFixture
) -> None:
    folder.settings.write_text(json.dumps({"passphrase": PASSPHRASE}))
    with caplog.at_level(logging.WARNING):
        load_settings(folder.settings, clock)
    assert "passphrase" in caplog.text and PASSPHRASE not in caplog.text
