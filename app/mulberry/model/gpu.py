"""What the NVIDIA driver says of one GPU at one moment."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class GpuInfo:
    """One GPU. `None` means that the driver does not give the value for this card, never that it is zero."""

    uuid: str
    pci_address: str  # as the driver writes it: 00000000:01:00.0
    name: str
    driver_version: str
    memory_total_bytes: int
    memory_used_bytes: int
    load_percent: int | None
    power_milliwatt: int | None
    power_limit_milliwatt: int | None
    temperature_celsius: int | None


@dataclass(frozen=True, slots=True)
class GpuReport:
    """All GPUs of this computer, or why there is none. `as_of` is when the driver was asked."""

    gpus: tuple[GpuInfo, ...]
    absent_because: str | None
    as_of: datetime
