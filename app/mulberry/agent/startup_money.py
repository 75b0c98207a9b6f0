"""The start-up tasks of a network on TON. A profile that carries its parameters itself has no chain and skips them."""

import asyncio

from mulberry.agent import reasons
from mulberry.agent.bench import Bench
from mulberry.agent.chain import Chain
from mulberry.agent.faucet import ask_for_play_money
from mulberry.agent.holdings import Parties
from mulberry.agent.key_keeper import wallet_of
from mulberry.agent.task import Blocked, Done, Outcome, Progress, Skipped
from mulberry.agent.treasury import MISFITS, Treasury
from mulberry.model.errors import UserFacingError
from mulberry.model.language import number, tr
from mulberry.model.money import Nanoton, format_ton
from mulberry.ton.messages import WORKER_CONTRACT_DEPOSIT

NO_CHAIN = Skipped(tr("This network is not on TON."))
CONNECT_SECONDS = 60.0
RETRY_SECONDS = 1.0
SEEN_SECONDS = 60.0  # from a message to the block that shows what it did


class UnlockKey:
    name = tr("Unlock the node wallet's key")

    async def run(self, bench: Bench, progress: Progress) -> Outcome:
        profile, workshop = bench.profile, bench.workshop
        if profile.lite_servers is None:
            return NO_CHAIN
        try:
            if profile.kind != "demo":
                progress(tr("Your computer may ask you to unlock its keyring."))
            bench.key = await workshop.keys.open()
        except UserFacingError as problem:
            return Blocked(reasons.key_unavailable(problem))
        return Done(tr("It lies {place}", place=bench.key.kept))


class ConnectToTon:
    name = tr("Connect to TON")

    async def run(self, bench: Bench, progress: Progress) -> Outcome:
        workshop = bench.workshop
        if bench.profile.lite_servers is None:
            return NO_CHAIN
        chain = Chain(
            lambda: bench.network.profile if bench.network else bench.profile,
            workshop.folder,
            clock=workshop.clock,
            random=workshop.random,
        )
        bench.keep_until_the_end(chain.close)
        bench.chain = chain
        told = ""
        try:
            await chain.open()
            async with asyncio.timeout(CONNECT_SECONDS):
                while True:
                    try:
                        head = await chain.access.head()
                        return Done(tr("Block {number}", number=number(f"{head.id.seqno:,}")))
                    except MISFITS as problem:
                        told = str(problem)
                        progress(told)
                    await asyncio.sleep(RETRY_SECONDS)
        except TimeoutError:
            return Blocked(reasons.chain_unreachable(told or tr("No server answered.")))
        except UserFacingError as problem:
            return Blocked(reasons.network_unusable(problem))


class ReadRoot:
    name = tr("Read the root contract")

    async def run(self, bench: Bench, progress: Progress) -> Outcome:
        if bench.chain is None or bench.key is None or bench.owner is None:
            return NO_CHAIN
        workshop = bench.workshop
        wallet = wallet_of(bytes(bench.key.key.verify_key), bench.owner)
        treasury = Treasury(
            bench.chain,
            Parties(bench.key, bench.owner, wallet),
            workshop.till,
            lambda: bench.profile,
            clock=workshop.clock,
            connected=lambda: bench.worker_contracts,
            on_change=bench.on_change,
            ask=workshop.rehearse,
        )
        try:
            parameters = await treasury.refresh_root()
        except MISFITS as problem:
            return Blocked(reasons.chain_unreachable(str(problem)))
        except UserFacingError as problem:
            return Blocked(reasons.network_unusable(problem))
        bench.treasury = treasury
        price = format_ton(Nanoton(parameters.worker_fee_per_token))
        return Done(tr("Version {version}; {price} a token", version=parameters.version, price=price))


class FundWallet:
    name = tr("Fund the node wallet")

    async def run(self, bench: Bench, progress: Progress) -> Outcome:
        """Goes on by itself when there is enough: the demo network is asked for it, a real one's owner is told."""
        treasury, profile = bench.treasury, bench.profile
        if treasury is None:
            return NO_CHAIN
        given = False
        try:
            await treasury.read()
            bench.keep_running(treasury.run(), "treasury")
            if profile.kind == "demo" and profile.faucet_url is not None:
                if treasury.missing_gas():
                    progress(tr("Asking the demo network for play money"))
                    await ask_for_play_money(profile.faucet_url, treasury.wallet_address)
                    given = True
                async with asyncio.timeout(SEEN_SECONDS):
                    await _until_funded(bench, treasury)
            else:
                await _until_funded(bench, treasury, tell_owner=True)
        except TimeoutError:
            return Blocked(reasons.chain_unreachable(tr("The chain did not show the play money in time.")))
        except MISFITS as problem:
            return Blocked(reasons.chain_unreachable(str(problem)))
        except UserFacingError as problem:
            return Blocked(reasons.chain_unreachable(f"{problem.what} {problem.why}"))
        balance = treasury.wallet.balance if treasury.wallet else Nanoton(0)
        if given:
            return Done(tr("{amount}, with play money from the demo network", amount=format_ton(balance)))
        return Done(format_ton(balance))


async def _until_funded(bench: Bench, treasury: Treasury, *, tell_owner: bool = False) -> None:
    while missing := treasury.missing_gas():
        bench.changed.clear()
        for broken in bench.broken_runs():
            broken.result()
        if tell_owner:
            minimum = Nanoton(bench.profile.payout.wallet_minimum)
            bench.wait_for(reasons.wallet_empty(Nanoton(minimum - missing), minimum, treasury.wallet_address))
        await bench.changed.wait()
    bench.wait_for(None)


class DeployWorkerContract:
    name = tr("Deploy the worker contract")

    async def run(self, bench: Bench, progress: Progress) -> Outcome:
        """After the connection, for the contract's address follows from the proxy's key, which the proxy tells."""
        treasury = bench.treasury
        if treasury is None:
            return NO_CHAIN
        while (wanted := bench.worker_contracts) and not any(map(treasury.is_deployed, wanted)):
            bench.changed.clear()
            progress(
                treasury.deployment_shortage()
                or tr("{amount} from the node wallet", amount=format_ton(WORKER_CONTRACT_DEPOSIT))
            )
            treasury.nudge()
            await bench.changed.wait()
        return Done()
