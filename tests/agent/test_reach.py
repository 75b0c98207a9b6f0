"""How a profile becomes a way to its proxies: the wrong certificate or the wrong list, and every proxy says no."""

from pathlib import Path

import pytest

from conftest import SettableClock
from mulberry.agent.reach import Proofs, transport_for
from mulberry.attestation.certificate import make_pair
from mulberry.cocoon.ratls import RaTls
from mulberry.cocoon.socks5 import Socks5
from mulberry.cocoon.transports import PeerNotProven, PlainTcp, SetUpFailed
from mulberry.model.network import NetworkProfile, load_profile


def profile(**changes: object) -> NetworkProfile:
    return load_profile("demo").model_copy(update=changes)


def proofs(clock: SettableClock, **changes: object) -> Proofs:
    return Proofs.of_network(profile(**changes), Path("no-collateral"), clock)


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
