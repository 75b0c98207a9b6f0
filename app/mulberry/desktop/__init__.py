"""Everything Qt. Shows the agent's state and sends its owner's commands; closing it stops nothing."""
