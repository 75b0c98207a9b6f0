"""The demo network: a proxy, its customers and play money, on this computer."""
