"""Fees are computed from the network's configuration: a server must not be able to make one up."""

from dataclasses import replace

import pytest

from chain_evidence import block, config_answer, named
from conftest import SettableClock
from mulberry.demo.chain import evidence, layout
from mulberry.demo.chain.chain import LocalChain
from mulberry.demo.chain.dictionary import PLAIN, Dictionary
from mulberry.demo.chain.proofs import all_cells, merkle_proof
from mulberry.ton.boc import write_boc
from mulberry.ton.chain.config_proof import prove_config
from mulberry.ton.chain.errors import ServerLied
from mulberry.ton.chain.lite_api import UntrustedConfig

WORKCHAINS, GAS_PRICES, ABSENT = 12, 21, 999_999


def prove(chain: LocalChain, answer: UntrustedConfig, *parameters: int) -> dict[int, bytes]:
    config: Dictionary[None] = Dictionary(32, PLAIN, prove_config(answer, named(chain.head), parameters))
    return {key: value.refs[0].hash for key, value in config.items()}


def true_value(chain: LocalChain, parameter: int) -> bytes:
    root = layout.configuration_of(chain.archive.state(chain.newest).cell)
    value = Dictionary(32, PLAIN, root).get(parameter)
    assert value is not None
    digest: bytes = value.refs[0].hash
    return digest


def test_parameters_are_what_the_chain_says(chain: LocalChain) -> None:
    assert prove(chain, config_answer(chain), 20, GAS_PRICES) == {
        parameter: true_value(chain, parameter) for parameter in (20, GAS_PRICES)
    }


def test_a_parameter_that_is_not_set_is_left_out(chain: LocalChain) -> None:
    assert list(prove(chain, config_answer(chain), GAS_PRICES, ABSENT)) == [GAS_PRICES]


def test_of_parameters_that_are_not_set_there_is_no_dictionary(chain: LocalChain) -> None:
    with pytest.raises(ServerLied, match="without any"):
        prove(chain, config_answer(chain), ABSENT)


def test_another_block_is_not_taken_for_the_one_that_was_asked_for(chain: LocalChain) -> None:
    answer = config_answer(chain)
    chain.make_block()
    with pytest.raises(ServerLied, match="answered for"):
        prove(chain, answer, GAS_PRICES)
    with pytest.raises(ServerLied):
        prove(chain, replace(answer, block=named(chain.head)), GAS_PRICES)


def test_an_older_state_is_not_taken_for_the_newest(chain: LocalChain) -> None:
    older = evidence.configuration_in_state(chain.archive, block(chain, 3))
    with pytest.raises(ServerLied, match="something else"):
        prove(chain, replace(config_answer(chain), state_proof=older), GAS_PRICES)


def test_a_proof_that_leaves_the_value_out_is_caught(chain: LocalChain, clock: SettableClock) -> None:
    without = evidence.shard_of_masterchain(chain.archive, chain.newest)  # header and state, two roots
    header_only = evidence.earlier_block(chain.archive, chain.newest, 2)  # the state, but not its configuration
    for proof in (without, header_only):
        with pytest.raises(ServerLied):
            prove(chain, replace(config_answer(chain), state_proof=proof), GAS_PRICES)


@pytest.mark.parametrize("proof", [b"", b"no bag", bytes(100)])
def test_what_is_no_proof_is_refused(chain: LocalChain, proof: bytes) -> None:
    for answer in (
        replace(config_answer(chain), state_proof=proof),
        replace(config_answer(chain), block_proof=proof),
    ):
        with pytest.raises(ServerLied):
            prove(chain, answer, GAS_PRICES)


def test_a_value_with_a_hole_in_it_is_caught(chain: LocalChain) -> None:
    """A parameter whose first cell is shown and whose inner cells are not."""
    state = chain.archive.state(chain.newest)
    root = layout.configuration_of(state.cell)
    kept = all_cells([root])
    value = Dictionary(32, PLAIN, root).get(WORKCHAINS)
    assert value is not None and value.refs[0].refs, "the parameter has inner cells"
    hidden = {cell.hash for cell in value.refs[0].refs}
    whole = evidence._masterchain_cells(state.cell) | kept
    proof = write_boc(merkle_proof(state.cell, whole - hidden))
    with pytest.raises(ServerLied, match="leaves out"):
        prove(chain, replace(config_answer(chain), state_proof=proof), WORKCHAINS)
