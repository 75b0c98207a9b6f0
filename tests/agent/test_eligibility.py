"""The check must answer on every computer, whatever hangs or is broken there, and date what it says of the network."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest
import pytest_asyncio

import mulberry.agent.eligibility
from agent_workshop import a_workshop, need_none
from checked_computers import IMAGE, ROOT
from conftest import SettableClock
from contract_network import ContractNetwork
from fake_driver import FakeDriver, build_library, loaded, no_library
from mulberry.agent.api import make_application
from mulberry.agent.chain import Chain
from mulberry.agent.eligibility import Preflight
from mulberry.agent.listening import listening
from mulberry.agent.node import Node
from mulberry.agent.seen_root import keep_seen_root, load_seen_root
from mulberry.attestation.quote import parse_quote
from mulberry.client.control import ControlClient
from mulberry.client.http import request
from mulberry.hardware.files import SystemFiles
from mulberry.hardware.gpu import Gpus
from mulberry.model.eligibility import Answer, NetworkEligibility, SeenRoot, Standing
from mulberry.model.encoding import to_json
from mulberry.model.errors import UserFacingError
from mulberry.model.network import NetworkProfile, load_profile
from mulberry.model.places import DataFolder
from mulberry.runtime.sandbox.bare import NoSandbox
from mulberry.runtime.sandbox.choose import Choice
from synthetic_computers import TDX_GUEST, TDX_GUEST_FILES, Computer
from synthetic_tdx import Guest, SyntheticIntel
from treasury_desk import TreasuryDesk

MAINNET = load_profile("mainnet")
MakePreflight = Callable[..., Preflight]


@pytest.fixture(scope="module")
def nvml_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = build_library(tmp_path_factory.mktemp("fake-nvml"))
    if library is None:
        pytest.skip("needs a C compiler to build the fake driver")
    return library


@pytest.fixture
def driver(nvml_library: Path, tmp_path: Path) -> Iterator[FakeDriver]:
    with loaded(nvml_library, tmp_path / "driver-state") as driver:
        yield driver


@pytest.fixture
def preflight(tmp_path: Path, clock: SettableClock) -> Iterator[MakePreflight]:
    """Of an empty computer without a driver, with a data folder of its own."""
    opened: list[Gpus] = []

    def make(**others: object) -> Preflight:
        gpus = Gpus(clock, SystemFiles(tmp_path / "root"), answer_seconds=0.2)
        opened.append(gpus)
        given = {"files": SystemFiles(tmp_path / "root"), "find_sandbox": need_none} | others
        return Preflight(tmp_path / "data", gpus, clock, Random(1), **given)  # type: ignore[arg-type]

    (tmp_path / "root").mkdir()
    with no_library():
        yield make
        for gpus in opened:
            gpus.close()


def need(network: NetworkEligibility, name: str) -> Standing:
    return next(one.standing for one in network.requirements if one.name == name)


async def test_an_empty_computer_is_told_what_it_can_do(preflight: MakePreflight, clock: SettableClock) -> None:
    report = await preflight().report()
    assert [network.name for network in report.networks] == ["mainnet", "demo", "test"]
    main, demo, test = report.networks
    assert (main.answer, demo.answer, test.answer) == (Answer.UNKNOWN, Answer.CAN, Answer.CAN_AFTER)
    assert report.as_of == clock.now() and main.root_as_of is None
    assert [model.name for model in demo.models] == ["mulberry/tiny-lm"]


async def test_a_hanging_driver_keeps_the_check_from_nothing(
    driver: FakeDriver, tmp_path: Path, clock: SettableClock
) -> None:
    driver.says("count 1\nhang.nvmlDeviceGetCount_v2 1\n")
    gpus = Gpus(clock, SystemFiles(tmp_path / "root"), answer_seconds=0.1)
    preflight = Preflight(tmp_path, gpus, clock, Random(1), find_sandbox=need_none)
    async with asyncio.timeout(30):
        report = await preflight.report()
    driver.says("count 1\n")
    assert "does not answer" in report.summary[0]
    assert report.networks[1].answer is Answer.CAN
    await asyncio.to_thread(gpus.close)


async def test_a_data_folder_that_cannot_be_entered_is_no_reason_not_to_answer(
    preflight: MakePreflight, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "data", ignore_errors=True)
    (tmp_path / "data").symlink_to("x" * 300)  # opening it fails, for every user
    report = await preflight().report()
    assert [network.name for network in report.networks] == ["mainnet", "demo", "test"]


async def test_a_sandbox_that_takes_its_time_is_unknown(
    preflight: MakePreflight, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mulberry.agent.eligibility, "SANDBOX_SECONDS", 0.05)

    async def never() -> Choice:
        await asyncio.Event().wait()
        return Choice(NoSandbox(), ())

    test = (await preflight(find_sandbox=never).report()).networks[2]
    assert test.answer is Answer.UNKNOWN and need(test, "A sandbox for strangers' jobs") is Standing.UNKNOWN


async def test_a_guests_image_is_read_from_its_quote(preflight: MakePreflight, tmp_path: Path) -> None:
    Computer("a guest", cpu=TDX_GUEST, files=TDX_GUEST_FILES).build(tmp_path / "root")
    quote = SyntheticIntel().quote(Guest(report_data=bytes(64)))
    image = parse_quote(quote).measurements.image_hash.hex()
    folder = DataFolder.of_network(tmp_path / "data", "mainnet")
    folder.path.mkdir(parents=True)
    folder.seen_root.write_bytes(
        to_json(SeenRoot, SeenRoot(MAINNET.root_contract_address, 3, (image,), (), ROOT.as_of))
    )
    main = (await preflight(quote=lambda _: quote).report(only=MAINNET)).networks[0]
    assert need(main, "Its image on the network's list") is Standing.MET
    assert main.root_as_of == ROOT.as_of


def refuse(_: bytes) -> bytes:
    raise UserFacingError("No TDX quote was made.", "The host does not answer.", "Ask its owner.")


@pytest.mark.parametrize(
    ("quote", "why"),
    [(refuse, "no quote was made: The host does not answer"), (lambda _: b"nonsense", "the quote cannot be read")],
    ids=["no quote", "no sense in it"],
)
async def test_a_guest_without_a_quote_does_not_know_its_image(
    preflight: MakePreflight, tmp_path: Path, quote: Callable[[bytes], bytes], why: str
) -> None:
    Computer("a guest", cpu=TDX_GUEST, files=TDX_GUEST_FILES).build(tmp_path / "root")
    main = (await preflight(quote=quote).report(only=MAINNET)).networks[0]
    unknown = next(one for one in main.requirements if one.name == "Quotes from the kernel")
    assert unknown.standing is Standing.UNKNOWN and why in unknown.evidence


async def test_networks_that_were_joined_are_answered_too(preflight: MakePreflight, tmp_path: Path) -> None:
    joined = load_profile("demo").model_copy(
        update={"name": "test-lab", "title": "The lab's network", "kind": "test", "launch": None}
    )
    for name, content in (("test-lab", joined.model_dump_json(exclude_unset=True)), ("broken", "{")):
        folder = DataFolder.of_network(tmp_path / "data", name)
        folder.path.mkdir(parents=True)
        folder.profile.write_text(content, encoding="utf-8")
    report = await preflight().report()
    assert [network.name for network in report.networks] == ["mainnet", "demo", "test-lab"]
    lab = report.networks[2]
    assert lab.title == "The lab's network" and lab.answer is Answer.CAN, "all its jobs come from here"


# The root contract


@pytest_asyncio.fixture
async def desk(network: ContractNetwork, tmp_path: Path, clock: SettableClock) -> AsyncIterator[TreasuryDesk]:
    desk = TreasuryDesk(network, tmp_path / "data" / "test-chain", clock)
    await desk.serve()
    yield desk
    await desk.close()


def chain_profile(desk: TreasuryDesk) -> NetworkProfile:
    return desk.profile.model_copy(update={"name": "test-chain", "kind": "test", "launch": None, "front_url": None})


async def test_what_the_agent_reads_of_the_root_contract_is_kept_with_its_date(
    desk: TreasuryDesk, clock: SettableClock
) -> None:
    profile = chain_profile(desk)
    chain = Chain(lambda: profile, desk.folder, clock=clock, random=Random(1))
    try:
        await chain.open()
        parameters = await chain.root_parameters()
    finally:
        await chain.close()
    kept = load_seen_root(desk.folder.seen_root)
    assert kept is not None and kept.as_of == chain.root_as_of and kept.version == parameters.version
    assert kept.worker_hashes == tuple(accepted.hex() for accepted in parameters.worker_hashes)
    assert desk.folder.seen_root.stat().st_mode & 0o077 == 0


async def test_the_chain_is_asked_only_when_its_owner_wants_it(
    desk: TreasuryDesk, preflight: MakePreflight, tmp_path: Path
) -> None:
    profile = chain_profile(desk)
    before = (await preflight().report(only=profile)).networks[0]
    assert before.root_as_of is None and not desk.folder.seen_root.exists()
    fresh = (await preflight().report(only=profile, fresh=True)).networks[0]
    assert fresh.root_as_of is not None
    later = (await preflight().report(only=profile)).networks[0]
    assert later.root_as_of == fresh.root_as_of, "what was read is remembered"


async def test_a_chain_that_is_not_reached_leaves_what_was_seen_last(
    desk: TreasuryDesk, preflight: MakePreflight, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mulberry.agent.eligibility, "FRESH_SECONDS", 0.3)
    profile = chain_profile(desk)
    await desk.close()
    main = profile.model_copy(update={"kind": "mainnet", "worker_policy": MAINNET.worker_policy})
    unread = (await preflight().report(only=main, fresh=True)).networks[0]
    rules = next(one for one in unread.requirements if one.name == "The network's rules")
    assert rules.standing is Standing.UNKNOWN and "TON was not reached within 0.3 seconds" in rules.evidence
    ours = replace(ROOT, address=main.root_contract_address)
    keep_seen_root(desk.folder.seen_root, ours, None)
    seen_last = (await preflight().report(only=main, fresh=True)).networks[0]
    assert seen_last.root_as_of == ROOT.as_of


async def test_another_contracts_lists_count_for_nothing(desk: TreasuryDesk, preflight: MakePreflight) -> None:
    """A network that moved to a new root contract, or a profile that borrows a network's name."""
    profile = chain_profile(desk)
    for stranger in ("0:" + "77" * 32, "no address"):
        keep_seen_root(desk.folder.seen_root, replace(ROOT, address=stranger), None)
        assert (await preflight().report(only=profile)).networks[0].root_as_of is None


def test_the_lists_are_not_written_at_every_reading(tmp_path: Path) -> None:
    path = tmp_path / "root-contract.json"
    assert ROOT.as_of is not None
    first = keep_seen_root(path, ROOT, None)
    path.unlink()
    soon = SeenRoot(ROOT.address, ROOT.version, (IMAGE,), ROOT.model_hashes, ROOT.as_of + timedelta(minutes=1))
    assert keep_seen_root(path, soon, first) == first and not path.exists()
    late = SeenRoot(ROOT.address, ROOT.version, (IMAGE,), ROOT.model_hashes, ROOT.as_of + timedelta(hours=2))
    assert keep_seen_root(path, late, first) == late == load_seen_root(path)
    other = SeenRoot(ROOT.address, ROOT.version, (), (), ROOT.as_of + timedelta(hours=2, minutes=1))
    assert keep_seen_root(path, other, late) == other == load_seen_root(path), "a new list is kept at once"


@pytest.mark.parametrize("content", [b"", b"{", b'{"version": "1"}', b"\xff" * 100, b"[" * 10_000, b" " * 70_000])
def test_a_file_that_says_nothing_sensible_is_not_used(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "root-contract.json"
    path.write_bytes(content)
    assert load_seen_root(path) is None


def test_a_folder_that_cannot_be_written_costs_nothing_but_the_memory(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    shutil.rmtree(folder)
    assert keep_seen_root(folder / "root-contract.json", ROOT, None) == ROOT


# The control API


@pytest_asyncio.fixture
async def agent(tmp_path: Path, clock: SettableClock) -> AsyncIterator[Node]:
    with no_library(), a_workshop(tmp_path, clock) as workshop:
        node = Node(workshop)
        async with listening(make_application(node), workshop.folder.control_address):
            yield node


async def test_a_face_hears_what_the_command_line_says(agent: Node, tmp_path: Path, clock: SettableClock) -> None:
    folder = DataFolder.of_network(tmp_path, "demo")
    report = await ControlClient(folder).eligibility()
    assert report.as_of == clock.now() and [network.name for network in report.networks] == ["mainnet", "demo", "test"]
    status, answer = await request(folder.control_address, "GET", "/v1/eligibility?fresh=2")
    assert status == 400 and b"fresh must be 0 or 1" in answer


async def test_a_face_is_told_what_this_computer_is(agent: Node, tmp_path: Path) -> None:
    computer = await ControlClient(DataFolder.of_network(tmp_path, "demo")).computer()
    assert computer.gpus.absent_because
    assert computer.host.kernel.evidence and computer.confidential.mode.evidence


def test_a_hash_is_of_the_whole_name() -> None:
    assert ROOT.model_hashes == (sha256(MAINNET.model.encode()).hexdigest(),)
