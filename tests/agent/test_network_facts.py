"""An owner must be able to tell what was read from TON and proven from what a file says."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from agent_workshop import DEMO, a_workshop
from conftest import SettableClock
from contract_network import OWNER, ContractNetwork
from mulberry.agent.bench import Bench
from mulberry.agent.network_facts import network_info, root_of
from mulberry.agent.startup_money import ConnectToTon, ReadRoot, UnlockKey
from mulberry.agent.task import Done, Task
from mulberry.model.attestation import Policy
from mulberry.model.encoding import from_json, to_json
from mulberry.model.node import NetworkInfo
from mulberry.ton.address import parse_address
from treasury_desk import TreasuryDesk

pytestmark = pytest.mark.virtual_time
UP_TO_THE_ROOT: tuple[type[Task], ...] = (UnlockKey, ConnectToTon, ReadRoot)


@pytest.fixture
async def desk(network: ContractNetwork, tmp_path: Path, clock: SettableClock) -> AsyncIterator[TreasuryDesk]:
    desk = TreasuryDesk(network, tmp_path / "node", clock)
    await desk.serve()
    yield desk
    await desk.close()


async def test_what_was_read_from_ton_has_the_time_of_its_block(
    desk: TreasuryDesk, tmp_path: Path, clock: SettableClock
) -> None:
    with a_workshop(tmp_path, clock, profile=desk.profile) as workshop:
        async with AsyncExitStack() as stack:
            bench = Bench(workshop, stack, lambda: None)
            bench.owner = OWNER
            assert root_of(bench) is None
            for task in UP_TO_THE_ROOT:
                assert isinstance(await task().run(bench, lambda note: None), Done)
            root, parameters = root_of(bench), bench.parameters
    assert root is not None
    assert root.as_of is not None
    assert root.as_of <= clock.now()
    assert root.address.startswith("EQ")
    assert parse_address(root.address).raw == parameters.root_address
    assert (root.version, root.params_version) == (parameters.version, parameters.params_version)
    assert root.worker_fee_per_token == parameters.worker_fee_per_token
    assert root.proxies == len(parameters.proxies)


async def test_what_a_file_says_has_no_time_and_a_launched_networks_own_file_says_nothing(
    tmp_path: Path, clock: SettableClock
) -> None:
    with a_workshop(tmp_path, clock) as workshop:
        async with AsyncExitStack() as stack:
            assert root_of(Bench(workshop, stack, lambda: None)) is None
    joined = DEMO.model_copy(update={"launch": None, "kind": "test", "root_contract_address": "nowhere" * 20})
    with a_workshop(tmp_path / "joined", clock, profile=joined) as workshop:
        async with AsyncExitStack() as stack:
            root = root_of(Bench(workshop, stack, lambda: None))
    assert root is not None
    assert root.as_of is None
    assert (root.version, root.worker_fee_per_token) == (1, 20_000)
    assert len(root.address) == 48


def test_the_network_is_told_as_its_profile_says() -> None:
    info = network_info(DEMO, "http://127.0.0.1:8080", None)
    assert (info.kind, info.is_demo, info.transport) == ("demo", True, "ratls")
    assert (info.proxy_policy, info.check_hashes, info.connections) == (Policy.FAKE_TDX, True, 1)
    assert from_json(NetworkInfo, to_json(NetworkInfo, info)) == info
