"""What this computer shows must be true, must come without holding up what earns, and must say what it lacks."""

import asyncio
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

import swtpm
from agent_workshop import DEMO, NO_WITNESSES, a_workshop
from collateral_server import serving_collateral
from conftest import SettableClock
from fake_driver import FakeDriver
from mulberry.agent import attesting
from mulberry.agent.attesting import Attesting
from mulberry.agent.collateral_keeper import CollateralKeeper
from mulberry.agent.seen_root import keep_seen_root
from mulberry.agent.shift import Shift
from mulberry.agent.workshop import Workshop
from mulberry.attestation.envelope import read_envelope
from mulberry.attestation.evidence import GpuEvidence
from mulberry.attestation.gpu_references import GpuReferences
from mulberry.attestation.levels import References, judge
from mulberry.attestation.manifest import SECURE_BOOT, read_statement
from mulberry.attestation.questions import KeptQuestion, write_question
from mulberry.attestation.tdx import TdxVerifier
from mulberry.attestation.tpm import challenge, read_roots
from mulberry.attestation.tpm.commands import Tpm
from mulberry.attestation.tpm.keys import EK_ECC, ecc_key
from mulberry.attestation.tpm.wire import read_public
from mulberry.hardware.files import SystemFiles
from mulberry.hardware.gpu import Gpus
from mulberry.model.attestation import Policy
from mulberry.model.eligibility import SeenRoot
from mulberry.model.errors import UserFacingError, WhoseTurn
from mulberry.model.places import resource
from mulberry.model.proof import AttestationStatus, Level, Outcome
from mulberry.model.time_limit import TimeLimit
from mulberry.runtime.models import ModelFolder
from mulberry.runtime.sandbox.provider import Confinement, Tier
from mulberry.runtime.wire import ALL_CANARIES, Canary
from shown_computer import GPU, NONCE, World
from synthetic_computers import CC_ON, FIRMWARE, H100, SECURE_BOOT_FILE, TDX_GUEST, Computer
from synthetic_gpu_report import SyntheticNvidia
from synthetic_tdx import COLLATERAL_ENDS, Guest, SyntheticIntel
from synthetic_tpm import new_maker

PLAIN = DEMO.model_copy(update={"worker_policy": Policy.ANY})
CONFIDENTIAL = Computer("H100 in a TDX guest", (H100,), CC_ON, cpu=TDX_GUEST, files=FIRMWARE)

needs_swtpm = pytest.mark.skipif(shutil.which("swtpm") is None, reason="swtpm, a TPM in software, is not installed")


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


class Serving(Shift):
    """Has what a start-up would have put on its bench; one check of its sandbox was missed."""

    model = ModelFolder.read(resource(f"models/{DEMO.model_folder}"))
    confinement = Confinement(Tier.BUBBLEWRAP, ALL_CANARIES & ~Canary.NO_FORK, landlock=5, user=1000)


async def looked(attested: Attesting, *, fetch: bool = False) -> AttestationStatus:
    attested.begin(fetch=fetch)
    async with asyncio.timeout(30):
        while attested.status().is_checking:  # noqa: ASYNC110 - asks as a face does
            await asyncio.sleep(0.01)
    return attested.status()


def with_witnesses(workshop: Workshop, root: Path, **others: Any) -> Workshop:
    """Those of a computer that knows itself by the files in `system`, without TPM unless `others` bring one."""
    return replace(workshop, witnesses=replace(NO_WITNESSES, files=SystemFiles(root / "system"), **others))


def not_serving() -> Shift | None:
    return None


async def test_an_ordinary_computer_reaches_level_1_and_is_told_what_it_lacks(
    tmp_path: Path, clock: SettableClock, stack: ExitStack
) -> None:
    workshop = stack.enter_context(a_workshop(tmp_path, clock, profile=PLAIN))
    attested = Attesting(workshop, not_serving)
    assert attested.status().verdict is None
    status = await looked(attested)
    assert status.verdict is not None
    assert (status.verdict.level, status.verdict.as_of) == (Level.SELF_REPORTED, clock.now())
    facts = {fact.name: fact.value for fact in status.facts}
    assert facts["Sandbox"] == "unknown, because no job process runs"
    assert facts["Mulberry"].startswith("0.1.0, ")
    assert [each.what for each in status.hindrances] == [
        "No TPM 2.0 is in use here.",
        "There is no TDX quote.",
        "No GPU gives a report.",
    ]
    assert all(each.why and each.next_step for each in status.hindrances)
    assert status.next_step == status.hindrances[0].next_step


async def test_on_a_test_network_the_fake_quote_is_told_to_be_one(
    tmp_path: Path, clock: SettableClock, stack: ExitStack
) -> None:
    workshop = stack.enter_context(a_workshop(tmp_path, clock))
    status = await looked(Attesting(workshop, not_serving))
    assert status.verdict is not None and status.verdict.is_test
    assert status.verdict.level is Level.NOT_ATTESTED
    enclave = next(each for each in status.seen if each.subject == "CPU enclave")
    assert enclave.by_network == "a fake quote: TEST, nothing proven"


async def test_the_same_device_key_signs_until_its_file_is_gone(
    tmp_path: Path, clock: SettableClock, stack: ExitStack
) -> None:
    workshop = stack.enter_context(a_workshop(tmp_path, clock, profile=PLAIN))
    attested = Attesting(workshop, not_serving)

    async def key() -> bytes:
        return read_envelope((await attested.envelope("", "")).content.encode()).public_key

    first = await key()
    assert workshop.folder.device_key.stat().st_mode & 0o077 == 0
    assert await key() == first
    workshop.folder.device_key.write_bytes(b"half a k")
    assert await key() != first


async def test_what_serves_is_stated(tmp_path: Path, clock: SettableClock, stack: ExitStack) -> None:
    """Model and sandbox, as the shift at work has them."""
    workshop = stack.enter_context(a_workshop(tmp_path, clock, profile=PLAIN))
    shift = Serving(workshop, lambda: None)
    envelope = await Attesting(workshop, lambda: shift).envelope(NONCE.hex(), "")
    statement = read_statement(read_envelope(envelope.content.encode()).statement)
    assert statement.nonce == NONCE.hex()
    assert statement.model is not None and statement.model.name == DEMO.model_base_name
    assert statement.sandbox is not None
    assert (statement.sandbox.passed.bit_count(), statement.sandbox.checks) == (12, 13)


@pytest.mark.parametrize(("nonce", "question"), [("00", ""), ("zz" * 16, ""), ("", "{}"), ("", "no JSON")])
async def test_who_asks_wrongly_is_told(
    tmp_path: Path, clock: SettableClock, stack: ExitStack, nonce: str, question: str
) -> None:
    workshop = stack.enter_context(a_workshop(tmp_path, clock))
    with pytest.raises(UserFacingError, match="Nothing was stated"):
        await Attesting(workshop, not_serving).envelope(nonce, question)


async def test_a_quoting_service_that_hangs_is_not_waited_for(
    tmp_path: Path, clock: SettableClock, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attesting, "QUOTE_SECONDS", 0.05)
    (tmp_path / "system").mkdir()
    Computer("TDX guest", cpu=TDX_GUEST).build(tmp_path / "system")
    workshop = stack.enter_context(a_workshop(tmp_path, clock, profile=PLAIN))
    released = threading.Event()
    stack.callback(released.set)

    def hang(report_data: bytes) -> bytes:
        released.wait()
        return report_data

    attested = Attesting(with_witnesses(workshop, tmp_path, quote=hang), not_serving)
    for _ in range(2):
        status = await looked(attested)
        assert "The quoting service does not answer." in [each.what for each in status.hindrances]
        assert status.verdict is not None and status.verdict.level is Level.SELF_REPORTED


async def test_collateral_is_fetched_when_the_owner_asks_and_not_before(
    tmp_path: Path, clock: SettableClock, stack: ExitStack
) -> None:
    intel = SyntheticIntel()
    (tmp_path / "system").mkdir()
    Computer("TDX guest", cpu=TDX_GUEST).build(tmp_path / "system")
    workshop = stack.enter_context(a_workshop(tmp_path, clock, profile=PLAIN))
    async with serving_collateral(intel.collateral()) as server:
        keeper = CollateralKeeper(
            workshop.folder.collateral, clock, workshop.random, service=server.address, test_root_der=intel.root_der
        )
        workshop = with_witnesses(
            replace(workshop, collateral=keeper), tmp_path, quote=lambda told: intel.quote(Guest(told))
        )
        references = References(TdxVerifier(keeper, intel.root_der), GpuReferences(None), ())
        attested = Attesting(workshop, not_serving, lambda: references)
        status = await looked(attested)
        assert status.verdict is not None and "no collateral here" in str(status.verdict.checks).lower()
        assert not server.asked
        assert status.collateral is not None and status.collateral.platforms[0].expires is None
        status = await looked(attested, fetch=True)
        assert len(server.asked) == 4
        assert status.collateral is not None and status.collateral.platforms[0].expires == COLLATERAL_ENDS
        assert status.verdict is not None and "no collateral here" not in str(status.verdict.checks)


async def test_a_bug_of_ours_is_told_and_ends_nothing(
    tmp_path: Path, clock: SettableClock, stack: ExitStack, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "system").mkdir()
    Computer("TDX guest", cpu=TDX_GUEST).build(tmp_path / "system")
    workshop = stack.enter_context(a_workshop(tmp_path, clock, profile=PLAIN))

    def broken(report_data: bytes) -> bytes:
        raise ZeroDivisionError

    status = await looked(Attesting(with_witnesses(workshop, tmp_path, quote=broken), not_serving))
    assert status.verdict is None
    assert status.hindrances[0].what == "Mulberry made a mistake of its own."
    assert "could not be attested" in caplog.text


async def test_the_agent_ends_while_a_look_is_under_way(tmp_path: Path, clock: SettableClock, stack: ExitStack) -> None:
    workshop = stack.enter_context(a_workshop(tmp_path, clock, profile=PLAIN))
    attested = Attesting(workshop, not_serving)
    attested.begin()
    await asyncio.sleep(0)
    await attested.end()
    assert not attested.status().is_checking


# A computer that has it all


@pytest.fixture
def world(tmp_path: Path) -> World:
    (tmp_path / "world").mkdir()
    return World(tmp_path / "world", SyntheticIntel(), SyntheticNvidia())


def a_confidential_workshop(root: Path, clock: SettableClock, driver: FakeDriver, stack: ExitStack) -> Workshop:
    system = root / "system"
    system.mkdir()
    state = CONFIDENTIAL.build(system)
    driver.says(f"{state}d0.uuid {GPU}\n")
    workshop = stack.enter_context(a_workshop(root, clock, profile=PLAIN))
    gpus = Gpus(clock, SystemFiles(system))
    stack.callback(gpus.close)
    return replace(workshop, gpus=gpus)


async def test_quote_and_report_of_a_confidential_guest_reach_level_4(
    tmp_path: Path, clock: SettableClock, driver: FakeDriver, world: World, stack: ExitStack
) -> None:
    workshop = a_confidential_workshop(tmp_path, clock, driver, stack)

    def report(uuid: str, nonce: bytes, limit: TimeLimit) -> GpuEvidence:
        assert uuid == GPU
        return world.nvidia.evidence(nonce)

    def quote(report_data: bytes) -> bytes:
        return world.intel.quote(Guest(report_data))

    workshop = with_witnesses(workshop, tmp_path, quote=quote, gpu=report)
    root = SeenRoot(PLAIN.root_contract_address, 1, (world.image_hash.hex(),), (), as_of=clock.now())
    keep_seen_root(workshop.folder.seen_root, root, None)
    attested = Attesting(workshop, not_serving, lambda: world.references)
    status = await looked(attested)
    assert status.verdict is not None
    assert status.verdict.level is Level.CONFIDENTIAL, status.verdict.checks
    assert status.next_step == ""
    assert [each.what for each in status.hindrances] == ["No TPM 2.0 is in use here."]


async def test_a_driver_for_developers_gives_no_report(
    tmp_path: Path, clock: SettableClock, driver: FakeDriver, stack: ExitStack
) -> None:
    workshop = a_confidential_workshop(tmp_path, clock, driver, stack)
    driver.says("count 1\ncc_gpus 1\ncc_environment 2\ncc_feature 1\ncc_devtools 1\nd0.name NVIDIA H100\nd0.arch 9\n")
    status = await looked(Attesting(workshop, not_serving))
    why = next(each.why for each in status.hindrances if each.what == "No GPU gives a report.")
    assert "on for developers" in why


@pytest.fixture
def tpm() -> Iterator[swtpm.SwTpm]:
    """As its maker and the firmware leave it."""
    with tempfile.TemporaryDirectory() as state, swtpm.started(Path(state)) as started:
        started.boot()
        yield started


def certified(tpm: swtpm.SwTpm, roots: Path) -> None:
    """By a maker whose root the owner has put into the folder."""
    maker = new_maker()
    speaking = Tpm(lambda command: tpm.converse(lambda transmit: transmit(command)))
    with speaking.primary_key(EK_ECC.template.marshalled()) as ek:
        key = ecc_key(read_public(ek.public, "the EK"), "the EK")
    tpm.write_certificate(EK_ECC.certificate_index, maker.certify(key))
    roots.mkdir()
    (roots / "maker.pem").write_bytes(maker.certificate.public_bytes(Encoding.PEM))


@needs_swtpm
async def test_a_genuine_tpm_reaches_level_2_here_and_with_a_question_elsewhere(
    tmp_path: Path, clock: SettableClock, tpm: swtpm.SwTpm, world: World, stack: ExitStack
) -> None:
    (tmp_path / "system").mkdir()
    Computer("with Secure Boot", files=FIRMWARE).build(tmp_path / "system")
    workshop = stack.enter_context(a_workshop(tmp_path, clock, profile=PLAIN))
    certified(tpm, workshop.folder.tpm_roots)
    attested = Attesting(with_witnesses(workshop, tmp_path, tpm=tpm), not_serving)
    status = await looked(attested)
    assert status.verdict is not None
    assert status.verdict.level is Level.TPM_BACKED, status.verdict.checks
    # elsewhere: from a first file to the question, and from the question to a second file
    shown = read_envelope((await attested.envelope("", "")).content.encode()).tpm
    assert shown is not None and shown.activated is None
    kept = KeptQuestion(NONCE, challenge(shown.ek_public, shown.ak_public))
    answer = read_envelope((await attested.envelope("", write_question(kept).decode())).content.encode())
    references: References = replace(world.references, tpm_roots=read_roots(workshop.folder.tpm_roots))
    asked = replace(references, nonce=NONCE, challenge=kept.challenge)
    assert judge(answer, asked, clock.now()).level is Level.TPM_BACKED
    other = replace(asked, challenge=challenge(shown.ek_public, shown.ak_public))
    assert judge(answer, other, clock.now()).level is Level.SELF_REPORTED
    assert tpm.open_handles() == 0


@needs_swtpm
async def test_a_tpm_of_an_unknown_maker_stays_at_level_1(
    tmp_path: Path, clock: SettableClock, tpm: swtpm.SwTpm, stack: ExitStack
) -> None:
    workshop = stack.enter_context(a_workshop(tmp_path, clock, profile=PLAIN))
    status = await looked(Attesting(with_witnesses(workshop, tmp_path, tpm=tpm), not_serving))
    assert status.verdict is not None and status.verdict.level is Level.SELF_REPORTED
    boot = next(check for check in status.verdict.checks if check.name == "Boot state (TPM)")
    assert boot.outcome is Outcome.MISSING
    assert {part.name: part.outcome for part in boot.parts}[SECURE_BOOT] is Outcome.MISSING
    first = status.hindrances[0]
    assert first.what == "The TPM is not known to be a genuine one."
    assert (first.next_step, first.whose_turn) == ("Nothing to do: this TPM stays at level 1.", WhoseTurn.NOBODY)


@needs_swtpm
async def test_what_would_make_a_tpm_believed_is_the_next_step(
    tmp_path: Path, clock: SettableClock, tpm: swtpm.SwTpm, stack: ExitStack
) -> None:
    """First the maker's root, then Secure Boot."""
    (tmp_path / "system").mkdir()
    Computer("without Secure Boot", files={SECURE_BOOT_FILE: "\x06\0\0\0\0"}).build(tmp_path / "system")
    workshop = stack.enter_context(a_workshop(tmp_path, clock, profile=PLAIN))
    roots = workshop.folder.tpm_roots
    certified(tpm, roots)
    kept_away = roots.rename(tmp_path / "kept away")
    attested = Attesting(with_witnesses(workshop, tmp_path, tpm=tpm), not_serving)
    assert (await looked(attested)).next_step == f"Put its maker's root certificate into {roots}."
    kept_away.rename(roots)
    status = await looked(attested)
    assert status.verdict is not None and status.verdict.level is Level.SELF_REPORTED
    assert status.next_step == "Switch it on in the firmware's settings."


async def test_a_verifier_without_list_and_references_is_told_what_it_lacks(
    tmp_path: Path, clock: SettableClock, driver: FakeDriver, world: World, stack: ExitStack
) -> None:
    workshop = a_confidential_workshop(tmp_path, clock, driver, stack)

    def report(uuid: str, nonce: bytes, limit: TimeLimit) -> GpuEvidence:
        return world.nvidia.evidence(nonce)

    references = replace(world.references, gpus=world.nvidia.references())
    workshop = with_witnesses(workshop, tmp_path, gpu=report, quote=lambda told: world.intel.quote(Guest(told)))
    hindrances = (await looked(Attesting(workshop, not_serving, lambda: references))).hindrances
    assert "`mulberry check --fresh`" in next(each for each in hindrances if "image" in each.what).next_step
    lacking = next(each for each in hindrances if "could not be checked" in each.what)
    assert ".swidtag" in lacking.why
    assert str(workshop.folder.gpu_references) in lacking.next_step
