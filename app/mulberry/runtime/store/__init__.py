"""Imported models on this computer's disks: brought in, judged, kept within a quota, moved, and handed to the agent."""
