"""Writes docs/settings.md from the settings' definition.

python tools/settings_page.py           run it after a setting was added or changed; a test compares
"""

from collections.abc import Iterator
from pathlib import Path

from mulberry.agent.computer_settings import ComputerSettings
from mulberry.agent.setting import describe
from mulberry.agent.settings import Settings
from mulberry.model.settings import Page, Setting, allowed, shown

PAGE = Path(__file__).resolve().parent.parent / "docs" / "settings.md"
HEAD = """# Settings

Window, command line and this page are made of one definition (`agent.settings`, `agent.computer_settings`); this page
is written by `python tools/settings_page.py`. Change a setting on the Settings page, or with `mulberry config set
NAME VALUE`; `mulberry config list --all` shows what holds. Those of the computer lie in `computer.json` of the data
folder and hold for every network; those of a network lie in `settings.json` of its folder. Only what differs from the
default is written there. A file that cannot be read is kept aside under another name; one of a newer Mulberry is
refused and left as it is.

Rules are looked at once a second while work is wanted. A rule can only see what the system tells: on the Settings page
and in `mulberry config list` each one that is on and blind here says so with its reason, and then pauses nothing.

| rule | what is asked |
|---|---|
| Only when idle | the X server; GNOME's idle monitor; else logind, which knows it only where the desktop tells it |
| Pause in full screen | the X server; GameMode. Wayland tells no program what fills the screen |
| Pause on battery | the kernel's power supplies |
| Pause on a metered network | NetworkManager |
| Pause for these programs | the kernel's list of processes |
| Temperature ceiling | the NVIDIA driver |
| Power cap | the NVIDIA driver, for the limit that holds; how it is set: docs/hardware.md |
| Pause for other load | the NVIDIA driver: beside jobs of ours, each process; not in containers, nor on MIG |

That is Linux. Windows is asked for the last input of the session, whether notifications may be shown, its power supply,
the connection's cost and its processes; macOS for the last input and its power supply, and for the other rules it says
why it is blind. **These two have never run on a real Windows or macOS**: tests play their libraries.
"""


def settings_page() -> str:
    settings = (*describe(ComputerSettings(), of_computer=True), *describe(Settings(), of_computer=False))
    return HEAD + "\n".join(line for page in Page for line in _of_page(page, settings))


def _of_page(page: Page, settings: tuple[Setting, ...]) -> Iterator[str]:
    own = [setting for setting in settings if setting.page is page]
    if own:
        yield f"\n## {page}\n\n| name | what it is | may be | default | of | holds |\n|---|---|---|---|---|---|"
    for setting in own:
        of = "the computer" if setting.of_computer else "the network"
        default = f"{shown(setting)} {setting.unit if setting.value is not None else ''}".strip() or "none"
        cells = (f"`{setting.name}`", f"**{setting.title}.** {setting.explanation}", allowed(setting), default, of)
        yield "| " + " | ".join((*cells, str(setting.takes_effect))) + " |"
    if own:
        yield ""


if __name__ == "__main__":
    PAGE.write_text(settings_page(), encoding="utf-8")
