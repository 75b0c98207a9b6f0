"""GPU runtimes: the table of those that there are, and those that are installed."""
