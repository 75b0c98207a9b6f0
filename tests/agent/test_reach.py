"""How a profile becomes a way to its proxies: the wrong certificate or the wrong list, and every proxy says no."""

from hashlib import sha512
from pathlib import Path
from random import Random

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from collateral_server import ROOT_LIST, serving_collateral
from conftest import SettableClock
from mulberry.agent.collateral_keeper import CollateralKeeper
from mulberry.agent.reach import Proofs, transport_for
from mulberry.attestation.certificate import OwnCertificate, make_pair
from mulberry.cocoon.ratls import RaTls
from mulberry.cocoon.socks5 import Socks5
from mulberry.cocoon.transports import PeerNotProven, PlainTcp, SetUpFailed
from mulberry.model.attestation import Policy, Requirements
from mulberry.model.network import NetworkProfile, load_profile
from peer_certificates import AT, PeerCertificate
from ratls_in_memory import Proxy, connect
from synthetic_tdx import Guest, SyntheticIntel

INTEL = SyntheticIntel()


def profile(**changes: object) -> NetworkProfile:
    return load_profile("demo").model_copy(update=changes)


def proofs(clock: SettableClock, **changes: object) -> Proofs:
    return Proofs.of_network(profile(**changes), keeper(Path("no-collateral"), clock, "http://127.0.0.1:1"), clock)


def keeper(folder: Path, clock: SettableClock, service: str) -> CollateralKeeper:
    return CollateralKeeper(folder, clock, Random(3), service=service, test_root_der=INTEL.root_der)


@pytest.mark.parametrize(("name", "kind"), [("plain", PlainTcp), ("ratls", RaTls), ("socks5", Socks5)])
def test_the_profile_names_the_way(clock: SettableClock, name: str, kind: type) -> None:
    chosen = profile(transport=name)
    assert isinstance(transport_for(chosen, chosen.root_parameters(), proofs(clock)), kind)


def test_a_list_that_is_empty_lets_nobody_through(clock: SettableClock) -> None:
    chain = load_profile("demo").chain
    assert chain is not None
    unlisted = profile(chain=chain.model_copy(update={"proxy_hashes": ()}))
    with pytest.raises(PeerNotProven, match="lists no proxy image"):
        transport_for(unlisted, unlisted.root_parameters(), proofs(clock))


async def test_one_context_serves_until_the_certificate_is_renewed(clock: SettableClock) -> None:
    own = proofs(clock)
    first = await own.context()
    assert await own.context() is first
    clock.pass_time(hours=21)
    assert await own.context() is not first


async def test_a_profiles_own_certificate_is_shown(clock: SettableClock, tmp_path: Path) -> None:
    own = proofs(clock, certificate=str(tmp_path / "worker"))
    with pytest.raises(SetUpFailed, match=r"worker_cert\.pem"):
        await own.context()
    pair = make_pair(clock.now(), bytes)
    (tmp_path / "worker_cert.pem").write_bytes(pair.certificate_pem)
    (tmp_path / "worker_key.pem").write_bytes(pair.key_pem)
    assert await own.context() is await own.context()


def proxy_in_a_tdx_guest() -> Proxy:
    key = Ed25519PrivateKey.generate()
    report_data = sha512(key.public_key().public_bytes_raw()).digest()
    return Proxy(PeerCertificate(key=key, quote=INTEL.quote(Guest(report_data=report_data))))


async def test_collateral_that_a_quote_needs_is_fetched_before_the_proxy_is_refused(
    clock: SettableClock, tmp_path: Path
) -> None:
    clock.moment = AT
    async with serving_collateral(INTEL.collateral()) as server:
        kept = keeper(tmp_path / "collateral", clock, server.address)
        asking = Proofs(OwnCertificate(Policy.ANY, clock), kept, clock, fetches=True, test_root_der=INTEL.root_der)
        evidence = await asking.check(connect(proxy_in_a_tdx_guest()), Requirements(Policy.TDX))
        assert evidence.policy is Policy.TDX
        asked = len(server.asked)
        await asking.check(connect(proxy_in_a_tdx_guest()), Requirements(Policy.TDX))
        assert len(server.asked) == asked


async def test_without_the_owners_consent_nothing_is_fetched(clock: SettableClock, tmp_path: Path) -> None:
    clock.moment = AT
    async with serving_collateral(INTEL.collateral()) as server:
        kept = keeper(tmp_path / "collateral", clock, server.address)
        silent = Proofs(OwnCertificate(Policy.ANY, clock), kept, clock, fetches=False, test_root_der=INTEL.root_der)
        with pytest.raises(PeerNotProven, match=r"no collateral here for its platform"):
            await silent.check(connect(proxy_in_a_tdx_guest()), Requirements(Policy.TDX))
        assert not server.asked


async def test_why_nothing_could_be_fetched_is_said_with_the_refusal(clock: SettableClock, tmp_path: Path) -> None:
    clock.moment = AT
    async with serving_collateral("{}") as server:
        server.instead[ROOT_LIST] = web.Response(status=500)
        kept = keeper(tmp_path / "collateral", clock, server.address)
        asking = Proofs(OwnCertificate(Policy.ANY, clock), kept, clock, fetches=True, test_root_der=INTEL.root_der)
        with pytest.raises(PeerNotProven, match=r"no collateral here .* The cache has a fault$"):
            await asking.check(connect(proxy_in_a_tdx_guest()), Requirements(Policy.TDX))


@pytest.mark.parametrize(
    ("transport", "proxies", "ours", "fetches"),
    [
        ("ratls", Policy.TDX, Policy.ANY, True),
        ("ratls", Policy.FAKE_TDX, Policy.TDX, True),
        ("ratls", Policy.FAKE_TDX, Policy.FAKE_TDX, False),
        ("socks5", Policy.TDX, Policy.ANY, False),  # the router judges
    ],
)
def test_only_a_network_that_asks_for_tdx_lets_us_ask_intel(
    clock: SettableClock, transport: str, proxies: Policy, ours: Policy, fetches: bool
) -> None:
    assert proofs(clock, transport=transport, proxy_policy=proxies, worker_policy=ours).fetches is fetches
