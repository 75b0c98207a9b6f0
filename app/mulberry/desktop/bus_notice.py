"""A notification over D-Bus, where no tray shows it: org.freedesktop.Notifications, version 1.2. Linux only."""

from contextlib import closing

ANSWER_SECONDS = 2.0
NAME, PATH = "org.freedesktop.Notifications", "/org/freedesktop/Notifications"
NORMAL_URGENCY = 1
AS_LONG_AS_USUAL = -1


def notify(title: str, text: str) -> None:
    """Blocking. Raises `OSError`: no service took it."""
    from jeepney import DBusAddress, MessageType, new_method_call
    from jeepney.io.blocking import open_dbus_connection

    hints = {"urgency": ("y", NORMAL_URGENCY), "desktop-entry": ("s", "mulberry")}
    no_buttons: list[str] = []
    values = ("Mulberry", 0, "mulberry", title, text, no_buttons, hints, AS_LONG_AS_USUAL)
    message = new_method_call(DBusAddress(PATH, NAME, NAME), "Notify", "susssasa{sv}i", values)
    try:
        with closing(open_dbus_connection("SESSION")) as connection:
            answer = connection.send_and_get_reply(message, timeout=ANSWER_SECONDS)
    except (KeyError, ValueError, EOFError) as problem:  # KeyError: the environment names no bus
        raise OSError(f"the session bus does not answer: {problem}") from problem
    if answer.header.message_type is MessageType.error:
        raise OSError("nobody shows notifications")
