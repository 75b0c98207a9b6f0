"""Mulberry: lend an NVIDIA GPU to Cocoon, the confidential AI network on TON, and earn Toncoin."""

__version__ = "0.1.0"
