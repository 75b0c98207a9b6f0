"""The processor and the kernel, as /proc tells of them."""

from dataclasses import dataclass

from mulberry.hardware.files import SystemFiles, UnreadableError

INTEL = "GenuineIntel"
AMD = "AuthenticAMD"


@dataclass(frozen=True, slots=True)
class Processor:
    """The first one; the others are alike. `flags` are Linux's words; the kernel may have switched some off."""

    vendor: str
    name: str
    flags: frozenset[str]

    @property
    def is_virtual(self) -> bool:
        return "hypervisor" in self.flags


def read_processor(files: SystemFiles) -> Processor | None:
    """None: this system tells nothing of it, as only Linux on x86 does. Raises `UnreadableError`."""
    first = (files.text("/proc/cpuinfo") or "").partition("\n\n")[0]
    facts: dict[str, str] = {}
    for line in first.splitlines():
        name, _, value = line.partition(":")
        facts[name.strip()] = value.strip()
    if "flags" not in facts:
        return None
    return Processor(facts.get("vendor_id", ""), facts.get("model name", ""), frozenset(facts["flags"].split()))


def is_wsl(files: SystemFiles) -> bool:
    """Linux inside Windows: its kernel is Microsoft's, its GPUs come without a PCI bus of their own."""
    try:
        return "microsoft" in (files.text("/proc/sys/kernel/osrelease") or "").lower()
    except UnreadableError:
        return False
