"""What the Network page says decides whom an owner trusts: a proof that proves nothing must never read like one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mulberry.desktop import network_wording as wording
from mulberry.desktop import proxies_wording
from mulberry.desktop.proxies_wording import Quality
from mulberry.desktop.wording import clock_time
from mulberry.model.attestation import Policy
from mulberry.model.node import NodeState, ProxyState, ProxyStatus
from network_samples import A_ROOT, DEMO, ONE_OF_EACH, WORKING, a_proxy, on_the_network
from samples import NOON, a_status


@pytest.mark.parametrize(
    ("transport", "policy", "said"),
    [
        ("plain", Policy.TDX, "TEST, nothing proven"),  # whatever is asked for, plain TCP shows nothing
        ("ratls", Policy.ANY, "nothing asked for, nothing proven"),
        ("ratls", Policy.FAKE_TDX, "fake TDX: TEST, nothing proven"),
        ("ratls", Policy.TDX, "a genuine Intel TDX quote"),
        ("socks5", Policy.FAKE_TDX, "fake TDX: TEST, nothing proven, checked by the router"),
    ],
)
def test_what_a_transport_proves_is_said_as_it_is(transport: str, policy: Policy, said: str) -> None:
    network = replace(DEMO, transport=transport, proxy_policy=policy)
    assert wording.proxies_show(network) == said
    assert said in wording.head_line(on_the_network(network=network), is_stale=False)


def test_only_a_genuine_quote_is_written_in_the_usual_colour() -> None:
    for transport in ("plain", "ratls", "socks5"):
        for policy in Policy:
            status = on_the_network(network=replace(DEMO, transport=transport, proxy_policy=policy))
            fact = next(fact for fact in wording.network_facts(status) if fact.name == "A proxy shows")
            proves = policy is Policy.TDX and transport != "plain"
            assert fact.tone == ("" if proves else "warn")


def test_play_money_and_real_money_are_told_apart() -> None:
    assert "play money" in wording.head_line(on_the_network(), is_stale=False)
    real = wording.head_line(on_the_network(network=replace(DEMO, kind="mainnet")), is_stale=False)
    assert "real money" in real
    assert "play" not in real


def test_an_agent_that_tells_nothing_of_the_network_is_not_guessed_for() -> None:
    status = a_status()
    assert "TLS" not in wording.head_line(status, is_stale=False)
    reached = next(fact for fact in wording.network_facts(status) if fact.name == "Reached by")
    assert reached.value == wording.NOT_KNOWN


def test_what_is_old_says_of_when_it_is() -> None:
    at = clock_time(NOON)
    assert wording.head_line(on_the_network(), is_stale=True).endswith(f"as of {at}")
    assert proxies_wording.summary(on_the_network(*ONE_OF_EACH), is_stale=True).endswith(f"1 gone, as of {at}")


@pytest.mark.parametrize(
    ("seconds", "said"), [(-5, "now"), (0, "now"), (0.4, "now"), (1, "in 1 s"), (99, "in 99 s"), (559, "in 9 min")]
)
def test_the_time_to_the_next_attempt_is_counted_down(seconds: float, said: str) -> None:
    proxy = replace(a_proxy(1, ProxyState.WAITING), next_attempt_at=NOON + timedelta(seconds=seconds))
    assert proxies_wording.countdown(proxy, NOON) == said
    assert proxies_wording.state_text(proxy, NOON) == f"Waiting, {said}"


def test_nothing_is_counted_down_to_while_connected_or_when_nobody_knows() -> None:
    waiting = a_proxy(1, ProxyState.WAITING)
    assert proxies_wording.countdown(waiting, None) == ""
    assert proxies_wording.countdown(replace(waiting, connected=True), NOON) == ""
    assert proxies_wording.value(waiting, Quality.NEXT, None) == "–"


@pytest.mark.parametrize(
    ("succeeded", "requests", "said"),
    [(0, 0, "–"), (0, 7, "0 %"), (7, 7, "100 %"), (1239, 1240, "99.9 %"), (9_999_999, 10_000_000, "99.9 %")],
)
def test_a_success_rate_is_never_rounded_up(succeeded: int, requests: int, said: str) -> None:
    assert proxies_wording.success_text(replace(WORKING, succeeded=succeeded, requests=requests)) == said


@pytest.mark.parametrize("state", ProxyState)
def test_each_state_has_a_word_a_meaning_and_the_last_error(state: ProxyState) -> None:
    proxy = a_proxy(1, state)
    assert proxies_wording.STATES[state]
    assert proxies_wording.MEANINGS[state] in proxies_wording.state_line(proxy)
    assert proxy.note in proxies_wording.state_line(proxy)


@pytest.mark.parametrize("state", NodeState)
def test_an_empty_table_says_why(state: NodeState) -> None:
    assert proxies_wording.nobody_line(a_status(state)).startswith("No proxy")
    assert proxies_wording.nobody_line(None) == proxies_wording.NOT_HEARD_YET


@pytest.mark.parametrize("quality", Quality)
@pytest.mark.parametrize("proxy", ONE_OF_EACH, ids=lambda proxy: proxy.state)
def test_every_value_answers_what_it_is_and_from_where(proxy: ProxyStatus, quality: Quality) -> None:
    assert proxies_wording.value(proxy, quality, NOON)
    assert proxies_wording.source(proxy, quality, NOON).endswith(".")


def test_a_number_that_changes_says_as_of_when() -> None:
    for quality in (*proxies_wording.AMOUNTS, Quality.REQUESTS, Quality.SUCCESS, Quality.EARNED):
        assert f"As of {clock_time(NOON)}." in proxies_wording.source(WORKING, quality, NOON)
    assert "2 more run now" in proxies_wording.source(WORKING, Quality.REQUESTS, NOON)


def test_the_root_contract_says_when_it_was_read_or_that_there_is_none() -> None:
    status = on_the_network()
    assert wording.root_read_line(A_ROOT, status).startswith("read from TON, proven, as of ")
    for fact in wording.root_facts(replace(A_ROOT, as_of=None), status):
        assert wording.ROOT_WITHOUT_CHAIN in fact.source
        assert "TON" not in fact.source.replace(wording.ROOT_WITHOUT_CHAIN, "")
    facts = {fact.name: fact.value for fact in wording.root_facts(A_ROOT, status)}
    assert facts["A token earns"] == "20,000 nanoton"
    assert facts["Weights"] == "1 · 0.1 · 4 · 4"


def test_money_that_is_missing_stands_out() -> None:
    assert proxies_wording.tone(WORKING, Quality.UNDERPAID) == ""
    assert proxies_wording.tone(a_proxy(1, ProxyState.PUT_ASIDE), Quality.UNDERPAID) == "bad"


@given(st.text(max_size=3000))
def test_strangers_words_are_short_plain_and_break_into_lines(untrusted: str) -> None:
    proxy = replace(WORKING, name=untrusted, note=untrusted, attestation=untrusted, address=untrusted, model=untrusted)
    shown = [proxies_wording.value(proxy, quality, NOON) for quality in Quality] + [proxies_wording.state_line(proxy)]
    for text in shown:
        assert text.isprintable()
        assert len(text) <= wording.LONGEST_NOTE + len(proxies_wording.MEANINGS[proxy.state]) + 2
    assert all(len(word) <= wording.LONGEST_WORD + 1 for word in wording.cut_note(untrusted).split())


@given(st.datetimes(timezones=st.just(UTC)))
def test_any_clock_can_be_counted_with(when: datetime) -> None:
    proxy = replace(a_proxy(1, ProxyState.WAITING), next_attempt_at=when)
    assert proxies_wording.countdown(proxy, NOON)


def test_a_proof_that_proves_nothing_is_a_warning_in_every_language() -> None:
    assert tone_of_proof(is_proven=False, connected=True) == "warn"
    assert tone_of_proof(is_proven=True, connected=True) == ""
    assert tone_of_proof(is_proven=False, connected=False) == "muted"


def tone_of_proof(*, is_proven: bool, connected: bool) -> str:
    """The tone of a proof whose words say nothing of it."""
    shown = replace(WORKING, attestation="…", is_proven=is_proven, connected=connected)
    return proxies_wording.tone(shown, Quality.PROOF)
