"""TON's own transaction executor, vendored as WebAssembly: what a message does to an account, and what it costs."""
