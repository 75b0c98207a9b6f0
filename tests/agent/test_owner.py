"""A wrong owner address is money lost for ever: it is refused before it is believed, and never changed under work."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from agent_workshop import DEMO, a_workshop
from conftest import SettableClock
from mulberry.agent.api import make_application
from mulberry.agent.listening import listening
from mulberry.agent.node import Node
from mulberry.agent.owner import read_owner
from mulberry.agent.settings import Settings, load_settings, save_settings
from mulberry.agent.shift import Shift
from mulberry.agent.startup import ReadProfile
from mulberry.agent.startup_money import UnlockKey
from mulberry.agent.workshop import Workshop
from mulberry.client.control import ControlClient
from mulberry.model.control import Command
from mulberry.model.errors import UserFacingError
from mulberry.model.network import load_profile
from mulberry.model.node import NodeState, Status, Want
from mulberry.model.places import DataFolder
from mulberry.ton.address import Address

MAINNET = load_profile("mainnet")
NOBODYS = DEMO.model_copy(update={"owner_address": "", "chain": None, "lite_servers": {"liteservers": []}})
ALICE, BOB = Address(b"\x11" * 32), Address(b"\x22" * 32)


@asynccontextmanager
async def an_agent(root: Path, clock: SettableClock) -> AsyncIterator[ControlClient]:
    """One that needs its owner's address and its key, and nothing else, to work."""

    def make_shift(workshop: Workshop, on_change: Callable[[], None]) -> Shift:
        return Shift(workshop, on_change, tasks=(ReadProfile, UnlockKey))

    with a_workshop(root, clock, profile=NOBODYS) as workshop:
        node = Node(workshop, make_shift=make_shift)
        work = asyncio.create_task(node.run())
        async with listening(make_application(node), workshop.folder.control_address):
            yield ControlClient(workshop.folder, timeout_seconds=5)
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work


async def until(client: ControlClient, condition: Callable[[Status], bool]) -> Status:
    async with asyncio.timeout(5):
        while not condition(status := await client.status()):  # noqa: ASYNC110 - asks as a face does
            await asyncio.sleep(0.01)
    return status


def has_its_key(status: Status) -> bool:
    return bool(status.steps) and status.steps[-1].state == "done"


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("", "Nobody is named"),
        ("alice.ton", "neither 0: and"),
        (ALICE.friendly(test_only=True), "test networks only"),
        (ALICE.friendly()[:-1] + "A", "typing mistake"),
        (Address(bytes(32)).raw, "Nobody holds a key"),
        (MAINNET.root_contract_address, "root contract"),
    ],
)
def test_real_money_is_not_sent_where_it_would_be_lost(address: str, said: str) -> None:
    with pytest.raises(UserFacingError, match=said) as refused:
        read_owner(address, MAINNET)
    assert "mulberry owner" in refused.value.next_step


@pytest.mark.parametrize("address", [ALICE.raw, ALICE.friendly(), ALICE.friendly(bounceable=True)])
def test_every_way_of_writing_an_address_is_the_same_owner(address: str) -> None:
    assert read_owner(address, MAINNET) == ALICE


def test_play_money_may_go_to_an_address_of_a_test_network() -> None:
    assert read_owner(ALICE.friendly(test_only=True), DEMO) == ALICE


async def test_a_node_that_waits_for_its_owners_address_goes_on_and_keeps_it(
    tmp_path: Path, clock: SettableClock
) -> None:
    async with an_agent(tmp_path, clock) as client:
        await client.command(Command(Want.START))
        reason = (await until(client, lambda status: status.state is NodeState.NEEDS_YOU)).reasons[0]
        assert "Nobody is named" in reason.evidence and "mulberry owner" in reason.next_step
        assert (await client.name_owner(ALICE.raw)).owner == ALICE.friendly()
        await until(client, has_its_key)
    async with an_agent(tmp_path, clock) as client:
        assert (await client.wallet()).owner == ALICE.friendly()


async def test_another_owner_has_another_node_wallet_and_the_first_comes_back_with_his(
    tmp_path: Path, clock: SettableClock
) -> None:
    async with an_agent(tmp_path, clock) as client:
        await client.name_owner(ALICE.friendly())
        alices = (await client.set_key_passphrase("mulberry silk worm")).wallet
        bobs = (await client.name_owner(BOB.friendly())).node_wallet
        assert alices and bobs and bobs != alices
        assert (await client.name_owner(ALICE.friendly())).node_wallet == alices


async def test_work_is_not_taken_from_under_its_owner(tmp_path: Path, clock: SettableClock) -> None:
    async with an_agent(tmp_path, clock) as client:
        await client.name_owner(ALICE.friendly())
        await client.command(Command(Want.START))
        await until(client, has_its_key)
        with pytest.raises(UserFacingError, match="mulberry stop"):
            await client.name_owner(BOB.friendly())
        await client.command(Command(Want.STOP))
        await until(client, lambda status: status.state is NodeState.STOPPED)
        assert (await client.wallet()).owner == ALICE.friendly()
        assert (await client.name_owner(BOB.friendly())).owner == BOB.friendly()


async def test_what_cannot_be_believed_or_stored_changes_nothing(tmp_path: Path, clock: SettableClock) -> None:
    path = DataFolder.of_network(tmp_path, "demo").settings
    async with an_agent(tmp_path, clock) as client:
        save_settings(path, Settings(coefficient=1200))
        with pytest.raises(UserFacingError, match="Payouts cannot go to bob"):
            await client.name_owner("bob")
        await client.name_owner(ALICE.friendly())
        assert load_settings(path, clock) == Settings(coefficient=1200, owner_address=ALICE.friendly())
        path.unlink()
        path.mkdir()
        with pytest.raises(UserFacingError, match="cannot be written"):
            await client.name_owner(BOB.friendly())
        assert (await client.wallet()).owner == ALICE.friendly()
