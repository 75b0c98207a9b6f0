"""A TON of our own: real transactions, blocks, signatures and proofs, in one process, behind TON's lite-server protocol."""
