"""From a proven masterchain block to the parameters of the network's configuration that hold after it.

Source: TON's block.tlb (ConfigParams) and its lite server's getConfigParams.
"""

from collections.abc import Sequence

from pytoniq_core.boc.cell import Cell

from mulberry.ton.cells import CellWriter
from mulberry.ton.chain.bags import merkle_body, read_bag
from mulberry.ton.chain.dictionary import find
from mulberry.ton.chain.errors import ServerLied
from mulberry.ton.chain.fields import Pruned
from mulberry.ton.chain.headers import MAX_PROOF_CELLS, config_root, proven_block, read_header
from mulberry.ton.chain.lite_api import UntrustedConfig
from mulberry.ton.chain.nouns import BlockId
from mulberry.ton.dictionaries import write_dictionary

PARAMETER_BITS = 32

# What TON's executor reads: the config contract, the burned, versions, workchains, prices of storage, gas and
# transport, the special accounts, limits of sizes, and the accounts that are suspended or computed elsewhere.
EXECUTION_PARAMETERS = (0, 5, 8, 12, 18, 19, 20, 21, 24, 25, 31, 43, 44, 45)


class BadConfig(ServerLied):
    """The configuration is not the one that the server's own proof shows."""


def prove_config(untrusted: UntrustedConfig, block: BlockId, parameters: Sequence[int]) -> Cell:
    """A dictionary of those `parameters` that are set after the proven masterchain block `block`.

    Raises `ServerLied` with the reason.
    """
    if untrusted.block != block:
        raise BadConfig(f"asked for block {block}, answered for {untrusted.block}")
    state_hash = read_header(proven_block(untrusted.block_proof, block), block).state_hash
    proof = read_bag(untrusted.state_proof, roots=range(1, 2), max_cells=MAX_PROOF_CELLS)[0]
    root = config_root(merkle_body(proof, state_hash))
    found = {}
    for parameter in parameters:
        leaf = find(root, parameter, PARAMETER_BITS)
        if leaf is None:
            continue
        value = leaf.reference()
        if value.level_mask.mask:
            raise Pruned(f"a proof leaves out parts of configuration parameter {parameter}")
        found[parameter] = CellWriter().reference(value).cell()
    config = write_dictionary(found, key_bits=PARAMETER_BITS)
    if config is None:
        raise BadConfig("a configuration without any of the parameters that were asked for")
    return config
