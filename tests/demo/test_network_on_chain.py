"""Who works for the demo network sees nothing but its lite server, and must find there what the network promises."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest
from nacl.signing import SigningKey

from demo_worker import MemoryBook, connected_worker
from mulberry.demo.contracts import load_codes
from mulberry.demo.network import Ready, run
from mulberry.model.clock import SystemClock
from mulberry.model.network import NetworkProfile, load_profile
from mulberry.model.payments import SignedPayment
from mulberry.model.root_contract import RootParameters
from mulberry.ton.address import Address, parse_address
from mulberry.ton.chain.access import ChainAccess
from mulberry.ton.chain.config import parse_global_config
from mulberry.ton.contract_data import read_client_contract, read_worker_contract
from mulberry.ton.contracts import client_contract, proxy_contract, worker_contract
from mulberry.ton.messages import cash_out, deploy_worker_contract
from mulberry.ton.root import read_root
from mulberry.ton.wallet import Outgoing, external_boc, node_wallet, read_node_wallet, signed_request

PROFILE = load_profile("demo").over("plain")
PATIENCE_SECONDS = 20.0
SHOP = Address(b"\x77" * 32)


@pytest.fixture(autouse=True)
def quick_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mulberry.demo.network.BLOCK_SECONDS", 0.05)
    monkeypatch.setattr("mulberry.demo.network.CHARGE_SECONDS", 0.1)


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Ready]:
    ready: asyncio.Future[Ready] = asyncio.get_running_loop().create_future()
    network = asyncio.create_task(
        run(folder, PROFILE, on_ready=ready.set_result, random=Random(1), clock=SystemClock(), requests_per_minute=0)
    )
    first: set[asyncio.Future[Any]] = {network, ready}
    await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
    if network.done():
        network.result()
    try:
        yield ready.result()
    finally:
        network.cancel()
        await asyncio.wait({network})


@asynccontextmanager
async def looking(profile: NetworkProfile) -> AsyncIterator[ChainAccess]:
    """From the profile alone, as a worker does."""
    config = parse_global_config(json.dumps(profile.lite_servers).encode(), Random(1), source="a test")
    access = ChainAccess(config, clock=SystemClock(), random=Random(1))
    await access.start()
    try:
        yield access
    finally:
        await access.close()


async def root_of(profile: NetworkProfile, access: ChainAccess) -> RootParameters:
    address = parse_address(profile.root_contract_address)
    data = (await access.account(address)).data
    assert data is not None
    return read_root(data, root=address)


async def until(access: ChainAccess, is_shown: Callable[[], Awaitable[bool]]) -> None:
    """Asks anew after each block."""
    news = asyncio.Event()
    unsubscribe = access.subscribe(lambda _: news.set())
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                news.clear()
                if await is_shown():
                    return
                await news.wait()
    finally:
        unsubscribe()


async def test_the_root_contract_says_what_the_profile_promised(tmp_path: Path) -> None:
    async with running(tmp_path) as ready, looking(ready.profile) as access:
        root = await root_of(ready.profile, access)
    assert root == ready.parameters
    assert root.proxies == (ready.proxy,)
    promised = PROFILE.root_parameters()
    assert (root.price_per_token, root.worker_fee_per_token) == (
        promised.price_per_token,
        promised.worker_fee_per_token,
    )


async def test_a_second_run_goes_on_with_the_same_chain(tmp_path: Path) -> None:
    async with running(tmp_path) as ready, looking(ready.profile) as access:
        first, head = ready, (await access.head()).id.seqno
    async with running(tmp_path) as ready, looking(ready.profile) as access:
        assert ready.profile.root_contract_address == first.profile.root_contract_address
        assert first.profile.lite_servers is not None and ready.profile.lite_servers is not None
        assert ready.profile.lite_servers["validator"] == first.profile.lite_servers["validator"]
        assert (await access.head()).id.seqno > head
        root = await root_of(ready.profile, access)
        assert root.proxies == (ready.proxy,)
        assert root.version == first.parameters.version + (ready.proxy != first.proxy)


async def test_what_a_worker_did_becomes_money_through_the_lite_server(tmp_path: Path) -> None:
    async with running(tmp_path) as ready, looking(ready.profile) as access, aiohttp.ClientSession() as http:
        book = MemoryBook(ready.profile, ready.parameters)
        async with connected_worker(ready.profile, ready.proxy.port, book=book):
            question = {"model": PROFILE.model_base_name, "messages": [{"role": "user", "content": "hi"}]}
            async with http.post(f"{ready.front_url}/v1/chat/completions", json=question) as response:
                assert response.status == 200
            await book.until_paid(8)
        assert book.proxy is not None and book.contract is not None

        root = await root_of(ready.profile, access)
        owner = parse_address(ready.profile.owner_address)
        proxy_key = book.proxy.proxy_public_key
        proxy = proxy_contract(root, proxy_key, parse_address(book.proxy.proxy_owner_address))
        worker = worker_contract(root, proxy_key, proxy.address, owner)
        assert worker.address == book.contract, "the proxy signs for the contract that follows from the chain"

        key = SigningKey(b"w" * 32)
        wallet = node_wallet(load_codes().wallet, bytes(key.verify_key), owner)
        assert ready.profile.faucet_url is not None
        async with http.post(ready.profile.faucet_url, json={"address": wallet.address.friendly()}) as response:
            assert await response.json() == {"nanoton": 5 * 10**9}

        async def balance(of: Address) -> int:
            return (await access.account(of)).balance

        async def funded() -> bool:
            return await balance(wallet.address) > 0

        async def sent(seqno: int) -> bool:
            data = (await access.account(wallet.address)).data
            return data is not None and read_node_wallet(data).seqno > seqno

        async def paid() -> bool:
            data = (await access.account(worker.address)).data
            return data is not None and read_worker_contract(data).tokens == 8

        await until(access, funded)
        payment = SignedPayment(proxy_key.hex(), worker.address.raw, 8, book.bocs[-1], SystemClock().now())
        steps = (deploy_worker_contract(worker), cash_out(payment, worker.address, excess_address=wallet.address))
        before = await balance(owner)
        for seqno, message in enumerate(steps):
            valid_until = SystemClock().now() + timedelta(seconds=60)
            request = signed_request(key, [Outgoing(message)], seqno=seqno, valid_until=valid_until)
            await access.send(external_boc(wallet, request, deploy=seqno == 0))
            await until(access, partial(sent, seqno))
        await until(access, paid)
        assert await balance(owner) - before == 8 * 20_000

        proxy_owner = parse_address(book.proxy.proxy_owner_address)
        client = client_contract(root, proxy_key, proxy.address, proxy_owner)

        async def charged() -> bool:
            data = (await access.account(client.address)).data
            return data is not None and read_client_contract(data).tokens == 8

        await until(access, charged)


COMMAND = """
import sys
from pathlib import Path
from mulberry.demo import network
network.BLOCK_SECONDS = 0.05
network.run_demo_network(Path(sys.argv[1]), "demo", requests_per_minute=0, until_stdin_closes=True)
"""


@asynccontextmanager
async def process(folder: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, NetworkProfile]]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent.parent / "app")}
    started = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", COMMAND, str(folder)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=environment,
    )
    assert started.stdout is not None
    try:
        while "progress" in json.loads(await started.stdout.readline()):
            pass
        yield started, load_profile(str(folder / "network.json"))
    finally:
        if started.returncode is None:
            started.kill()
        await started.communicate()


async def test_what_somebody_has_seen_outlives_a_kill(tmp_path: Path) -> None:
    async with process(tmp_path) as (killed, profile), looking(profile) as access, aiohttp.ClientSession() as http:
        assert profile.faucet_url is not None
        async with http.post(profile.faucet_url, json={"address": SHOP.raw}) as response:
            assert response.status == 200

        async def arrived() -> bool:
            return (await access.account(SHOP)).balance == 5 * 10**9

        await until(access, arrived)
        killed.kill()  # in the very moment
    async with process(tmp_path) as (_, profile), looking(profile) as access:
        assert (await access.account(SHOP)).balance == 5 * 10**9
