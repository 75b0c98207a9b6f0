"""What the chain says, asked of several lite servers and believed of none: every answer is proven from a pinned block."""
