"""Strangers' words on the owner's screen."""


def shown(untrusted_text: str, limit: int = 500) -> str:
    """At most `limit` characters, without any that a terminal obeys or that hide what is written."""
    return "".join(character if character.isprintable() else "?" for character in untrusted_text[:limit])
