"""The notification must be one that a real bus carries and a real service understands: types are checked there."""

import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from mulberry.desktop.bus_notice import NAME, notify

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("dbus-daemon") is None, reason="needs Linux and dbus-daemon"
)


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a session bus of the test's own."""
    command = ["dbus-daemon", "--session", "--nofork", "--print-address"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as daemon:
        assert daemon.stdout is not None
        address = daemon.stdout.readline().strip()
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
        yield address
        daemon.terminate()


class Service:
    """Takes one notification, as a desktop's service does."""

    def __init__(self, address: str) -> None:
        from jeepney.bus_messages import message_bus
        from jeepney.io.blocking import open_dbus_connection

        self.connection = open_dbus_connection(address)
        self.connection.send_and_get_reply(message_bus.RequestName(NAME))
        self.taken: tuple[object, ...] = ()
        self.thread = threading.Thread(target=self._take_one)
        self.thread.start()

    def _take_one(self) -> None:
        from jeepney import HeaderFields, MessageType, new_method_return

        while not self.taken:
            message = self.connection.receive(timeout=10)
            is_call = message.header.message_type is MessageType.method_call
            if is_call and message.header.fields.get(HeaderFields.member) == "Notify":
                assert message.header.fields[HeaderFields.signature] == "susssasa{sv}i"
                self.connection.send(new_method_return(message, "u", (1,)))
                self.taken = message.body

    def close(self) -> None:
        self.thread.join()
        self.connection.close()


def test_a_service_gets_title_and_text(bus: str) -> None:
    service = Service(bus)
    notify("Mulberry", "1.8 TON arrived in your wallet.")
    service.close()
    application, _, icon, title, text, buttons, hints, _ = service.taken
    assert (application, icon, title, text) == ("Mulberry", "mulberry", "Mulberry", "1.8 TON arrived in your wallet.")
    assert buttons == []
    assert isinstance(hints, dict) and hints["desktop-entry"] == ("s", "mulberry")


def test_where_nobody_shows_notifications_it_is_said(bus: str) -> None:
    with pytest.raises(OSError, match="nobody shows notifications"):
        notify("Mulberry", "hello")


@pytest.mark.parametrize("address", [None, "unix:path=/nowhere/bus", "nonsense"])
def test_without_a_bus_it_is_said(monkeypatch: pytest.MonkeyPatch, address: str | None) -> None:
    if address is None:
        monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    else:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
    with pytest.raises(OSError):
        notify("Mulberry", "hello")
