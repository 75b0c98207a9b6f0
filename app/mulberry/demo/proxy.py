"""The demo network's proxy: chooses a worker for each request, keeps its account, signs what it owes.

It listens on this computer and speaks the network's protocol as the public proxy does. A signed payment
follows each answer within `payment_commit_seconds`; the worker's contract takes it.
"""

import asyncio
import logging
import sqlite3
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from weakref import WeakSet

from nacl.signing import SigningKey

from mulberry.cocoon.channel import Channel, QueryRefused
from mulberry.cocoon.messages import HttpHeader, HttpRequest, ProxyParams, WorkerParams
from mulberry.cocoon.requests import REFUSED_CODE
from mulberry.cocoon.tl import encode
from mulberry.demo.accounts import Account, Accounts
from mulberry.demo.contracts_on_chain import owner_of
from mulberry.demo.reply import Reply, RequestFailed
from mulberry.demo.worker_link import RETRY_AFTER_SECONDS, WorkerLink
from mulberry.model.network import NetworkProfile
from mulberry.model.payments import Counters
from mulberry.model.root_contract import RootParameters
from mulberry.ton.address import Address
from mulberry.ton.contracts import proxy_contract_address, worker_contract_address
from mulberry.ton.payment import build_payment

QUEUE_LIMIT = 256  # requests that wait while all workers are busy
QUEUE_SECONDS = 30.0

Guard = Callable[[asyncio.Protocol], asyncio.Protocol]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A request without a worker yet."""

    query: bytes
    reply: Reply
    give_up: asyncio.TimerHandle


class DemoProxy:
    """One proxy on one event loop. `listen`, then `ask`; `close` signs what is still owed and ends all connections."""

    def __init__(
        self, profile: NetworkProfile, parameters: RootParameters, key: SigningKey, accounts: Accounts, random: Random
    ) -> None:
        self._model = profile.model_base_name
        self._parameters = parameters
        self._commit_seconds = profile.payment_commit_seconds
        self._key = key
        self._public_key = bytes(key.verify_key)
        self._random = random
        self._store = accounts
        self._accounts: dict[Address, Account] = {}
        self._owner = owner_of(parameters)
        self._contract = proxy_contract_address(self._parameters, self._public_key, self._owner)
        self._links: list[WorkerLink] = []
        self._channels: WeakSet[Channel] = WeakSet()  # of connections without a handshake, too
        self._queue: deque[_Waiting] = deque()
        self._worker_ready = asyncio.Event()
        self._commit_timer: asyncio.TimerHandle | None = None
        self._server: asyncio.Server | None = None
        self.client_owner = self._owner.friendly()  # the demo's customers are the proxy's own

    async def listen(self, host: str, port: int, guard: Guard = lambda inner: inner) -> int:
        """Takes workers' connections on a loopback address; port 0 takes any free one. Returns the port.

        `guard` stands between a connection and the protocol that serves it: see `demo.gate`.
        """
        make_channel = Channel.listener(self._greet, random=self._random)

        def accept() -> asyncio.Protocol:
            channel = make_channel()
            self._channels.add(channel)
            return guard(channel)

        self._server = await asyncio.get_running_loop().create_server(accept, host, port)
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def close(self) -> None:
        """Signs and sends what is owed, then ends all connections."""
        if self._server is not None:
            self._server.close()
        self._commit()
        channels = list(self._channels)
        for channel in channels:
            channel.close("the demo network ends")
        for channel in channels:
            await channel.wait_closed()
        for waiting in self._queue:
            waiting.give_up.cancel()
            waiting.reply.end(_unavailable("no_worker", "The demo network ends."))
        if self._commit_timer is not None:  # the disk was full to the end
            self._commit_timer.cancel()

    async def worker_ready(self) -> None:
        """Returns when a worker is connected and takes work."""
        await self._worker_ready.wait()

    def ask(self, path: str, body: bytes) -> Reply:
        """Sends one POST to a worker, at once or when one has room. Whatever goes wrong comes out of the reply."""
        headers = (HttpHeader("Content-Type", "application/json"), HttpHeader("Content-Length", str(len(body))))
        query = encode(HttpRequest("POST", path, "HTTP/1.1", headers, body))
        reply = Reply()
        link = None if self._queue else self._free_worker()
        if link is not None:
            link.run(self._random.randbytes(32), query, reply)
        elif not self._worker_ready.is_set():
            reply.end(_unavailable("no_worker", "No worker is connected right now."))
        elif len(self._queue) >= QUEUE_LIMIT:
            reply.end(_unavailable("busy", "All workers are busy."))
        else:
            give_up = asyncio.get_running_loop().call_later(
                QUEUE_SECONDS, reply.end, _unavailable("busy", "All workers stayed busy.")
            )
            self._queue.append(_Waiting(query, reply, give_up))
        return reply

    # What the links need

    def introduce(self, version: int) -> ProxyParams:
        return ProxyParams(
            self._public_key,
            self._owner.friendly(),
            self._contract.friendly(),
            is_test=self._parameters.is_test,
            proto_version=version,
        )

    def check(self, params: WorkerParams) -> None:
        if params.model.partition("@")[0] != self._model:
            raise QueryRefused(REFUSED_CODE, "this network has no such model")
        if bool(params.is_test) != self._parameters.is_test:
            raise QueryRefused(REFUSED_CODE, "is_test differs")

    def account_of(self, owner: Address) -> Account:
        contract = worker_contract_address(self._parameters, self._public_key, self._contract, owner)
        if contract not in self._accounts:
            account = self._store.find(contract) or Account(contract, Counters(), self._sign(contract, tokens=0))
            self._save(account, survives_power_loss=True)
            if account.owed:  # an earlier run ended before it signed
                self._commit_soon()
        return self._accounts[contract]

    def account(self, worker_contract: Address) -> Account:
        return self._accounts[worker_contract]

    def earn(self, worker_contract: Address, tokens: int) -> Account:
        account = self._accounts[worker_contract]
        if tokens:
            account = account.after_earning(tokens)
            self._save(account, survives_power_loss=False)
            self._commit_soon()
        return account

    def link_changed(self, link: WorkerLink) -> None:
        if link.is_gone and link in self._links:
            self._links.remove(link)
        if any(each.is_ready for each in self._links):
            self._worker_ready.set()
        else:
            self._worker_ready.clear()
        self._serve_queue()

    # Choosing a worker

    def _greet(self, channel: Channel) -> WorkerLink:
        link = WorkerLink(self, channel)
        self._links.append(link)
        return link

    def _free_worker(self) -> WorkerLink | None:
        free = (link for link in self._links if link.is_ready and link.running < link.slots)
        return min(free, key=lambda link: link.load, default=None)

    def _serve_queue(self) -> None:
        while self._queue and (link := self._free_worker()) is not None:
            waiting = self._queue.popleft()
            waiting.give_up.cancel()
            if waiting.reply.is_wanted:
                link.run(self._random.randbytes(32), waiting.query, waiting.reply)

    # Paying

    def _commit_soon(self) -> None:
        if self._commit_timer is None:
            self._commit_timer = asyncio.get_running_loop().call_later(self._commit_seconds, self._commit)

    def _commit(self) -> None:
        """Signs all that is known and tells the workers. An account that owes nothing new keeps its payment."""
        if self._commit_timer is not None:
            self._commit_timer.cancel()
            self._commit_timer = None
        for contract, account in list(self._accounts.items()):
            if account.owed:
                paid = account.after_paying(self._sign(contract, account.counters.max_known))
                if not self._save(paid, survives_power_loss=True):
                    self._accounts[contract] = account  # not committed, so not signed
                    self._commit_soon()
                    continue
                for link in self._links:
                    link.pay(paid)

    def _save(self, account: Account, *, survives_power_loss: bool) -> bool:
        """Makes `account` the one in force. What could not be written is written with the next payment."""
        self._accounts[account.worker_contract] = account
        try:
            self._store.save(account, survives_power_loss=survives_power_loss)
        except sqlite3.OperationalError as problem:
            log.error("the demo network's accounts could not be written: %s", problem)
            return False
        return True

    def _sign(self, worker_contract: Address, tokens: int) -> bytes:
        return build_payment(
            self._key,
            query_id=self._random.getrandbits(64),
            excess_address=self._owner,
            worker_contract=worker_contract,
            tokens=tokens,
        )


def _unavailable(code: str, message: str) -> RequestFailed:
    return RequestFailed(503, code, message, RETRY_AFTER_SECONDS)
