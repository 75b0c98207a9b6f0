"""The whole demo network in one process: a chain of its own, proxy, door and customers, for one folder.

`network.json` in the folder is an ordinary network profile, written when everything listens: who wants to work for this
network finds a lite server and the root contract there, as for any other network, and in that the proxy's address.
"""

import asyncio
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from random import Random, SystemRandom

from aiohttp import web
from nacl.signing import SigningKey

from mulberry.demo.accounts import Accounts
from mulberry.demo.chain import ticker
from mulberry.demo.chain.chain import LocalChain
from mulberry.demo.chain.keeping import KeptChain
from mulberry.demo.chain.lite_server import LiteServer, global_config
from mulberry.demo.contracts_on_chain import ContractsOnChain
from mulberry.demo.customers import Door, send_customers
from mulberry.demo.exchanges import Exchanges
from mulberry.demo.faucet import Faucet
from mulberry.demo.front import FAUCET_PATH, Front
from mulberry.demo.proxy import DemoProxy
from mulberry.demo.traffic import TrafficFile
from mulberry.demo.ways import Ways
from mulberry.model.attestation import TransportName
from mulberry.model.clock import Clock, SystemClock
from mulberry.model.errors import UserFacingError
from mulberry.model.files import write_whole
from mulberry.model.network import NetworkProfile, load_profile
from mulberry.model.root_contract import ProxyAddress, RootParameters
from mulberry.ton.emulator.cache import LoadProgress, default_cache_folder
from mulberry.ton.emulator.executor import Emulator

LOOPBACK = "127.0.0.1"
STDIN = 0
KEY_BYTES = 32
BLOCK_SECONDS = 1.0
LITE_SERVERS = 3  # as many as it takes for one to be outvoted
CHARGE_SECONDS = 30.0  # the client pays after the fact; its deposits cover far more
SHUTDOWN_SECONDS = 1.0  # for customers in the middle of an answer

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ready:
    """The demo network listens. `profile` is what `network_file` holds."""

    network_file: Path
    profile: NetworkProfile
    parameters: RootParameters  # as the root contract has them
    front_url: str
    proxy: ProxyAddress

    def line(self) -> str:
        """One line of JSON, for the process that started this one."""
        return json.dumps({"network": str(self.network_file), "front_url": self.front_url, "proxy": str(self.proxy)})


async def run(
    folder: Path,
    profile: NetworkProfile,
    *,
    on_ready: Callable[[Ready], None],
    random: Random,
    clock: Clock,
    on_progress: Callable[[int], None] = lambda _: None,
    requests_per_minute: float | None = None,
    jobs: int | None = None,
) -> None:
    """Runs until it is cancelled. `requests_per_minute` and `jobs` go before what profile and `traffic.json` say.

    `profile` has a chain part, from which the root contract is made. `on_progress` is told for how
    many seconds TON's machine has been prepared. Raises `UserFacingError`: the folder is in use or not usable, or the
    profile names a proxy on another computer.
    """
    async with AsyncExitStack() as stack:
        accounts = stack.enter_context(_open_accounts(folder))  # first: it is the lock of all other files
        key = _proxy_key(folder / "proxy.key")
        port = _wanted_port(profile)
        traffic = TrafficFile(folder / "traffic.json", profile.traffic, clock)
        wishes = {"requests_per_minute": requests_per_minute, "jobs": jobs}
        traffic.plan = traffic.plan.model_copy(update={name: wish for name, wish in wishes.items() if wish is not None})
        exchanges = Exchanges()

        ways = Ways(profile, folder / "collateral", random.randbytes, clock)
        stack.push_async_callback(ways.close)
        emulator, _ = await asyncio.gather(_load_emulator(on_progress), ways.prepare())
        chain = stack.enter_context(_open_chain(folder, random, clock, emulator)).chain
        on_chain = ContractsOnChain(chain, profile.root_parameters(), key)
        proxy = DemoProxy(profile, on_chain.deploy(), key, accounts, random)
        stack.push_async_callback(proxy.close)
        proxy_address = ProxyAddress(LOOPBACK, await proxy.listen(LOOPBACK, port, ways.guard))
        router = await ways.start_router(LOOPBACK, proxy_address)
        parameters = on_chain.register(proxy_address)
        servers = [_lite_server(chain, key, number) for number in range(LITE_SERVERS)]
        for server in servers:
            stack.push_async_callback(server.close)
            await server.start(LOOPBACK)
        front = Front(proxy, profile.model_base_name, traffic, exchanges, Faucet(chain.faucet))
        front_url = await stack.enter_async_context(serving(front.application()))

        real = _real_profile(profile, on_chain, servers, front_url, router)
        network_file = folder / "network.json"
        write_whole(network_file, real.model_dump_json(indent=2).encode() + b"\n")
        log.info("the demo network listens for workers at %s and for customers at %s", proxy_address, front_url)
        background = await stack.enter_async_context(asyncio.TaskGroup())
        background.create_task(ticker.run(chain, BLOCK_SECONDS))
        background.create_task(_charge_again_and_again(on_chain, accounts))
        on_ready(Ready(network_file, real, parameters, front_url, proxy_address))
        door = Door(front_url, profile.model_base_name, proxy.worker_ready)
        await send_customers(door, traffic, exchanges, random)


async def _load_emulator(on_progress: Callable[[int], None]) -> Emulator:
    """TON's virtual machine. The first time on this computer it has to be compiled, which takes seconds."""
    loop = asyncio.get_running_loop()

    def tell(progress: LoadProgress) -> None:
        if progress.compiling:
            loop.call_soon_threadsafe(on_progress, round(progress.elapsed_seconds))

    return await asyncio.to_thread(Emulator.load, default_cache_folder(), tell)


async def _charge_again_and_again(on_chain: ContractsOnChain, accounts: Accounts) -> None:
    while True:
        await asyncio.sleep(CHARGE_SECONDS)
        on_chain.charge(accounts.all_tokens())


def run_demo_network(
    folder: Path,
    profile_name: str,
    *,
    transport: TransportName | None = None,
    requests_per_minute: float | None = None,
    jobs: int | None = None,
    until_stdin_closes: bool = False,
) -> None:
    """The command `mulberry demo-network`: prints `Ready.line`, returns after SIGINT, SIGTERM or the end of stdin.

    Before that line it may print others, `{"progress": 3}` (see `run`). Logs to stderr. `transport` goes before the
    profile's. Raises `UserFacingError` as `run` and `load_profile` do.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    profile = load_profile(profile_name).over(transport)

    def say(line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    async def until_told() -> None:
        network = asyncio.create_task(
            run(
                folder,
                profile,
                on_ready=lambda ready: say(ready.line()),
                random=SystemRandom(),
                clock=SystemClock(),
                on_progress=lambda seconds: say(json.dumps({"progress": seconds})),
                requests_per_minute=requests_per_minute,
                jobs=jobs,
            )
        )
        _on_end(network.cancel, until_stdin_closes=until_stdin_closes)
        with suppress(asyncio.CancelledError):
            await network

    with asyncio.Runner(loop_factory=_fast_loop()) as runner:
        runner.run(until_told())


def _on_end(end: Callable[[], object], *, until_stdin_closes: bool) -> None:
    """Calls `end` on the running loop when this process is told to end."""
    loop = asyncio.get_running_loop()

    def told(*_: object) -> None:
        with suppress(RuntimeError):  # the loop has ended already
            loop.call_soon_threadsafe(end)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, told)
    if until_stdin_closes:

        def read_to_the_end() -> None:
            with suppress(OSError):
                while os.read(STDIN, 4096):  # sys.stdin's buffer would stay locked at the end
                    pass
            told()

        threading.Thread(target=read_to_the_end, name="stdin", daemon=True).start()


def _fast_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop


@asynccontextmanager
async def serving(application: web.Application) -> AsyncIterator[str]:
    """Serves HTTP on a free loopback port; gives the URL."""
    runner = web.AppRunner(application, access_log=None, handler_cancellation=True, shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, LOOPBACK, 0).start()
        yield f"http://{LOOPBACK}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def _open_accounts(folder: Path) -> Accounts:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as problem:
        raise UserFacingError(
            what="The demo network's folder could not be made.",
            why=f"{folder}: {problem.strerror}.",
            next_step="Name another folder.",
        ) from problem
    return Accounts(folder / "accounts.sqlite3")


def _open_chain(folder: Path, random: Random, clock: Clock, emulator: Emulator) -> KeptChain:
    try:
        return KeptChain(folder / "chain", random.randbytes(32), clock, emulator)
    except OSError as problem:
        raise UserFacingError(
            what="The demo network's chain could not be read or made.",
            why=f"{problem.filename or folder}: {problem.strerror or problem}.",
            next_step="Check the folder's permissions and the disk's free space.",
        ) from problem


def _wanted_port(profile: NetworkProfile) -> int:
    """The port that the profile names for its proxy; 0: any. Only this computer's own address will do."""
    wanted = next(iter(profile.root_parameters().proxies), None)
    if wanted is not None and wanted.host != LOOPBACK:
        raise UserFacingError(
            what="The demo network could not start.",
            why=f"Its profile {profile.name!r} has a proxy at {wanted}, and it runs at {LOOPBACK} only.",
            next_step=f"Name {LOOPBACK} in the profile, or use the demo profile.",
        )
    return wanted.port if wanted is not None else 0


def _lite_server(chain: LocalChain, key: SigningKey, number: int) -> LiteServer:
    return LiteServer(chain, key_seed=sha256(b"lite server %d" % number + bytes(key)).digest())


def _real_profile(
    template: NetworkProfile,
    on_chain: ContractsOnChain,
    servers: Sequence[LiteServer],
    front_url: str,
    router: ProxyAddress | None,
) -> NetworkProfile:
    return template.model_copy(
        update={
            "socks5": str(router) if router else template.socks5,
            "chain": None,
            "lite_servers": global_config(*servers),
            "root_contract_address": on_chain.root.address.friendly(bounceable=True),
            "launch": None,
            "front_url": front_url,
            "faucet_url": front_url + FAUCET_PATH,
        }
    )


def _proxy_key(path: Path) -> SigningKey:
    """The proxy's key, made at the first start. Raises `UserFacingError`."""
    try:
        if not path.exists():
            write_whole(path, bytes(SigningKey.generate()))
        seed = path.read_bytes()
    except OSError as problem:
        raise UserFacingError(
            what="The demo network's key could not be read or made.",
            why=f"{path}: {problem.strerror}.",
            next_step="Check the folder's permissions and the disk's free space.",
        ) from problem
    if len(seed) != KEY_BYTES:
        raise UserFacingError(
            what="The demo network's key is damaged.",
            why=f"{path} should hold {KEY_BYTES} bytes and holds {len(seed)}.",
            next_step=f"Delete the folder {path.parent} to start over with play money.",
        )
    return SigningKey(seed)
