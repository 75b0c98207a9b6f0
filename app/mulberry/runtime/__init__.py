"""The parent's side of the processes that run strangers' jobs."""
