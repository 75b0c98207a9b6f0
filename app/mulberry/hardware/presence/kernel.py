"""What Linux tells in files: the power supply and the running programs.

Sources: Linux, Documentation/ABI/testing/sysfs-class-power, and proc(5). `comm` holds the first 15 bytes of a name.
"""

from mulberry.hardware.files import SystemFiles, UnreadableError
from mulberry.model.host import Finding
from mulberry.model.language import tr, tr_count

SUPPLIES = "/sys/class/power_supply"
COMM_BYTES = 15


def on_battery(files: SystemFiles) -> Finding[bool]:
    """True while a battery of the computer, not one of a mouse, empties and no mains supply is on."""
    try:
        supplies = files.names(SUPPLIES)
        if supplies is None:
            return Finding(None, tr("there is no {path}", path=SUPPLIES))
        kinds = {name: files.text(f"{SUPPLIES}/{name}/type") for name in supplies}
        plugged = [name for name, kind in kinds.items() if kind != "Battery" and _says(files, name, "online") == "1"]
        batteries = [
            name for name, kind in kinds.items() if kind == "Battery" and _says(files, name, "scope") != "Device"
        ]
        empties = [name for name in batteries if _says(files, name, "status") == "Discharging"]
    except UnreadableError as problem:
        return Finding(None, str(problem))
    if not batteries:
        return Finding(False, tr("there is no battery in {supplies}", supplies=SUPPLIES))
    return Finding(bool(empties) and not plugged, f"{SUPPLIES}, {', '.join(plugged or empties or batteries)}")


def _says(files: SystemFiles, supply: str, name: str) -> str | None:
    return files.text(f"{SUPPLIES}/{supply}/{name}")


def programs(files: SystemFiles) -> Finding[frozenset[str]]:
    """Names of all running programs in lower case: their command names, and their files' where that may be read."""
    try:
        numbers = [name for name in files.names("/proc") or () if name.isdecimal()]
    except UnreadableError as problem:
        return Finding(None, str(problem))
    if not numbers:
        return Finding(None, tr("there is no /proc"))
    found = set()
    for number in numbers:
        try:
            untrusted = files.text(f"/proc/{number}/comm")
        except UnreadableError:
            continue
        if untrusted:
            found.add(untrusted.lower())
            if len(untrusted.encode()) >= COMM_BYTES and (whole := files.link_name(f"/proc/{number}/exe")):
                found.add(whole.lower())
    return Finding(frozenset(found), tr_count("{count} process in /proc", "{count} processes in /proc", len(numbers)))
