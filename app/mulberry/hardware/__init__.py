"""What this computer is made of, read from the drivers."""
