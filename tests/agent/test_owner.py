"""A wrong owner address is money lost for ever: it is refused before it is believed, and never changed under work."""

from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from agent_workshop import DEMO
from conftest import SettableClock
from mulberry.agent.owner import read_owner
from mulberry.agent.settings import Settings, load_settings, save_settings
from mulberry.agent.startup import ReadProfile
from mulberry.agent.startup_money import UnlockKey
from mulberry.client.control import ControlClient
from mulberry.model.control import Command
from mulberry.model.errors import UserFacingError
from mulberry.model.network import load_profile
from mulberry.model.node import NodeState, Want
from mulberry.model.places import DataFolder
from mulberry.ton.address import Address
from waiting_agent import an_agent_of, has_its_key, until

MAINNET = load_profile("mainnet")
NOBODYS = DEMO.model_copy(update={"owner_address": "", "chain": None, "lite_servers": {"liteservers": []}})
ALICE, BOB = Address(b"\x11" * 32), Address(b"\x22" * 32)


def an_agent(root: Path, clock: SettableClock) -> AbstractAsyncContextManager[ControlClient]:
    """One that needs its owner's address and its key, and nothing else, to work."""
    return an_agent_of((ReadProfile, UnlockKey), NOBODYS, root, clock)


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
        with pytest.raises(UserFacingError, match="cannot be read"):
            await client.name_owner(BOB.friendly())
        assert (await client.wallet()).owner == ALICE.friendly()
