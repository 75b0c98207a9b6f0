"""What the faces show of the network itself: how its proxies are reached, and what its root contract says."""

from datetime import datetime

from mulberry.agent.bench import Bench
from mulberry.model.network import NetworkProfile
from mulberry.model.node import NetworkInfo, RootInfo
from mulberry.model.root_contract import RootParameters
from mulberry.ton.address import AddressError, parse_address

LONGEST_ADDRESS = 48  # characters, as a friendly address has


def network_info(profile: NetworkProfile, front_url: str | None, root: RootInfo | None) -> NetworkInfo:
    return NetworkInfo(
        name=profile.name,
        title=profile.title,
        is_demo=profile.kind == "demo",
        front_url=front_url,
        kind=profile.kind,
        transport=profile.transport,
        proxy_policy=profile.proxy_policy,
        worker_policy=profile.worker_policy,
        check_hashes=profile.check_hashes,
        connections=profile.connections,
        root=root,
    )


def root_of(bench: Bench) -> RootInfo | None:
    """What was read from TON, or what the profile of a network without a chain says. None: nothing was read yet.

    A launched network's own profile only says of what its root contract is made.
    """
    read = bench.treasury.parameters if bench.treasury else None
    if read is not None and bench.chain is not None:
        return _root_info(read, bench.chain.root_as_of)
    if bench.profile.chain is not None and bench.profile.launch is None:
        return _root_info(bench.parameters, None)
    return None


def _root_info(parameters: RootParameters, as_of: datetime | None) -> RootInfo:
    return RootInfo(
        address=_friendly(parameters.root_address),
        version=parameters.version,
        params_version=parameters.params_version,
        price_per_token=parameters.price_per_token,
        worker_fee_per_token=parameters.worker_fee_per_token,
        prompt_multiplier=parameters.prompt_multiplier,
        cached_multiplier=parameters.cached_multiplier,
        completion_multiplier=parameters.completion_multiplier,
        reasoning_multiplier=parameters.reasoning_multiplier,
        proxies=len(parameters.proxies),
        as_of=as_of,
    )


def _friendly(untrusted_address: str) -> str:
    """As wallets and explorers write a contract's address. A network without a chain may call it anything."""
    try:
        return parse_address(untrusted_address).friendly(bounceable=True)
    except AddressError:
        return untrusted_address[:LONGEST_ADDRESS]
