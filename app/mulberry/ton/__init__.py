"""What Mulberry reads and checks of TON: cells, addresses, contracts, signed payments."""
