"""What `keyring` offers us, without a system."""

from mulberry.agent.sealed_key import Cost

CHEAP = Cost(operations=1, memory_bytes=8192)  # a passphrase that costs a test no time


class KeyringInMemory:
    """An item a network, gone with the test."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.items.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.items[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.items[service, username]
