"""The agent's control API, from the caller's side."""
