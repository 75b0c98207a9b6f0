"""The one way in which a proof fails."""


class NotProven(Exception):
    """A peer did not show what it must. The text says what was wrong, without a full stop; it names no secrets."""
