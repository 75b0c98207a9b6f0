"""Real clients must believe our server and must be able to catch it lying: else our own checks were never tested."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from bitarray import bitarray
from pytoniq.liteclient import sync
from pytoniq.liteclient.client import LiteClient, LiteClientError, LiteServerError
from pytoniq_core.boc.address import Address as LibraryAddress
from pytoniq_core.boc.cell import Cell
from pytoniq_core.proof.check_proof import ProofError

from conftest import SettableClock
from mulberry.demo.chain.adnl import MATERIAL_BYTES, Connection
from mulberry.demo.chain.chain import LocalChain
from mulberry.demo.chain.faults import HONEST, Faults, Lie
from mulberry.demo.chain.lite_server import LiteServer, global_config
from mulberry.demo.chain.validators import Signing
from mulberry.model.money import Nanoton
from mulberry.ton.address import Address
from mulberry.ton.emulator.executor import Emulator
from public_wallet import PublicWallet

TON = 10**9
SHOP = Address(b"\x77" * 32)
NOBODY = Address(b"\x66" * 32)


def their(address: Address) -> LibraryAddress:
    return LibraryAddress((0, address.account))


@pytest.fixture
async def server(chain: LocalChain) -> AsyncIterator[LiteServer]:
    """A chain with a wallet that paid the shop three times, served honestly."""
    wallet = PublicWallet()
    chain.faucet(wallet.address, Nanoton(100 * TON))
    chain.make_block()
    chain.send_external(wallet.deploy())
    chain.make_block()
    for number in (1, 2, 3):
        chain.send_external(wallet.transfer(number, SHOP, number * TON))
        chain.make_block()
    server = LiteServer(chain)
    await server.start()
    yield server
    await server.close()


@pytest.fixture(params=[2, 1, 0], ids=["trust 2", "trust 1", "trust 0"])
async def client(
    request: pytest.FixtureRequest,
    server: LiteServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    quiet_library: None,
) -> AsyncIterator[LiteClient]:
    monkeypatch.setattr(sync, "get_block_store_path", lambda: tmp_path)
    client = LiteClient.from_config(server.global_config(), 0, trust_level=request.param)
    await client.connect()
    yield client
    await client.close()


async def connected(server: LiteServer, trust: int = 1) -> LiteClient:
    client: LiteClient = LiteClient.from_config(server.global_config(), 0, timeout=1, trust_level=trust)
    await client.connect()
    return client


async def test_pytoniq_reads_what_the_chain_holds(client: LiteClient, server: LiteServer) -> None:
    chain, wallet = server.chain, PublicWallet()
    assert client.last_mc_block.seqno == chain.head.seqno
    shop = await client.get_account_state(their(SHOP))
    assert shop.balance == chain.account(SHOP).balance == 6 * TON
    history = await client.get_transactions(their(wallet.address), 10)
    assert [item.lt for item in history] == [kept.lt for kept in chain.transactions(wallet.address)]
    assert [item.cell.hash for item in history] == [kept.hash for kept in chain.transactions(wallet.address)]
    assert (await client.run_get_method(their(wallet.address), "seqno", [])) == [4]
    assert 34 in await client.get_config_all()


@pytest.mark.skipif(sys.platform == "win32", reason="the demo network uses uvloop where there is one")
def test_an_answer_to_somebody_who_has_hung_up_is_not_sent() -> None:
    import uvloop

    async def answer_too_late() -> None:
        ours, theirs = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=ours)
        connection = Connection(reader, writer, bytes(MATERIAL_BYTES))
        theirs.close()
        await reader.read()
        writer.close()
        await writer.wait_closed()
        connection.send(b"the answer")
        assert writer.is_closing()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(answer_too_late())


async def test_pytoniq_walks_through_the_blocks(client: LiteClient, server: LiteServer) -> None:
    newest = client.last_mc_block
    assert (await client.raw_get_block_header(newest)).info.seqno == newest.seqno
    found, _ = await client.lookup_block(-1, -(2**63), 3)
    assert found.seqno == 3
    (shard,) = await client.get_all_shards_info()
    assert shard.seqno == newest.seqno
    assert (await client.raw_get_shard_info()).seq_no == shard.seqno
    listed = await client.raw_get_block_transactions(shard)
    bodies = await client.raw_get_block_transactions_ext(shard)
    assert sorted(item["lt"] for item in listed) == sorted(item.lt for item in bodies)
    assert len(listed) == 2
    one = await client.get_one_transaction(listed[0]["account"], listed[0]["lt"], shard)
    assert one is not None
    assert one.lt == listed[0]["lt"]
    assert (await client.raw_get_block(shard)).info.seqno == shard.seqno


async def test_a_payment_sent_by_pytoniq_arrives(client: LiteClient, server: LiteServer) -> None:
    wallet, chain = PublicWallet(), server.chain
    await client.raw_send_message(wallet.transfer(4, NOBODY, TON))
    chain.make_block()
    await client.wait_masterchain_seqno(chain.head.seqno, 1_000, "getMasterchainInfo")
    assert chain.account(NOBODY).balance == TON
    with pytest.raises(LiteServerError, match="exitcode=33"):
        await client.raw_send_message(wallet.transfer(4, NOBODY, TON))


async def test_a_new_block_wakes_those_who_wait(server: LiteServer, quiet_library: None) -> None:
    client = await connected(server)
    seqno = server.chain.head.seqno + 1
    wait = asyncio.create_task(client.wait_masterchain_seqno(seqno, 5_000, "getMasterchainInfo"))
    await asyncio.sleep(0)
    server.chain.make_block()
    await wait
    await client.close()


async def test_history_comes_in_pages_of_sixteen(server: LiteServer, quiet_library: None) -> None:
    for _ in range(40):
        server.chain.faucet(NOBODY, Nanoton(TON))
        server.chain.make_block()
    client = await connected(server)
    assert len(await client.get_transactions(their(NOBODY), 100)) == 40
    newest = server.chain.transactions(NOBODY)[0]
    page, _ = await client.raw_get_transactions(their(NOBODY), 16, newest.lt, newest.hash)
    assert len(page) == 16
    await client.close()


async def test_two_servers_of_one_chain_share_a_config(server: LiteServer, quiet_library: None) -> None:
    other = LiteServer(server.chain, key_seed=b"another")
    await other.start()
    config = global_config(server, other)
    for number in (0, 1):
        client = LiteClient.from_config(config, number, trust_level=1)
        await client.connect()
        assert client.last_mc_block.root_hash == server.chain.head.root_hash
        await client.close()
    await other.close()


async def test_a_server_may_stop_and_start_again_at_its_port(server: LiteServer, quiet_library: None) -> None:
    port = server.port
    await server.close()
    with pytest.raises(ConnectionError):
        await asyncio.open_connection("127.0.0.1", port)
    await server.start(port=port)
    client = await connected(server)
    await client.close()


# Faults


async def balance(server: LiteServer, of: Address = SHOP, trust: int = 1) -> int:
    client = await connected(server, trust)
    try:
        state = await client.get_account_state(their(of))
        return int(state.balance)
    finally:
        await client.close()


@pytest.mark.parametrize("lie", [Lie.BALANCE, Lie.ACCOUNT_PROOF, Lie.OTHER_ACCOUNT])
async def test_a_lie_about_an_account_that_the_library_notices(
    server: LiteServer, lie: Lie, quiet_library: None
) -> None:
    server.faults = Faults(lies=frozenset({lie}))
    with pytest.raises((ProofError, AssertionError, LiteClientError, KeyError)):
        await balance(server)
    server.faults = HONEST
    assert await balance(server) == 6 * TON


async def test_a_false_head_is_no_block_that_any_server_has(server: LiteServer, quiet_library: None) -> None:
    client = await connected(server)
    server.faults = Faults(lies=frozenset({Lie.HEAD}))
    last = (await client.liteserver_request("getMasterchainInfo", {}))["last"]
    assert last["seqno"] > server.chain.head.seqno
    with pytest.raises(LiteServerError, match="not in db"):
        await client.liteserver_request("getBlockHeader", {"id": last, "mode": 0})
    await client.close()


async def test_another_network_shows_in_the_zero_state(server: LiteServer, quiet_library: None) -> None:
    client = await connected(server)
    true = (await client.liteserver_request("getMasterchainInfo", {}))["init"]
    assert true["root_hash"] == server.chain.archive.block_at(-1, 0).id.root_hash.hex()
    server.faults = Faults(lies=frozenset({Lie.OTHER_NETWORK}))
    assert (await client.liteserver_request("getMasterchainInfo", {}))["init"] != true
    await client.close()


async def test_the_library_believes_that_an_account_is_absent(server: LiteServer, quiet_library: None) -> None:
    """Why ours must not: see the study of pytoniq's defects."""
    server.faults = Faults(lies=frozenset({Lie.ABSENT_ACCOUNT}))
    assert await balance(server) == 0


@pytest.mark.parametrize("lie", [Lie.TRANSACTION, Lie.TRANSACTION_ORDER])
async def test_an_altered_history_is_noticed(server: LiteServer, lie: Lie, quiet_library: None) -> None:
    client = await connected(server)
    server.faults = Faults(lies=frozenset({lie}))
    with pytest.raises((ProofError, AssertionError, LiteClientError)):
        await client.get_transactions(their(PublicWallet().address), 10)
    await client.close()


async def test_garbage_is_answered_and_not_understood(server: LiteServer, quiet_library: None) -> None:
    client = await connected(server)
    server.faults = Faults(lies=frozenset({Lie.GARBAGE}))
    with pytest.raises(TypeError):  # the library hands bytes around as if they were an answer
        await client.liteserver_request("getTime", {})
    await client.close()


async def test_a_stale_head_stays_where_the_lie_began(server: LiteServer, quiet_library: None) -> None:
    server.faults = Faults(lies=frozenset({Lie.STALE_HEAD}))
    before = server.chain.head
    server.chain.make_block()
    client = await connected(server)
    assert client.last_mc_block.seqno == before.seqno
    server.faults = HONEST
    assert (await client.liteserver_request("getMasterchainInfo", {}))["last"]["seqno"] == before.seqno + 1
    await client.close()


async def test_a_silent_server_takes_questions_and_answers_none(server: LiteServer, quiet_library: None) -> None:
    client = await connected(server)
    server.faults = Faults(silent=True)
    asked = server.questions
    with pytest.raises((asyncio.TimeoutError, LiteClientError)):
        await client.liteserver_request("getMasterchainInfo", {})
    assert server.questions > asked
    await client.close()


async def test_a_slow_server_answers_in_the_end(server: LiteServer, quiet_library: None) -> None:
    server.faults = Faults(delay_seconds=0.05)
    loop = asyncio.get_running_loop()
    started = loop.time()
    assert await balance(server) == 6 * TON
    assert loop.time() - started >= 0.1


async def test_a_server_that_cuts_connections_does_so_again_and_again(server: LiteServer, quiet_library: None) -> None:
    server.faults = Faults(resets_after=0)
    for _ in range(2):
        with pytest.raises((asyncio.TimeoutError, LiteClientError, AttributeError)):
            await connected(server)
    server.faults = HONEST
    assert await balance(server) == 6 * TON


async def test_a_pruned_server_lacks_the_old_and_a_gap_lacks_the_middle(
    server: LiteServer, quiet_library: None
) -> None:
    wallet = PublicWallet()
    history = server.chain.transactions(wallet.address)
    client = await connected(server)

    async def page() -> list[int]:
        newest = history[0]
        found, _ = await client.raw_get_transactions(their(wallet.address), 16, newest.lt, newest.hash)
        return [item.lt for item in found]

    server.faults = Faults(pruned_before=history[1].block.seqno)
    assert await page() == [item.lt for item in history[:2]]
    with pytest.raises(LiteServerError, match="not in db"):
        await client.raw_get_transactions(their(wallet.address), 16, history[2].lt, history[2].hash)
    with pytest.raises(LiteServerError, match="not in db"):
        await client.lookup_block(-1, -(2**63), 3)
    server.faults = Faults(missing_transactions=range(history[2].lt, history[2].lt + 1))
    assert await page() == [item.lt for item in history[:2]]
    assert len((await client.raw_get_transactions(their(wallet.address), 16, history[3].lt, history[3].hash))[0]) == 2
    await client.close()


async def test_a_forked_server_shows_other_blocks_of_the_same_height(server: LiteServer, quiet_library: None) -> None:
    forked = LiteServer(server.chain, faults=Faults(forked=True), key_seed=b"forked")
    await forked.start()
    server.chain.make_block()
    true, false = await connected(server), await connected(forked)
    assert true.last_mc_block.seqno == false.last_mc_block.seqno
    assert true.last_mc_block.root_hash != false.last_mc_block.root_hash
    await true.close()
    await false.close()
    await forked.close()


@pytest.mark.parametrize(
    "lie", [Lie.REPEATED_SIGNATURE, Lie.TOO_FEW_SIGNATURES, Lie.FORGED_SIGNATURES, Lie.CONFIG_OF_OTHER_BLOCK]
)
async def test_lies_about_the_way_between_blocks_have_the_right_form(server: LiteServer, lie: Lie) -> None:
    """Whether they are believed is the business of whoever checks; that they can be read is ours."""
    client = await connected(server)
    true = await link(client, server)
    server.faults = Faults(lies=frozenset({lie}))
    false = await link(client, server)
    assert false["to"] == true["to"]
    if lie is not Lie.CONFIG_OF_OTHER_BLOCK:
        assert false["signatures"] != true["signatures"]
    await client.close()


async def link(client: LiteClient, server: LiteServer) -> dict[str, object]:
    """The one step from the key block to the head."""
    ids = (server.chain.archive.block_at(-1, 1).id, server.chain.head)
    known, target = (
        {
            "workchain": -1,
            "shard": -(2**63),
            "seqno": name.seqno,
            "root_hash": name.root_hash.hex(),
            "file_hash": name.file_hash.hex(),
        }
        for name in ids
    )
    answer = await client.liteserver_request("getBlockProof", {"mode": 1, "known_block": known, "target_block": target})
    (step,) = answer["steps"]
    return dict(step)


@pytest.mark.parametrize("lie", [Lie.SHARED_CELLS, Lie.DEEP_CELLS])
async def test_hostile_accounts_can_be_sent(server: LiteServer, lie: Lie) -> None:
    client = await connected(server)
    server.faults = Faults(lies=frozenset({lie}))
    block = (await client.liteserver_request("getMasterchainInfo", {}))["last"]
    account = {"workchain": 0, "id": SHOP.account.hex()}
    answer = await client.liteserver_request("getAccountState", {"id": block, "account": account})
    assert 0 < len(answer["state"]) < 10_000
    await client.close()


async def test_a_bomb_that_somebody_really_sent_is_served_like_any_message(
    server: LiteServer, quiet_library: None
) -> None:
    """Sixty cells that are 2 to the 60th on paper: nothing on our side may walk them twice."""
    body = Cell(bitarray(), [])
    for _ in range(60):
        body = Cell(body.bits, [body, body])
    server.chain.send_internal(NOBODY, Nanoton(TON), body=body)
    server.chain.make_block()
    restored = LocalChain.restore(server.chain.snapshot(), server.chain.clock, server.chain.emulator)
    assert restored.transactions(NOBODY) == server.chain.transactions(NOBODY)
    client = await connected(server)
    newest = server.chain.transactions(NOBODY)[0]
    ((read,), _) = await client.raw_get_transactions(their(NOBODY), 1, newest.lt, newest.hash)
    assert read.cell.hash == newest.hash
    assert await balance(server, NOBODY) == TON
    await client.close()


async def test_simplex_signatures_have_the_vote_with_them(
    emulator: Emulator, clock: SettableClock, quiet_library: None
) -> None:
    server = LiteServer(LocalChain(b"votes", clock, emulator, signing=Signing.SIMPLEX))
    server.chain.make_block()
    await server.start()
    client = await connected(server)
    client.schemas.untouchables["liteServer.signatureSet.simplex"] = {"candidate"}
    signatures = (await link(client, server))["signatures"]
    assert isinstance(signatures, dict)
    assert signatures["@type"] == "liteServer.signatureSet.simplex"
    assert signatures["slot"] == server.chain.head.seqno
    assert signatures["candidate"][4:84] == server.chain.head.tl()
    await client.close()
    await server.close()


# Strangers


@pytest.mark.parametrize("greeting", [b"", b"GET / HTTP/1.1\r\n\r\n", bytes(256), bytes(100)])
async def test_who_does_not_speak_the_protocol_is_shown_out(server: LiteServer, greeting: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(greeting)
    if len(greeting) < 256:
        writer.write_eof()
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()


async def test_closing_does_not_wait_for_who_said_nothing(server: LiteServer) -> None:
    quiet = socket.create_connection(("127.0.0.1", server.port))
    await asyncio.sleep(0)
    async with asyncio.timeout(30):
        await server.close()
    quiet.close()
