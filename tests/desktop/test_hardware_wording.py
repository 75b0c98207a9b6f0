"""Nobody buys or sells a GPU on a guess: what is not known says why, and each trouble has words of its own."""

from dataclasses import fields, replace

import pytest

from eligibility_samples import CONFIDENTIAL, HOST, NO, UNKNOWN, YES
from mulberry.desktop import hardware_host_wording, hardware_wording
from mulberry.desktop.hardware_history import Quantity
from mulberry.model.gpu import (
    AMD_VENDOR,
    NVIDIA_VENDOR,
    ConfidentialMode,
    DriverState,
    GpuCondition,
    GpuInfo,
    GpuProcess,
    GpuReport,
    NotGiven,
    PciGpu,
    Throttle,
    UnreadGpu,
)
from mulberry.model.host import Finding
from samples import NO_GPU, NOON, RTX_4090

FULL = replace(
    RTX_4090,
    pci_device_id=0x2684,
    architecture="Ada",
    compute_capability=(8, 9),
    cuda_version=(13, 0),
    vbios_version="95.02.18.00.01",
    power_limit_default_milliwatt=450_000,
    power_limit_range_milliwatt=(150_000, 600_000),
    slowdown_celsius=90,
    shutdown_celsius=95,
    graphics_mhz=2520,
    graphics_most_mhz=3105,
    memory_mhz=10_501,
    throttles=(Throttle.POWER_LIMIT,),
    ecc=False,
    mig=False,
    display=True,
    processes=(),
)
NOT_TOLD_AS_FACTS = {
    *("uuid", "pci_address", "name", "condition", "stuck", "not_given"),
    *("memory_total_bytes", "memory_used_bytes", "load_percent", "power_milliwatt", "temperature_celsius"),
    *("power_limit_default_milliwatt", "power_limit_range_milliwatt", "graphics_most_mhz", "processes"),
}


def values(gpu: GpuInfo) -> dict[str, str]:
    return {fact.name: fact.value for fact in hardware_wording.facts(gpu)}


def test_every_value_has_its_unit() -> None:
    assert values(FULL) == {
        "Identity (UUID)": "GPU-6c1f8d0e…",
        "PCI address": "01:00.0",
        "PCI id": "10de:2684",
        "Architecture": "Ada",
        "Compute capability": "8.9",
        "Driver": "580.95.05",
        "CUDA": "up to 13.0",
        "VBIOS": "95.02.18.00.01",
        "Power limit": "450 W, usually 450, 150 to 600 possible",
        "Clock": "2,520 of 3,105 MHz",
        "Memory clock": "10,501 MHz",
        "Slows down at": "90 °C",
        "Shuts down at": "95 °C",
        "Slowed by": "power limit reached",
        "Memory checked (ECC)": "off",
        "Divided (MIG)": "off",
        "Screen": "attached",
    }


@pytest.mark.parametrize("why", NotGiven)
def test_what_is_not_known_says_why(why: NotGiven) -> None:
    unknown = {one.name for one in fields(GpuInfo) if getattr(RTX_4090, one.name) is None}
    gpu = replace(RTX_4090, not_given=tuple((name, why) for name in sorted(unknown)))
    told = [fact for fact in hardware_wording.facts(gpu) if fact.value == "unknown"]
    assert len(told) == len(unknown - NOT_TOLD_AS_FACTS)
    for fact in told:
        assert fact.source.startswith("Unknown, because it is not ")
        assert fact.tone == "muted"


def test_the_facts_stay_as_many_whatever_is_known() -> None:
    assert len(hardware_wording.facts(FULL)) == len(hardware_wording.facts(RTX_4090))


@pytest.mark.parametrize("condition", [one for one in GpuCondition if one is not GpuCondition.WORKS])
def test_each_trouble_is_told_in_red(condition: GpuCondition) -> None:
    words, look = hardware_wording.condition_line(replace(FULL, condition=condition))
    assert words == f"01:00.0 · {condition.told}"
    assert look == "bad"


def test_a_stuck_sensor_is_named() -> None:
    stuck = replace(FULL, condition=GpuCondition.SENSOR_STUCK, stuck=("power_milliwatt", "temperature_celsius"))
    words, look = hardware_wording.condition_line(stuck)
    assert "It is the sensor of power. It is the sensor of temperature. Restart the computer" in words
    assert look == "bad"


@pytest.mark.parametrize(
    ("throttles", "words", "look"),
    [
        (None, "works", "source"),
        ((), "works, at full speed", "source"),
        ((Throttle.IDLE,), "works, idle", "source"),
        ((Throttle.IDLE, Throttle.HOT), f"works, slower than it could: {Throttle.HOT.value}", "warn"),
    ],
)
def test_why_it_is_slow_is_told_and_idling_is_no_fault(
    throttles: tuple[Throttle, ...] | None, words: str, look: str
) -> None:
    line = hardware_wording.condition_line(replace(FULL, throttles=throttles))
    assert line == (f"01:00.0 · {words}", look)


def test_numbers_are_on_one_line_without_those_that_are_missing() -> None:
    assert hardware_wording.numbers_line(FULL) == "71 % · 10.0 of 24 GB · 212 of 450 W · 63 °C"
    bare = replace(FULL, load_percent=None, power_limit_milliwatt=None, temperature_celsius=None)
    assert hardware_wording.numbers_line(bare) == "10.0 of 24 GB · 212 W"
    nothing = replace(bare, memory_used_bytes=None, power_milliwatt=None)
    assert hardware_wording.numbers_line(nothing) == "no numbers"


@pytest.mark.parametrize(
    ("quantity", "words"),
    [
        (Quantity.LOAD, "100 %"),
        (Quantity.MEMORY, "24 GB"),
        (Quantity.POWER, "450 W"),
        (Quantity.TEMPERATURE, "100 °C"),
    ],
)
def test_the_upper_edge_of_a_graph_is_the_limit(quantity: Quantity, words: str) -> None:
    assert hardware_wording.scale_words(quantity, hardware_wording.highest(FULL, quantity, 1.0)) == words


def test_without_a_limit_the_highest_value_is_the_edge() -> None:
    gpu = replace(FULL, power_limit_milliwatt=None)
    assert hardware_wording.highest(gpu, Quantity.POWER, 212_000.0) == 212_000.0
    assert hardware_wording.highest(gpu, Quantity.POWER, 0.0) > 0


def test_who_wants_a_lower_power_limit_is_told_where() -> None:
    (limit,) = (fact for fact in hardware_wording.facts(FULL) if fact.name == "Power limit")
    assert "choose a power cap on the Settings page" in limit.source


def test_the_largest_processes_are_listed_and_the_rest_counted() -> None:
    many = tuple(GpuProcess(number, number * 2**30, number % 2 == 0) for number in range(1, 12))
    lines = hardware_wording.processes(replace(FULL, processes=many))
    assert lines[0] == "process 11 · 11.0 GB · computes"
    assert lines[1] == "process 10 · 10.0 GB · draws"
    assert lines[-1] == "and 3 more"
    assert hardware_wording.processes(FULL) == ("Nothing uses it.",)
    hidden = replace(FULL, processes=None, not_given=(("processes", NotGiven.NOT_PERMITTED),))
    assert hardware_wording.processes(hidden) == ("Unknown, because it is not permitted to this user.",)
    (busy,) = hardware_wording.processes(replace(FULL, processes=(GpuProcess(7, 2**30, True, load_percent=40),)))
    assert busy == "process 7 · 1.0 GB · draws · 40 %"
    (line,) = hardware_wording.processes(replace(FULL, processes=(GpuProcess(7, None, False),)))
    assert line == "process 7 · memory not told · computes"


def on_pci(driver: str | None, *, vendor: int = NVIDIA_VENDOR, address: str = "0000:02:00.0") -> PciGpu:
    return PciGpu(address, vendor, 0x2330, driver, None, None)


def test_gpus_out_of_the_drivers_sight_are_told_with_why() -> None:
    seen = (
        on_pci("nvidia", address="0000:01:00.0"),  # the one that the driver reads
        on_pci("vfio-pci", address="0000:02:00.0"),
        on_pci(None, address="0000:03:00.0"),
        on_pci("nouveau", address="0000:04:00.0"),
        on_pci("amdgpu", vendor=AMD_VENDOR, address="0000:05:00.0"),
        on_pci("nvidia", address="0000:06:00.0"),  # the one that the driver counts only
    )
    unread = (UnreadGpu("00000000:06:00.0", GpuCondition.LOST), UnreadGpu(None, GpuCondition.FAILING))
    lines = hardware_wording.elsewhere(GpuReport((FULL,), None, NOON, on_pci=seen, unread=unread))
    assert lines == (
        ("NVIDIA GPU at 06:00.0", GpuCondition.LOST.told),
        ("NVIDIA GPU at an unknown address", GpuCondition.FAILING.told),
        (
            "NVIDIA GPU 10de:2330 at 02:00.0",
            "Kept for a virtual machine (driver vfio-pci): this system's NVIDIA driver cannot see it.",
        ),
        ("NVIDIA GPU 10de:2330 at 03:00.0", "No driver has taken it."),
        ("NVIDIA GPU 10de:2330 at 04:00.0", "Another driver has taken it: nouveau."),
        ("AMD GPU 1002:2330 at 05:00.0", "Mulberry works on NVIDIA GPUs only."),
    )


def test_a_card_that_nvidias_driver_holds_and_does_not_tell_of_says_so() -> None:
    asleep = replace(on_pci("nvidia"), asleep=True)
    ((_, why),) = hardware_wording.elsewhere(replace(NO_GPU, driver=DriverState.UPDATED, on_pci=(asleep,)))
    assert why == "NVIDIA's driver has taken it and does not tell of it now (updated), and it is asleep."


def test_a_gpu_that_lost_its_address_is_not_counted_twice() -> None:
    lost = UnreadGpu(None, GpuCondition.LOST)
    report = replace(NO_GPU, on_pci=(on_pci("nvidia"), on_pci("vfio-pci", address="0000:03:00.0")), unread=(lost,))
    names = [name for name, _ in hardware_wording.elsewhere(report)]
    assert names == ["NVIDIA GPU at an unknown address", "NVIDIA GPU 10de:2330 at 03:00.0"]


def test_the_head_tells_how_many_work() -> None:
    report = GpuReport((FULL, replace(FULL, condition=GpuCondition.LOST)), None, NOON)
    assert hardware_wording.head_line(report, is_stale=False) == "2 NVIDIA GPUs · driver 580.95.05 · 1 in trouble"
    assert hardware_wording.head_line(report, is_stale=True).endswith(":00:00")
    assert hardware_wording.head_line(NO_GPU, is_stale=False) == "No NVIDIA driver"
    none = replace(NO_GPU, driver=DriverState.NO_GPU)
    assert hardware_wording.head_line(none, is_stale=False) == "No NVIDIA GPU"
    hidden = replace(none, on_pci=(on_pci("vfio-pci"),))
    assert hardware_wording.head_line(hidden, is_stale=False) == "No NVIDIA GPU that this system can use"


@pytest.mark.parametrize("state", DriverState)
def test_each_driver_state_has_a_title(state: DriverState) -> None:
    assert hardware_wording.DRIVER_TITLES[state]


def test_each_finding_tells_where_it_was_read_or_why_it_is_unknown() -> None:
    facts = {fact.name: fact for fact in hardware_host_wording.facts(HOST, CONFIDENTIAL)}
    assert len(facts) == len(fields(HOST)) + len(fields(CONFIDENTIAL)) - 1  # `gpus` stand on their own cards
    assert facts["Secure Boot"].value == "yes"
    assert facts["Secure Boot"].source.startswith("Read from: /proc/cpuinfo.")
    assert facts["Laptop"].value == "no"
    assert facts["IOMMU"].value == "unknown"
    assert facts["IOMMU"].source.startswith("Unknown, because no file says.")


def test_modes_that_protect_nothing_are_red() -> None:
    report = replace(CONFIDENTIAL, mode=Finding(ConfidentialMode.DEV_TOOLS, "NVML"), simulated=YES)
    facts = {fact.name: fact for fact in hardware_host_wording.facts(HOST, report)}
    assert facts["Mode is simulated"].tone == "bad"
    assert facts["GPUs' confidential mode"].value == "dev tools: protects nothing"
    assert facts["GPUs' confidential mode"].tone == "bad"


@pytest.mark.parametrize(
    ("capable", "words"), [(YES, "capable"), (NO, "not capable"), (UNKNOWN, "unknown"), (None, "unknown")]
)
def test_a_capability_nobody_told_is_unknown(capable: Finding[bool] | None, words: str) -> None:
    assert hardware_host_wording.capability(capable).value == words
