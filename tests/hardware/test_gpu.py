"""A wrong word about the GPU costs trust: what the driver says is shown, what it does not say is not invented."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pynvml
import pytest

from conftest import SettableClock
from fake_driver import FakeDriver, no_library, without
from mulberry.hardware.files import SystemFiles
from mulberry.hardware.gpu import WAIT_FOR_GPU, Gpus
from mulberry.model.encoding import from_json, to_json
from mulberry.model.gpu import DriverState, GpuCondition, GpuProcess, GpuReport, NotGiven, Throttle
from mulberry.model.known_errors import TABLES, Stack

NOT_SUPPORTED, NOT_PERMITTED, LOST, RESET, MISMATCH, NOT_LOADED = 3, 4, 15, 16, 18, 9
TWO_CARDS = "count 2\nd0.uuid GPU-one\nd1.uuid GPU-two\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A computer without any files: its PCI bus is hidden."""
    root = tmp_path / "root"
    root.mkdir()
    return root


@pytest.fixture
def gpus(clock: SettableClock, root: Path) -> Iterator[Gpus]:
    gpus = Gpus(clock, SystemFiles(root))
    yield gpus
    gpus.close()


def put_card(root: Path, address: str, kernel_driver: str | None, ids: str = "10de:2684") -> None:
    folder = root / "sys/bus/pci/devices" / address
    folder.mkdir(parents=True, exist_ok=True)
    vendor, device = ids.split(":")
    for name, text in (("class", "0x030000"), ("vendor", f"0x{vendor}"), ("device", f"0x{device}")):
        (folder / name).write_text(text + "\n")
    (folder / "driver").unlink(missing_ok=True)
    if kernel_driver:
        (folder / "driver").symlink_to(f"../../../bus/pci/drivers/{kernel_driver}")


def test_a_card_is_told_in_its_own_numbers(driver: FakeDriver, gpus: Gpus, clock: SettableClock) -> None:
    driver.says(
        "name NVIDIA GeForce RTX 4090\nuuid GPU-6c1f8d0e\nbus 00000000:01:00.0\ncuda 13010\nutil 71\ntemp 63\n"
        "mem_total 25769803776\nmem_used 10737418240\npower 212000\npower_limit 450000\nsm 2520\nreasons 0x44\n"
        "ecc 0\ndisplay 1\nproc g 4242 8589934592\nproc c 777 1073741824\nproc c 4242 8589934592\n"
    )
    report = gpus.read()
    assert (report.absent_because, report.driver, report.as_of) == (None, DriverState.WORKS, clock.now())
    (gpu,) = report.gpus
    assert (gpu.uuid, gpu.pci_address) == ("GPU-6c1f8d0e", "00000000:01:00.0")
    assert gpu.name == "NVIDIA GeForce RTX 4090 (fake)"
    assert (gpu.architecture, gpu.compute_capability, gpu.pci_device_id) == ("Ada", (8, 9), 0x2684)
    assert (gpu.driver_version, gpu.cuda_version, gpu.vbios_version) == ("580.95.05", (13, 1), "95.02.18.00.01")
    assert (gpu.memory_total_bytes, gpu.memory_used_bytes, gpu.load_percent) == (24 * 2**30, 10 * 2**30, 71)
    assert (gpu.power_milliwatt, gpu.power_limit_milliwatt) == (212_000, 450_000)
    assert gpu.power_limit_range_milliwatt == (150_000, 600_000)
    assert (gpu.temperature_celsius, gpu.slowdown_celsius, gpu.shutdown_celsius) == (63, 90, 95)
    assert (gpu.graphics_mhz, gpu.graphics_most_mhz, gpu.memory_mhz) == (2520, 3105, 10501)
    assert gpu.throttles == (Throttle.POWER_LIMIT, Throttle.VERY_HOT)
    assert (gpu.ecc, gpu.display) == (False, True)
    assert gpu.processes == (GpuProcess(777, 2**30, draws=False), GpuProcess(4242, 2**33, draws=True))
    assert gpu.condition is GpuCondition.WORKS


def test_what_a_card_does_not_say_is_none_with_the_reason(driver: FakeDriver, gpus: Gpus) -> None:
    driver.says(
        f"err.nvmlDeviceGetUtilizationRates {NOT_SUPPORTED}\nerr.nvmlDeviceGetPowerUsage {NOT_PERMITTED}\n"
        "err.nvmlDeviceGetTemperature 999\n"
    )
    (gpu,) = gpus.read().gpus
    assert (gpu.load_percent, gpu.power_milliwatt, gpu.temperature_celsius, gpu.mig) == (None,) * 4
    assert gpu.why_unknown("load_percent") is NotGiven.NOT_SUPPORTED
    assert gpu.why_unknown("power_milliwatt") is NotGiven.NOT_PERMITTED
    assert gpu.why_unknown("temperature_celsius") is NotGiven.FAILED
    assert gpu.why_unknown("mig") is NotGiven.NOT_SUPPORTED, "forgotten between what changes and what does not"
    assert gpu.why_unknown("name") is None
    driver.says("temp 50\n")
    (gpu,) = gpus.read().gpus
    assert (gpu.temperature_celsius, gpu.why_unknown("temperature_celsius")) == (50, None)


def loads(clock: SettableClock, *samples: tuple[int, int, float]) -> str:
    """Lines of a driver's state: process, percent, and how many seconds ago."""
    now = clock.now().timestamp()
    return "".join(f"load {pid} {percent} {int((now - ago) * 1e6)}\n" for pid, percent, ago in samples)


PLAYING = "util 97\nproc c 777 1073741824\nproc g 4242 8589934592\nproc g 1 1048576\n"


def test_the_load_of_each_process_is_its_newest_sample(driver: FakeDriver, gpus: Gpus, clock: SettableClock) -> None:
    driver.says(PLAYING + loads(clock, (777, 90, 1.5), (777, 40, 0.5), (4242, 57, 0.3), (1, 30, 9.0), (5, 9, 0.1)))
    (gpu,) = gpus.read().gpus
    assert gpu.processes is not None
    assert {process.pid: process.load_percent for process in gpu.processes} == {777: 40, 4242: 57, 1: 0}
    clock.pass_time(seconds=60)
    (gpu,) = gpus.read().gpus
    assert gpu.processes is not None and {process.load_percent for process in gpu.processes} == {0}, "old samples"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("", NotGiven.NOT_SUPPORTED),
        (f"err.nvmlDeviceGetProcessUtilization {NOT_PERMITTED}\n", NotGiven.NOT_PERMITTED),
        ("load 777 4000000000 99999999999999999\n", NotGiven.FAILED),
    ],
)
def test_a_driver_that_tells_no_processs_load_is_believed_for_the_rest(
    driver: FakeDriver, gpus: Gpus, said: str, why: NotGiven
) -> None:
    driver.says(PLAYING + said)
    (gpu,) = gpus.read().gpus
    assert gpu.processes is not None and {process.load_percent for process in gpu.processes} == {None}
    assert gpu.why_unknown("process_loads") is why
    assert gpu.load_percent == 97


def test_an_older_driver_is_asked_why_it_is_slow_in_its_own_way(driver: FakeDriver, gpus: Gpus) -> None:
    driver.says("reasons 0x20\n")
    with without("nvmlDeviceGetCurrentClocksEventReasons"):
        assert gpus.read().gpus[0].throttles == (Throttle.HOT,)
        gpus.close()
    with without("nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons"):
        (gpu,) = gpus.read().gpus
        assert (gpu.throttles, gpu.why_unknown("throttles")) == (None, NotGiven.NOT_SUPPORTED)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("power_min 700000", NotGiven.FAILED),
        ("power_min 0\npower_max 0", NotGiven.FAILED),
        ("power_max 4294967295", NotGiven.FAILED),
        ("err.nvmlDeviceGetPowerManagementLimitConstraints 3", NotGiven.NOT_SUPPORTED),
        ("err.nvmlDeviceGetPowerManagementLimitConstraints 4", NotGiven.NOT_PERMITTED),
    ],
)
def test_a_room_for_the_power_limit_that_is_none_is_not_believed(
    driver: FakeDriver, gpus: Gpus, said: str, why: NotGiven
) -> None:
    driver.says(said + "\n")
    (gpu,) = gpus.read().gpus
    assert (gpu.power_limit_range_milliwatt, gpu.why_unknown("power_limit_range_milliwatt")) == (None, why)
    assert gpu.power_limit_milliwatt == 450_000


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ("util 101", "load_percent"),
        ("temp 4294967295", "temperature_celsius"),
        ("power 4000000000", "power_milliwatt"),
        ("sm 999999", "graphics_mhz"),
        ("proc c 1 9223372036854775807", "processes"),
    ],
)
def test_a_number_that_no_card_can_have_is_an_error(driver: FakeDriver, gpus: Gpus, said: str, field: str) -> None:
    driver.says(said + "\n")
    (gpu,) = gpus.read().gpus
    assert getattr(gpu, field) is None and gpu.why_unknown(field) is NotGiven.FAILED


def test_more_processes_than_memory_has_room_for_are_an_error(
    driver: FakeDriver, gpus: Gpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pynvml takes room for as many as the driver says that there are."""

    def no_room(handle: object) -> None:
        raise MemoryError

    monkeypatch.setattr(pynvml, "nvmlDeviceGetComputeRunningProcesses", no_room)
    (gpu,) = gpus.read().gpus
    assert gpu.processes is None and gpu.why_unknown("processes") is NotGiven.FAILED


def test_a_name_of_wild_bytes_harms_nobody(driver: FakeDriver, gpus: Gpus) -> None:
    driver.says("count 2\nd0.name \xff\xfe\x80\nd1.name \x1b[31mred\xe2\x80\xaeturned" + "x" * 300 + "\n")
    report = gpus.read()
    assert [one.condition for one in report.unread] == [GpuCondition.FAILING]
    (gpu,) = report.gpus
    assert gpu.name.isprintable() and gpu.name.startswith(" [31mred turned") and len(gpu.name) < 100


@pytest.mark.parametrize("said", ["mem_total 0xffffffffffffffff", "mem_used 0xfffffffffff"])
def test_a_card_with_impossible_memory_is_failing(driver: FakeDriver, gpus: Gpus, said: str) -> None:
    driver.says(said + "\n")
    report = gpus.read()
    assert (report.gpus, report.driver) == ((), DriverState.FAILING)
    assert [one.condition for one in report.unread] == [GpuCondition.FAILING]


@pytest.mark.parametrize(
    ("said", "state", "words"),
    [
        (f"err.nvmlInitWithFlags {NOT_LOADED}", DriverState.NOT_RUNNING, "installed but not running"),
        (f"err.nvmlInitWithFlags {NOT_PERMITTED}", DriverState.NOT_PERMITTED, "may not talk"),
        (f"err.nvmlSystemGetDriverVersion {MISMATCH}", DriverState.UPDATED, "was updated"),
        ("err.nvmlDeviceGetCount_v2 999", DriverState.FAILING, "gave an error"),
        ("count 0", DriverState.NO_GPU, "sees no GPU"),
        (f"err.nvmlDeviceGetMemoryInfo {LOST}", DriverState.FAILING, "stopped answering"),
        (f"err.nvmlDeviceGetHandleByIndex_v2 {NOT_PERMITTED}", DriverState.NOT_PERMITTED, "may not talk"),
    ],
)
def test_a_driver_that_fails_is_a_state_and_a_sentence(
    driver: FakeDriver, gpus: Gpus, said: str, state: DriverState, words: str
) -> None:
    driver.says(said + "\n")
    report = gpus.read()
    assert (report.gpus, report.driver) == ((), state)
    assert report.absent_because is not None and words in report.absent_because
    assert report.absent_because.endswith(".")
    driver.says("")
    assert len(gpus.read().gpus) == 1, "a driver that was mended is not found again"


@pytest.mark.parametrize("code", [*TABLES[Stack.NVML], 31, 998])
def test_no_number_of_the_drivers_is_shown_where_words_are_known(driver: FakeDriver, gpus: Gpus, code: int) -> None:
    driver.says(f"err.nvmlDeviceGetCount_v2 {code}\n")
    told = gpus.read().absent_because
    assert told is not None and (str(code) in told) == (code not in TABLES[Stack.NVML])
    confidential = gpus.confidential()
    assert str(code) not in str(confidential) or code not in TABLES[Stack.NVML]


def test_no_driver_at_all_is_said_plainly(gpus: Gpus) -> None:
    with no_library():
        report = gpus.read()
    assert (report.driver, report.absent_because) == (DriverState.NOT_INSTALLED, "No NVIDIA driver is installed.")
    assert report.waiting_until is None


def test_one_lost_card_leaves_the_others_working(driver: FakeDriver, gpus: Gpus) -> None:
    driver.says(TWO_CARDS)
    assert [gpu.condition for gpu in gpus.read().gpus] == [GpuCondition.WORKS] * 2
    for code, condition in (
        (LOST, GpuCondition.LOST),
        (RESET, GpuCondition.RESET_NEEDED),
        (NOT_PERMITTED, GpuCondition.NOT_PERMITTED),
        (14, GpuCondition.FAILING),
    ):
        driver.says(f"{TWO_CARDS}d0.err.nvmlDeviceGetUUID {code}\n")
        one, two = gpus.read().gpus
        assert (one.uuid, one.condition, two.uuid, two.condition) == (
            "GPU-one",
            condition,
            "GPU-two",
            GpuCondition.WORKS,
        )
        assert (one.temperature_celsius, one.memory_used_bytes, one.processes) == (None, None, None), "old numbers"
        assert one.name and one.condition.problem
    driver.says(TWO_CARDS)
    assert [gpu.condition for gpu in gpus.read().gpus] == [GpuCondition.WORKS] * 2


def test_a_card_is_lost_in_the_middle_of_its_numbers(driver: FakeDriver, gpus: Gpus) -> None:
    driver.says("")
    gpus.read()
    driver.says(f"err.nvmlDeviceGetPowerUsage {LOST}\n")
    (gpu,) = gpus.read().gpus
    assert gpu.condition is GpuCondition.LOST


def test_a_lost_card_never_seen_before_is_counted(driver: FakeDriver, gpus: Gpus) -> None:
    driver.says(f"{TWO_CARDS}d1.err.nvmlDeviceGetHandleByIndex_v2 {LOST}\n")
    report = gpus.read()
    assert [gpu.uuid for gpu in report.gpus] == ["GPU-one"]
    assert [one.condition for one in report.unread] == [GpuCondition.LOST]


def test_a_card_that_changes_its_index_keeps_its_name(driver: FakeDriver, gpus: Gpus) -> None:
    cards = (("GPU-one", "00000000:01:00.0", 41), ("GPU-two", "00000000:02:00.0", 52))

    def lines(order: tuple[tuple[str, str, int], ...]) -> str:
        return "count 2\n" + "".join(
            f"d{i}.uuid {uuid}\nd{i}.bus {bus}\nd{i}.temp {temp}\n" for i, (uuid, bus, temp) in enumerate(order)
        )

    driver.says(lines(cards))
    before = gpus.read().gpus
    driver.says(lines(cards[::-1]))
    assert gpus.read().gpus == before
    assert [(gpu.uuid, gpu.temperature_celsius) for gpu in before] == [("GPU-one", 41), ("GPU-two", 52)]


def test_a_card_that_sits_in_another_slot_is_told_with_its_new_address(driver: FakeDriver, gpus: Gpus) -> None:
    driver.says("uuid GPU-one\nbus 00000000:01:00.0\n")
    assert [gpu.pci_address for gpu in gpus.read().gpus] == ["00000000:01:00.0"]
    driver.says("uuid GPU-one\nbus 00000000:41:00.0\n")
    assert [(gpu.uuid, gpu.pci_address) for gpu in gpus.read().gpus] == [("GPU-one", "00000000:41:00.0")]


def test_more_cards_than_a_computer_can_have_are_not_all_asked_for(driver: FakeDriver, gpus: Gpus) -> None:
    driver.says("count 4000000000\n")
    assert len(gpus.read().gpus) == 256


def test_sixty_four_cards_are_all_told(driver: FakeDriver, gpus: Gpus) -> None:
    driver.says("count 64\n")
    report = gpus.read()
    assert len({gpu.uuid for gpu in report.gpus}) == len({gpu.pci_address for gpu in report.gpus}) == 64


def test_a_card_that_is_plugged_in_is_found(driver: FakeDriver, gpus: Gpus, root: Path, clock: SettableClock) -> None:
    put_card(root, "0000:01:00.0", "nvidia")
    driver.says("count 1\n")
    assert len(gpus.read().gpus) == 1
    driver.says("count 2\n")
    assert len(gpus.read().gpus) == 1, "NVML counts again only when it is opened anew"
    put_card(root, "0000:02:00.0", "nvidia")
    assert len(gpus.read().gpus) == 2


def test_a_card_that_is_pulled_out_is_awaited_and_then_forgotten(
    driver: FakeDriver, gpus: Gpus, root: Path, clock: SettableClock
) -> None:
    for address in ("0000:01:00.0", "0000:02:00.0"):
        put_card(root, address, "nvidia")
    driver.says(TWO_CARDS)
    gpus.read()
    driver.says("count 1\nd0.uuid GPU-one\n")
    for file in (root / "sys/bus/pci/devices/0000:02:00.0").iterdir():
        file.unlink()
    (root / "sys/bus/pci/devices/0000:02:00.0").rmdir()
    report = gpus.read()
    assert [gpu.condition for gpu in report.gpus] == [GpuCondition.WORKS, GpuCondition.UNPLUGGED]
    assert report.waiting_until == clock.now() + WAIT_FOR_GPU
    clock.pass_time(seconds=WAIT_FOR_GPU.total_seconds() + 1)
    report = gpus.read()
    assert ([gpu.uuid for gpu in report.gpus], report.waiting_until) == (["GPU-one"], None)


def test_a_card_given_to_a_virtual_machine_is_no_loss(
    driver: FakeDriver, gpus: Gpus, root: Path, clock: SettableClock
) -> None:
    put_card(root, "0000:01:00.0", "nvidia")
    put_card(root, "0000:02:00.0", "nvidia")
    driver.says(TWO_CARDS)
    gpus.read()
    put_card(root, "0000:02:00.0", "vfio-pci")
    driver.says("count 1\nd0.uuid GPU-one\n")
    clock.pass_time(seconds=11)
    report = gpus.read()
    assert ([gpu.uuid for gpu in report.gpus], report.waiting_until) == (["GPU-one"], None)
    assert report.on_pci is not None and report.on_pci[1].is_passed_through


def test_a_driver_that_loads_late_is_awaited_until_a_deadline(
    driver: FakeDriver, gpus: Gpus, root: Path, clock: SettableClock
) -> None:
    put_card(root, "0000:01:00.0", None)
    driver.says(f"err.nvmlInitWithFlags {NOT_LOADED}\n")
    began = clock.now()
    assert gpus.read().waiting_until == began + WAIT_FOR_GPU
    clock.pass_time(seconds=299)
    assert gpus.read().waiting_until == began + WAIT_FOR_GPU, "the deadline moved"
    clock.pass_time(seconds=1)
    assert gpus.read().waiting_until is None
    driver.says("")
    assert len(gpus.read().gpus) == 1
    driver.says(f"err.nvmlSystemGetDriverVersion {MISMATCH}\n")
    assert gpus.read().waiting_until == clock.now() + WAIT_FOR_GPU, "a second wait has a deadline of its own"


def test_a_driver_that_never_finds_its_card_is_given_up(
    driver: FakeDriver, gpus: Gpus, root: Path, clock: SettableClock
) -> None:
    put_card(root, "0000:01:00.0", "nvidia")
    driver.says("count 0\n")
    until = clock.now() + WAIT_FOR_GPU
    for _ in range(5):
        assert gpus.read().waiting_until == until, "the deadline moved"
        clock.pass_time(minutes=1)
    assert gpus.read().waiting_until is None


def test_a_clock_set_back_does_not_make_the_wait_longer(
    driver: FakeDriver, gpus: Gpus, root: Path, clock: SettableClock
) -> None:
    put_card(root, "0000:01:00.0", None)
    driver.says(f"err.nvmlInitWithFlags {NOT_LOADED}\n")
    gpus.read()
    clock.moment -= timedelta(days=700)
    assert gpus.read().waiting_until == clock.now() + WAIT_FOR_GPU


def test_a_hanging_driver_keeps_nobody_waiting(driver: FakeDriver, clock: SettableClock, root: Path) -> None:
    gpus = Gpus(clock, SystemFiles(root), answer_seconds=0.5)  # enough for one that does answer, on a busy computer too
    driver.says("hang.nvmlDeviceGetCount_v2 1\n")
    report = gpus.read()
    assert (report.driver, report.absent_because) == (DriverState.NOT_ANSWERING, "The NVIDIA driver does not answer.")
    for _ in range(20):
        gpus.read()
        gpus.close()
    hanging = [thread for thread in threading.enumerate() if thread.name == "time-limited"]
    assert len(hanging) == 1, "each question left a thread behind"
    driver.says("")
    hanging[0].join(10)
    assert len(Gpus(clock, SystemFiles(root)).read().gpus) == 1
    assert len(gpus.read().gpus) == 1
    gpus.close()


WORK = "util {load}\ntemp {temp}\npower {power}\n"


@pytest.mark.parametrize(
    ("what", "of_minute", "stuck"),
    [
        ("idle and quite still", lambda i: (0, 40, 30_000), ()),
        ("busy, warm and steady", lambda i: (99, 63, 212_000 + i), ()),
        ("begins to work and warms up", lambda i: (0, 40, 30_000 + i) if i < 30 else (99, 60, 212_000 + i), ()),
        (
            "begins to work, and its thermometer stands still",
            lambda i: (0, 40, 30_000 + i) if i < 30 else (99, 40, 212_000 + i),
            ("temperature_celsius",),
        ),
        ("busy, and draws the same to the milliwatt", lambda i: (99, 60 + i % 2, 212_000), ("power_milliwatt",)),
        (
            "begins to work, and nothing moves",
            lambda i: (0 if i < 30 else 99, 40, 30_000),
            ("power_milliwatt", "temperature_celsius"),
        ),
    ],
)
def test_a_sensor_that_stops_changing_is_an_error(
    driver: FakeDriver,
    gpus: Gpus,
    what: str,
    of_minute: Callable[[int], tuple[int, int, int]],
    stuck: tuple[str, ...],
) -> None:
    conditions = []
    for second in range(60):
        load, temp, power = of_minute(second)
        driver.says(WORK.format(load=load, temp=temp, power=power))
        conditions.append(gpus.read().gpus[0])
    assert all(gpu.condition is GpuCondition.WORKS for gpu in conditions[:-1])
    assert conditions[-1].stuck == stuck, what
    assert (conditions[-1].condition is GpuCondition.SENSOR_STUCK) == bool(stuck)
    driver.says(WORK.format(load=50, temp=55, power=100_000))
    assert gpus.read().gpus[0].stuck == (), "it moves again"


def test_a_card_that_was_away_is_watched_anew(driver: FakeDriver, gpus: Gpus) -> None:
    """What it said before is no minute of standing still."""
    steady = "uuid GPU-one\nutil 99\npower 212000\ntemp 60\n"
    driver.says(steady)
    for _ in range(59):
        gpus.read()
    driver.says("uuid GPU-two\n")
    gpus.read()
    driver.says(steady)
    (found,) = [gpu for gpu in gpus.read().gpus if gpu.uuid == "GPU-one"]
    assert found.stuck == ()


def test_a_card_that_does_not_tell_its_temperature_has_no_stuck_thermometer(driver: FakeDriver, gpus: Gpus) -> None:
    for second in range(60):
        driver.says(f"util {0 if second < 30 else 99}\npower {30_000 + second}\nerr.nvmlDeviceGetTemperature 3\n")
        gpu = gpus.read().gpus[0]
        assert gpu.stuck == ()


def test_cards_sleep_only_when_all_do(gpus: Gpus, root: Path) -> None:
    assert not gpus.asleep(), "nothing is known of them"
    for address, said in (("0000:01:00.0", "suspended"), ("0000:02:00.0", "active")):
        put_card(root, address, "nvidia")
        power = root / "sys/bus/pci/devices" / address / "power"
        power.mkdir()
        (power / "runtime_status").write_text(said + "\n")
    assert not gpus.asleep()
    (root / "sys/bus/pci/devices/0000:02:00.0/power/runtime_status").write_text("suspended\n")
    assert gpus.asleep()
    put_card(root, "0000:02:00.0", "vfio-pci")
    assert gpus.asleep(), "what a virtual machine does is its own"


def test_a_report_reaches_a_face_as_it_is(driver: FakeDriver, gpus: Gpus, root: Path) -> None:
    put_card(root, "0000:01:00.0", "nvidia")
    driver.says(f"{TWO_CARDS}reasons 0x44\nproc c 777 1073741824\nd1.err.nvmlDeviceGetHandleByIndex_v2 {LOST}\n")
    report = gpus.read()
    assert report.gpus and report.unread and report.on_pci
    assert from_json(GpuReport, to_json(GpuReport, report)) == report


def test_letting_the_driver_go_shuts_it_down(driver: FakeDriver, gpus: Gpus) -> None:
    driver.says("count 1\n")
    gpus.read()
    driver.says("count 2\n")
    assert len(gpus.read().gpus) == 1
    gpus.close()
    gpus.close()
    assert len(gpus.read().gpus) == 2


def test_a_cards_energy_is_told_where_it_has_a_meter(driver: FakeDriver, gpus: Gpus) -> None:
    driver.says(TWO_CARDS + "d0.energy 18446744073709551615\n")
    assert gpus.energy("GPU-one") == 2**64 - 1
    assert gpus.energy("GPU-two") is None, "older than Volta: it has none"
    assert gpus.energy("GPU-gone") is None
    driver.says(TWO_CARDS + f"energy 7\nerr.nvmlDeviceGetTotalEnergyConsumption {LOST}\n")
    assert gpus.energy("GPU-one") is None


def test_nobody_waits_for_the_energy_of_a_driver_that_hangs(
    driver: FakeDriver, clock: SettableClock, root: Path
) -> None:
    gpus = Gpus(clock, SystemFiles(root), answer_seconds=0.2)
    driver.says(TWO_CARDS + "energy 7\nhang.nvmlDeviceGetTotalEnergyConsumption 1\n")
    assert gpus.energy("GPU-one") is None
    driver.says(TWO_CARDS)
    gpus.close()


def test_without_a_driver_there_is_no_energy(gpus: Gpus) -> None:
    with no_library():
        assert gpus.energy("GPU-one") is None
