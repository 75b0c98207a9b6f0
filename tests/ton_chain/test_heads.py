"""A server that names old blocks, forked ones or none must not lead us, and none of them may stop us."""

from hypothesis import given
from hypothesis import strategies as st

from mulberry.ton.chain.heads import REMEMBERED, Heads
from mulberry.ton.chain.lite_api import UntrustedHead
from mulberry.ton.chain.nouns import MASTERCHAIN, WHOLE_SHARD, BlockId

ZERO_STATE = bytes(32)


def head(seqno: int, fork: bytes = b"a") -> UntrustedHead:
    hash_ = fork.ljust(28, b".") + seqno.to_bytes(4, "big")
    return UntrustedHead(BlockId(MASTERCHAIN, WHOLE_SHARD, seqno, hash_, hash_), 1_700_000_000 + seqno, ZERO_STATE)


def test_a_block_counts_when_a_quorum_names_it() -> None:
    heads = Heads(quorum=2)
    heads.names("one", head(5))
    assert not heads.agree()
    heads.names("two", head(5))
    assert heads.agree() and heads.agreed == head(5)
    assert heads.namers(head(5).block) == {"one", "two"}


def test_a_lone_server_cannot_make_up_a_head() -> None:
    heads = Heads(quorum=2)
    for server in ("one", "two", "three"):
        heads.names(server, head(5))
    heads.names("liar", head(1_000_000, b"made up"))
    assert heads.agree() and heads.agreed == head(5)


def test_servers_of_a_fork_are_named_when_the_others_agree() -> None:
    heads = Heads(quorum=2)
    heads.names("fork", head(5, b"fork"))
    heads.names("one", head(5))
    assert not heads.agree()
    heads.names("two", head(5))
    assert heads.agree()
    assert heads.dissenters() == {"fork"}


def test_a_tie_is_no_agreement() -> None:
    heads = Heads(quorum=1)
    heads.names("one", head(5))
    heads.names("two", head(5, b"fork"))
    assert not heads.agree()


def test_the_agreed_head_never_falls() -> None:
    heads = Heads(quorum=1)
    heads.names("one", head(9))
    heads.agree()
    heads.names("stale", head(3))
    assert not heads.agree()
    assert heads.agreed == head(9)


def test_a_server_that_passed_a_block_over_is_asked_about_it() -> None:
    heads = Heads(quorum=2)
    heads.names("even", head(6))
    heads.names("odd", head(7))
    assert not heads.agree()
    assert heads.question_for("odd") == 6
    assert heads.question_for("even") is None
    heads.names("odd", head(6))
    assert heads.agree() and heads.agreed == head(6)
    assert heads.question_for("odd") is None


def test_a_head_that_nobody_could_prove_is_given_up() -> None:
    heads = Heads(quorum=1)
    heads.names("liar", head(99, b"made up"))
    heads.names("honest", head(5))
    heads.agree()
    heads.disown(head(99, b"made up").block)
    assert heads.agree() and heads.agreed == head(5)


@given(st.lists(st.tuples(st.sampled_from(["one", "two", "three", "four"]), st.integers(1, 90)), max_size=300))
def test_honest_servers_at_any_heights_give_rising_heads_from_a_bounded_memory(said: list[tuple[str, int]]) -> None:
    heads = Heads(quorum=2)
    highest = 0
    for server, seqno in said:
        heads.names(server, head(seqno))
        if heads.agree():
            assert heads.agreed is not None and heads.agreed.block.seqno > highest
            highest = heads.agreed.block.seqno
        assert not heads.dissenters()
    assert all(len(named) <= REMEMBERED for named in heads._named.values())
