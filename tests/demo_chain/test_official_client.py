"""TON's own C++ client checks every signature and every proof: it found mistakes of ours that pytoniq did not.

It comes with pytonlib, which is under the GPL and therefore no dependency of Mulberry, not even of its tests. To run
this: `python3 -m venv V && V/bin/pip install pytonlib==0.0.72`, then `MULBERRY_PYTONLIB=V/bin/python` and pytest.
"""

import asyncio
import importlib.util
import json
import os
import sys
from typing import Any

import pytest

from conftest import SettableClock
from mulberry.demo.chain.chain import LocalChain
from mulberry.demo.chain.faults import Faults, Lie
from mulberry.demo.chain.lite_server import LiteServer
from mulberry.demo.chain.validators import Signing
from mulberry.model.clock import SystemClock
from mulberry.model.money import Nanoton
from mulberry.ton.address import Address
from mulberry.ton.emulator.executor import Emulator
from public_wallet import PublicWallet

TON = 10**9
SHOP, NOBODY = Address(b"\x77" * 32), Address(b"\x66" * 32)
PYTHON = os.environ.get("MULBERRY_PYTONLIB") or (sys.executable if importlib.util.find_spec("pytonlib") else None)

pytestmark = pytest.mark.skipif(PYTHON is None, reason="pytonlib is not installed; how to: see this file")

# Runs in pytonlib's interpreter: its library has threads and a log of its own.
PROGRAM = """
import asyncio, base64, json, os, sys, tempfile
from pytonlib import TonlibClient

async def ask(calls):
    config, wallet, shop, nobody = json.load(sys.stdin)
    client = TonlibClient(ls_index=0, config=config, keystore=tempfile.mkdtemp(), loop=asyncio.get_running_loop(),
                          verbosity_level=0, tonlib_timeout=8)
    await client.init()
    info = await client.get_masterchain_info()
    seqno = info["last"]["seqno"]
    calls = {
        "sync": client.sync_tonlib,
        "shop": lambda: client.raw_get_account_state(shop),
        "nobody": lambda: client.raw_get_account_state(nobody),
        "history": lambda: client.get_transactions(wallet, limit=10),
        "lookup": lambda: client.lookup_block(-1, -2**63, 3),
        "shards": lambda: client.get_shards(seqno),
        "configuration": lambda: client.get_config_param(34, seqno),
        "libraries": lambda: client.get_libraries([base64.b64encode(bytes(32)).decode()]),
        "method": lambda: client.raw_run_method(wallet, "seqno", []),
    }
    answers = {}
    async def call(name, function):
        try:
            answers[name] = await function()
        except Exception as problem:
            answers[name] = {"failed": str(problem)}
    for name, function in calls.items():
        await call(name, function)
    if "failed" not in answers["history"]:
        lt = int(answers["history"][0]["transaction_id"]["lt"])
        await call("lookup by lt", lambda: client.lookup_block(0, -2**63, lt=lt))
    if "failed" not in answers["shards"]:
        shard = answers["shards"]["shards"][0]
        await call("header", lambda: client.get_block_header(0, -2**63, shard["seqno"]))
        await call("block", lambda: client.raw_get_block_transactions(shard, 10, None))
        await call("block with bodies", lambda: client.raw_get_block_transactions_ext(shard, 10, None))
    await client.close()
    print(json.dumps(answers, default=str), flush=True)
    os._exit(0)

asyncio.run(ask({}))
"""


async def ask(server: LiteServer) -> dict[str, Any]:
    """What the official client says about the server's chain: name of a question to answer."""
    question = [server.global_config(), PublicWallet().address.raw, SHOP.raw, NOBODY.raw]
    process = await asyncio.create_subprocess_exec(
        str(PYTHON), "-c", PROGRAM, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await process.communicate(json.dumps(question).encode())
    answers: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return answers


@pytest.fixture
def paying_chain(request: pytest.FixtureRequest, emulator: Emulator, clock: SettableClock) -> LocalChain:
    chain = LocalChain(b"official", SystemClock(), emulator, signing=request.param)
    wallet = PublicWallet()
    chain.faucet(wallet.address, Nanoton(100 * TON))
    chain.make_block()
    chain.send_external(wallet.deploy())
    chain.make_block()
    for number in (1, 2, 3):
        chain.send_external(wallet.transfer(number, SHOP, number * TON))
        chain.make_block()
    return chain


@pytest.mark.parametrize("paying_chain", list(Signing), indirect=True)
async def test_it_verifies_everything_it_asks_for(paying_chain: LocalChain) -> None:
    server = LiteServer(paying_chain)
    await server.start()
    answers = await ask(server)
    await server.close()
    assert {name: answer for name, answer in answers.items() if "failed" in answer} == {}
    assert len(answers) == 13
    assert answers["sync"]["seqno"] == paying_chain.head.seqno
    # storage costs as time passes
    assert int(answers["shop"]["balance"]) == paying_chain.account(SHOP).balance > 5 * TON
    assert int(answers["nobody"]["balance"]) == -1  # proven to be absent
    history = [int(item["transaction_id"]["lt"]) for item in answers["history"]]
    assert history == [kept.lt for kept in paying_chain.transactions(PublicWallet().address)]
    assert answers["method"]["stack"] == [["num", "0x4"]]


@pytest.mark.parametrize("paying_chain", [Signing.ORDINARY], indirect=True)
@pytest.mark.parametrize(
    "lie",
    [Lie.REPEATED_SIGNATURE, Lie.TOO_FEW_SIGNATURES, Lie.FORGED_SIGNATURES, Lie.BALANCE, Lie.ACCOUNT_PROOF],
)
async def test_it_catches_the_lies_as_they_are_meant(paying_chain: LocalChain, lie: Lie) -> None:
    server = LiteServer(paying_chain, faults=Faults(lies=frozenset({lie})))
    await server.start()
    answers = await ask(server)
    await server.close()
    assert "failed" in answers["shop"], answers["shop"]
