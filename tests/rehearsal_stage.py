"""A rehearsal's ingredients from a local chain, each proven as the node proves it; and what then really happened."""

from pytoniq_core.boc.cell import Cell

from chain_evidence import account_answer, config_answer, named
from contract_network import ContractNetwork
from mulberry.demo.chain.chain import LocalChain
from mulberry.model.rehearsal import Rehearsal
from mulberry.ton.address import Address
from mulberry.ton.chain.account_proof import prove_account
from mulberry.ton.chain.config_proof import EXECUTION_PARAMETERS, prove_config
from mulberry.ton.chain.nouns import Transaction
from mulberry.ton.chain.transactions import read_transaction
from mulberry.ton.rehearsal import rehearse


def proven_accounts(chain: LocalChain, addresses: tuple[Address, ...]) -> dict[Address, Cell]:
    head = named(chain.head)
    return {
        address: prove_account(account_answer(chain, address), head, address).shard_account for address in addresses
    }


def proven_config(chain: LocalChain) -> Cell:
    return prove_config(config_answer(chain), named(chain.head), EXECUTION_PARAMETERS)


def parties(network: ContractNetwork) -> tuple[Address, ...]:
    return network.wallet.address, network.worker.address, network.proxy.address


def rehearsed(network: ContractNetwork, *messages: Cell) -> Rehearsal:
    """Among wallet, worker contract and proxy contract, as they are now."""
    chain = network.chain
    accounts = proven_accounts(chain, parties(network))
    return rehearse(chain.emulator, proven_config(chain), accounts, messages, at=network.clock.now())


def newest_block(network: ContractNetwork) -> list[tuple[Address, Transaction]]:
    """What the newest block did to the same three accounts, in order."""
    chain = network.chain
    shard = chain.archive.sibling(chain.newest).id
    return sorted(
        (
            (address, read_transaction(Cell.one_from_boc(kept.bag), address))
            for address in parties(network)
            for kept in chain.transactions(address)
            if kept.block == shard
        ),
        key=lambda item: item[1].position.lt,
    )
