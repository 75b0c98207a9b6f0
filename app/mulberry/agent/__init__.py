"""The node that earns: no screen, all keys, the ledger."""
