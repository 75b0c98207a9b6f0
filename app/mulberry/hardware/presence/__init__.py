"""Whether the owner is there: what the desktop, the kernel and the bus tell of it, each by a named back-end."""
