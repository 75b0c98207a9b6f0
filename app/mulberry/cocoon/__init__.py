"""The Cocoon network's protocol as a worker speaks it. Source of every format: docs/protocol.md."""
