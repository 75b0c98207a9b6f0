"""Graphics and compute cards on the PCI bus: the way to see a GPU that no NVIDIA driver holds.

Source: Linux, Documentation/ABI/testing/sysfs-bus-pci. Reading these files does not wake a sleeping card.
"""

from mulberry.hardware.files import SystemFiles, UnreadableError
from mulberry.model.gpu import PciGpu

DEVICES = "/sys/bus/pci/devices"
DISPLAY_CLASS = 0x03  # VGA controllers, 3D controllers and other displays


def pci_names(files: SystemFiles) -> tuple[str, ...] | None:
    """All addresses on the bus, cheap to compare. None: there is no bus to read, or it is closed to us."""
    try:
        return files.names(DEVICES)
    except UnreadableError:
        return None


def read_pci_gpus(files: SystemFiles) -> tuple[PciGpu, ...] | None:
    """By address. A card whose files are no numbers is left out. None as in `pci_names`."""
    names = pci_names(files)
    if names is None:
        return None
    return tuple(gpu for name in names if (gpu := _read(files, name)) is not None)


def _read(files: SystemFiles, name: str) -> PciGpu | None:
    folder = f"{DEVICES}/{name}"
    kind = _number(files, f"{folder}/class")
    if kind is None or kind >> 16 != DISPLAY_CLASS:
        return None
    vendor, device = _number(files, f"{folder}/vendor"), _number(files, f"{folder}/device")
    if vendor is None or device is None:
        return None
    boot = _number(files, f"{folder}/boot_vga")
    return PciGpu(
        address=name,
        vendor_id=vendor,
        device_id=device,
        kernel_driver=files.link_name(f"{folder}/driver"),
        boot_display=None if boot is None else boot == 1,
        asleep=_is_asleep(files, folder),
    )


def _number(files: SystemFiles, path: str) -> int | None:
    try:
        return int(files.text(path) or "", 16)
    except (UnreadableError, ValueError):
        return None


def _is_asleep(files: SystemFiles, folder: str) -> bool | None:
    try:
        said = files.text(f"{folder}/power/runtime_status")
    except UnreadableError:
        return None
    return None if said is None else said == "suspended"
