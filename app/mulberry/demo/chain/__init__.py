"""A TON of our own in one process: real transactions, blocks, signatures and proofs, and a lite server of its own."""
