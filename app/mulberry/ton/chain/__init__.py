"""What the chain says: asked of several lite servers, believed of none, proven from a pinned block."""
