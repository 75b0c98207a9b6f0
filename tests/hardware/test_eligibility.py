"""People decide by these answers what to buy: none may promise what a network refuses, or guess what nobody knows."""

import re
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checked_computers import DEMO, FOR_GPUS, IMAGE, MAIN, READ_AT, ROOT, TEST, TINY, as_checked
from conftest import SettableClock
from mulberry.cli.check_words import of_report
from mulberry.hardware.eligibility import answer_to, judge
from mulberry.model.attestation import Policy
from mulberry.model.eligibility import (
    Answer,
    Computer,
    EligibilityReport,
    NetworkEligibility,
    NetworkRules,
    Requirement,
    SeenRoot,
    Standing,
)
from mulberry.model.errors import WhoseTurn
from mulberry.model.gpu import (
    ConfidentialMode,
    DriverState,
    GpuCondition,
    GpuInfo,
    GpuReport,
    PciGpu,
    UnreadGpu,
)
from mulberry.model.host import ConfidentialReport, Finding, GpuConfidentiality, HostReport
from mulberry.model.known_errors import Stack, explain
from mulberry.model.proof import Level
from synthetic_computers import COMPUTERS
from synthetic_computers import Computer as Synthetic

GOLDEN = Path(__file__).parents[1] / "vectors" / "check"
CAN, AFTER, CANNOT, UNKNOWN = Answer.CAN, Answer.CAN_AFTER, Answer.CANNOT, Answer.UNKNOWN

# Whatever is in no line here cannot join the main network, and can join demo and test networks.
ON_MAIN = {
    "H100 host, confidential computing off": UNKNOWN,  # its guest's image is not known before it runs
    "H100 in a TDX guest, confidential computing on": AFTER,  # the model is to be imported
    "H100 in a TDX guest, dev tools on": AFTER,
    "H200 in a TDX guest, nobody has attested yet": AFTER,
    "H100 on a driver too old to speak of confidential computing": UNKNOWN,
    "GH200, in no list": UNKNOWN,
    "RTX PRO 6000 Server Edition": UNKNOWN,
    "H100 kept for a virtual machine": UNKNOWN,
}
LEVELS = {  # on test networks; all others reach 1
    "RTX 4090 desktop with Secure Boot and TPM": Level.TPM_BACKED,
    "H100 host, confidential computing off": Level.TPM_BACKED,
    "B200 on an EPYC host": Level.TPM_BACKED,
    "H100 kept for a virtual machine": Level.TPM_BACKED,
    "H100 in a TDX guest, confidential computing on": Level.CONFIDENTIAL,
    "H100 in a TDX guest, dev tools on": Level.CPU_ENCLAVE,
    "H200 in a TDX guest, nobody has attested yet": Level.CPU_ENCLAVE,
}

Check = Callable[[str], Computer]


@pytest.fixture
def check(nvml_library: Path, tmp_path: Path, clock: SettableClock) -> Check:
    """The synthetic computer of that name, as the check sees it."""

    def checked(name: str) -> Computer:
        number, found = next((n, one) for n, one in enumerate(COMPUTERS) if one.name == name)
        folder = tmp_path / str(number)
        folder.mkdir()
        return as_checked(found, nvml_library, folder, clock)

    return checked


def judged(computer: Computer, clock: SettableClock, *networks: NetworkRules) -> EligibilityReport:
    return judge(computer, networks or (MAIN, DEMO, TEST), clock.now())


@pytest.mark.parametrize("computer", COMPUTERS, ids=lambda computer: computer.name)
def test_what_is_answered_on(computer: Synthetic, nvml_library: Path, tmp_path: Path, clock: SettableClock) -> None:
    """The texts lie in vectors/check. One that is meant to change is written anew when its file is removed."""
    report = judged(as_checked(computer, nvml_library, tmp_path, clock), clock)
    main, demo, test = report.networks
    assert (main.answer, demo.answer, test.answer) == (ON_MAIN.get(computer.name, CANNOT), CAN, CAN)
    assert (demo.level, test.level) == (Level.NOT_ATTESTED, LEVELS.get(computer.name, Level.SELF_REPORTED))
    text = "\n".join(of_report(report, width=100)) + "\n"
    golden = GOLDEN / f"{re.sub('[^a-z0-9]+', '-', computer.name.lower()).strip('-')}.txt"
    if not golden.exists():
        golden.write_text(text, encoding="utf-8")
        pytest.fail(f"{golden.name} was not there and has been written: read it")
    assert text == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("computer", COMPUTERS, ids=lambda computer: computer.name)
def test_every_answer_has_a_reason_and_every_obstacle_a_way_out_on(
    computer: Synthetic, nvml_library: Path, tmp_path: Path, clock: SettableClock
) -> None:
    report = judged(as_checked(computer, nvml_library, tmp_path, clock), clock)
    assert report.summary and report.computer
    for network in report.networks:
        for requirement in [*network.requirements, *(one for gpu in network.gpus for one in gpu.requirements)]:
            assert requirement.evidence, requirement
            assert requirement.evidence.startswith("unknown, because ") == (requirement.standing is Standing.UNKNOWN)
            assert requirement.next_step or requirement.standing is not Standing.NOT_MET, requirement
            assert requirement.can_change or requirement.standing is Standing.NOT_MET, requirement
            assert not requirement.command or requirement.whose_turn is not WhoseTurn.NOBODY, requirement
    shown = str(report)
    assert "0x" not in shown and "None" not in re.sub(r"=None|: None", "", shown), "a bare number, or nothing, is shown"
    for word in ("secure enclave", "private"):
        assert word not in shown


def test_no_golden_text_is_left_of_a_computer_that_is_gone() -> None:
    names = {re.sub("[^a-z0-9]+", "-", computer.name.lower()).strip("-") for computer in COMPUTERS}
    assert {path.stem for path in GOLDEN.glob("*.txt")} == names


GUEST = "H100 in a TDX guest, confidential computing on"
OLD_CARD = "RTX 4090 desktop with Secure Boot and TPM"


def test_a_guest_with_all_that_is_asked_for_can_join_the_main_network(check: Check, clock: SettableClock) -> None:
    main = judged(replace(check(GUEST), models=(TINY, FOR_GPUS)), clock, MAIN).networks[0]
    assert main.answer is CAN and main.level is Level.CONFIDENTIAL and main.root_as_of == ROOT.as_of
    assert all(need.standing is Standing.MET for need in (*main.requirements, *main.gpus[0].requirements))
    assert main.line == "This computer can join Cocoon on TON."


NO = Finding(False, "it says no")
NOBODY_KNOWS: Finding[Any] = Finding(None, "it was not read")


@pytest.mark.parametrize("found", [NO, NOBODY_KNOWS], ids=["no", "unknown"])
@pytest.mark.parametrize("what", ["tdx_guest", "quotes", "capable", "mode", "ready", "sandbox", "image"])
def test_each_of_the_proofs_is_needed(check: Check, clock: SettableClock, what: str, found: Finding[Any]) -> None:
    ready = replace(check(GUEST), models=(TINY, FOR_GPUS))
    if what == "mode" and found is NO:
        found = Finding(ConfidentialMode.OFF, "the driver")
    if what == "image" and found is NO:
        found = Finding("ab" * 32, "a TDX quote of this guest")
    change: dict[str, Any] = {what: found}
    if what in ("tdx_guest", "quotes"):
        changed = replace(ready, host=replace(ready.host, **change))
    elif what in ("mode", "ready"):
        changed = replace(ready, confidential=replace(ready.confidential, **change))
    elif what == "capable":
        gpus = (replace(ready.confidential.gpus[0], capable=found),)
        changed = replace(ready, confidential=replace(ready.confidential, gpus=gpus))
    else:
        changed = replace(ready, **change)
    assert judged(ready, clock, MAIN).networks[0].answer is CAN
    network = judged(changed, clock, MAIN).networks[0]
    standings = {need.standing for need in (*network.requirements, *network.gpus[0].requirements)}
    expected = Standing.NOT_MET if found is not NOBODY_KNOWS else Standing.UNKNOWN
    assert network.answer is not CAN
    assert expected in standings
    if what != "tdx_guest":  # without a guest nobody knows its image
        assert standings == {expected, Standing.MET}
    elif found is NOBODY_KNOWS:
        assert network.answer is UNKNOWN, "a virtual machine that may be a TDX guest is not said to be none"


@pytest.mark.parametrize(
    ("root", "what"),
    [
        (replace(ROOT, worker_hashes=()), "image"),
        (replace(ROOT, worker_hashes=("ab" * 32,)), "image"),
        (replace(ROOT, model_hashes=("ab" * 32,)), "model"),
    ],
    ids=["no image is accepted", "another image is", "another model is"],
)
def test_what_the_network_does_not_list_is_the_networks_turn(
    check: Check, clock: SettableClock, root: SeenRoot, what: str
) -> None:
    ready = replace(check(GUEST), models=(TINY, FOR_GPUS))
    main = judged(ready, clock, replace(MAIN, root=root)).networks[0]
    assert main.answer is CANNOT
    [missing] = [need for need in main.requirements if need.standing is not Standing.MET]
    assert missing.whose_turn is WhoseTurn.NETWORK and f"must put this {what} on the list" in missing.next_step
    assert "as of 2026-11-22 09:30 UTC" in missing.evidence, "a list has a date"
    assert "Nothing is wrong here" in missing.next_step


def test_a_root_contract_that_nobody_read_is_unknown_not_refused(check: Check, clock: SettableClock) -> None:
    unread = replace(MAIN, root=None, why_no_root="its root contract was never read on this computer")
    main = judged(replace(check(GUEST), models=(TINY, FOR_GPUS)), clock, unread).networks[0]
    assert main.answer is UNKNOWN and main.root_as_of is None
    [unknown] = [need for need in main.requirements if need.standing is Standing.UNKNOWN]
    assert unknown.command == "mulberry check --fresh"


def test_a_quote_that_does_not_come_leaves_the_image_unknown(check: Check, clock: SettableClock) -> None:
    silent = replace(check(GUEST), models=(TINY, FOR_GPUS), image=Finding(None, "no quote came within 2 seconds"))
    main = judged(silent, clock, MAIN).networks[0]
    assert main.answer is UNKNOWN and main.level is Level.SELF_REPORTED
    unknown = [need for need in main.requirements if need.standing is Standing.UNKNOWN]
    assert {need.evidence for need in unknown} == {"unknown, because no quote came within 2 seconds"}


def test_without_a_sandbox_only_the_demo_is_left(check: Check, clock: SettableClock) -> None:
    bare = replace(check(OLD_CARD), sandbox=Finding(False, "There is no sandbox for this system yet."))
    main, demo, test = judged(bare, clock).networks
    assert (main.answer, demo.answer, test.answer) == (CANNOT, CAN, AFTER)
    assert sandbox_of(test).next_step.startswith("See what is missing")
    elsewhere = replace(bare, host=replace(bare.host, kernel=Finding(None, "this is no Linux")))
    assert sandbox_of(judged(elsewhere, clock, TEST).networks[0]).next_step.startswith("Run Mulberry on Linux")
    unsure = judged(replace(bare, sandbox=Finding(None, "its self-test took longer than 3 seconds")), clock, TEST)
    assert unsure.networks[0].answer is UNKNOWN
    assert sandbox_of(unsure.networks[0]).evidence == "unknown, because its self-test took longer than 3 seconds"


def sandbox_of(network: NetworkEligibility) -> Requirement:
    return next(one for one in network.requirements if one.name == "A sandbox for strangers' jobs")


def test_a_test_network_whose_jobs_come_from_here_needs_no_sandbox(check: Check, clock: SettableClock) -> None:
    bare = replace(check(OLD_CARD), sandbox=Finding(False, "None."))
    assert judged(bare, clock, replace(TEST, jobs_from_here=True)).networks[0].answer is CAN


def test_a_test_network_that_asks_for_a_quote_needs_a_guest_and_no_particular_gpu(
    check: Check, clock: SettableClock
) -> None:
    strict = replace(TEST, worker_policy=Policy.TDX, root=replace(ROOT, as_of=None))
    assert judged(check(OLD_CARD), clock, strict).networks[0].answer is CANNOT
    guest = judged(check("H100 in a TDX guest, dev tools on"), clock, strict).networks[0]
    assert guest.answer is CAN and "without a date" in str(guest.requirements)


def test_a_silent_driver_does_not_mean_that_there_is_no_gpu(check: Check, clock: SettableClock) -> None:
    host = check("H100 host, confidential computing off")
    silent = replace(host.gpus, gpus=(), absent_because="The NVIDIA driver does not answer.", on_pci=None)
    hanging = replace(host, gpus=replace(silent, driver=DriverState.NOT_ANSWERING))
    main = judged(hanging, clock, MAIN).networks[0]
    assert main.answer is UNKNOWN and main.requirements[0].standing is Standing.UNKNOWN
    assert "the NVIDIA driver does not answer, and the PCI bus cannot be read" in main.requirements[0].evidence
    without = replace(hanging, gpus=replace(silent, driver=DriverState.NOT_INSTALLED, on_pci=()))
    (bare,) = judged(without, clock, MAIN).networks
    assert bare.answer is CANNOT, "the bus shows that there is none"
    assert bare.requirements[0].evidence.startswith("The PCI bus shows no NVIDIA GPU; of the driver: the NVIDIA driver")


def test_level_4_is_in_reach_only_where_every_gpu_could_show_a_report(check: Check, clock: SettableClock) -> None:
    guest = check("H100 in a TDX guest, confidential computing on")
    (capable,) = guest.confidential.gpus
    plain = replace(capable, capable=Finding(False, "the architecture Ada has none"))
    for gpus, level in (
        ((capable,), Level.CONFIDENTIAL),
        ((capable, plain), Level.CPU_ENCLAVE),
        ((plain,), Level.CPU_ENCLAVE),
        ((), Level.CPU_ENCLAVE),
    ):
        shown = replace(guest, confidential=replace(guest.confidential, gpus=gpus))
        assert judged(shown, clock, MAIN).networks[0].level is level


def test_a_tpm_without_secure_boot_reaches_no_level_2(check: Check, clock: SettableClock) -> None:
    desktop = check("RTX 4090 desktop with Secure Boot and TPM")
    assert judged(desktop, clock, TEST).networks[0].level is Level.TPM_BACKED
    for value in (False, None):
        off = replace(desktop, host=replace(desktop.host, secure_boot=Finding(value, "made up")))
        assert judged(off, clock, TEST).networks[0].level is Level.SELF_REPORTED


def test_what_a_driver_does_not_tell_of_a_gpu_is_unknown(check: Check, clock: SettableClock) -> None:
    desktop = replace(check(OLD_CARD), models=(TINY, FOR_GPUS))
    (card,) = desktop.gpus.gpus
    silent = replace(card, compute_capability=None, driver_version="beta")
    (network,) = judged(replace(desktop, gpus=replace(desktop.gpus, gpus=(silent,))), clock, TEST).networks
    unknown = {need.evidence for need in network.gpus[0].requirements if need.standing is Standing.UNKNOWN}
    assert unknown == {
        "unknown, because the driver does not tell",
        "unknown, because the driver's version is no number",
    }
    assert network.gpus[0].answer is UNKNOWN


def test_a_networks_model_that_is_not_here_is_named(check: Check, clock: SettableClock) -> None:
    (main,) = judged(replace(check(OLD_CARD), models=()), clock, MAIN).networks
    assert [(model.answer, model.line) for model in main.models] == [
        (AFTER, f"{MAIN.model_base_name}: is not imported.")
    ]


def test_a_gpu_that_never_said_its_name_is_answered_for_too(check: Check, clock: SettableClock) -> None:
    host = check("H100 host, confidential computing off")
    lost = replace(host.gpus, gpus=(), on_pci=None, unread=(UnreadGpu(None, GpuCondition.LOST),))
    report = judged(replace(host, gpus=lost), clock)
    assert report.networks[0].answer is UNKNOWN and report.networks[0].gpus[0].name == "NVIDIA GPU"
    assert "cannot compute now: this GPU has stopped answering" in report.summary[0]
    known = explain(Stack.NVML, 15)
    told = [each for network in report.networks for gpu in network.gpus for each in gpu.requirements]
    assert (known.next_step, known.command) in [(one.next_step, one.command) for one in told], "as the table has it"


@pytest.mark.parametrize(("free", "standing"), [(None, Standing.UNKNOWN), (10**8, Standing.NOT_MET)])
def test_a_disk_that_is_full_or_silent_is_said(
    check: Check, clock: SettableClock, free: int | None, standing: Standing
) -> None:
    demo = judged(replace(check(OLD_CARD), free_bytes=free), clock, DEMO).networks[0]
    assert [need.standing for need in demo.requirements if need.name == "Room on the disk"] == [standing]
    assert demo.answer is (UNKNOWN if free is None else AFTER)


def test_a_gpu_is_measured_by_the_smallest_model_that_is_here(check: Check, clock: SettableClock) -> None:
    card = check("laptop with two GPUs, Intel and RTX 4060")  # 8 GB
    fits = judged(replace(card, models=(TINY, FOR_GPUS)), clock, TEST).networks[0]
    assert fits.gpus[0].answer is CAN and fits.models[1].line.endswith("fits RTX 4060 Laptop GPU (fake).")
    way = replace(FOR_GPUS.ways[0], minimum_vram_bytes=40 * 10**9)
    large = judged(replace(card, models=(TINY, replace(FOR_GPUS, ways=(way,)))), clock, TEST).networks[0]
    assert large.gpus[0].answer is AFTER and large.models[1].answer is CANNOT
    assert "needs a GPU with 40.00 GB, and none here has that" in large.models[1].line


def test_models_are_compared_with_what_the_network_accepts(check: Check, clock: SettableClock) -> None:
    broken = replace(FOR_GPUS, name="broken/model", problem="Its files were changed.")
    computer = replace(check(GUEST), models=(TINY, FOR_GPUS, broken))
    on_main = {model.name: model for model in judged(computer, clock, MAIN).networks[0].models}
    assert on_main[FOR_GPUS.name].answer is CAN
    assert on_main[TINY.name].answer is CANNOT and "not on the network's list" in on_main[TINY.name].line
    assert on_main["broken/model"].line.endswith("Its files were changed.")
    on_demo = {model.name: model.answer for model in judged(computer, clock, DEMO).networks[0].models}
    assert on_demo == {TINY.name: CAN, FOR_GPUS.name: CANNOT, "broken/model": CANNOT}


def test_an_image_hash_is_compared_whole(check: Check, clock: SettableClock) -> None:
    near = replace(ROOT, worker_hashes=(IMAGE[:-1] + ("0" if IMAGE[-1] != "0" else "1"),))
    ready = replace(check(GUEST), models=(TINY, FOR_GPUS))
    assert judged(ready, clock, replace(MAIN, root=near)).networks[0].answer is CANNOT


needs = st.builds(
    Requirement,
    name=st.just("a need"),
    standing=st.sampled_from(Standing),
    evidence=st.just("seen"),
    can_change=st.booleans(),
)


@given(st.lists(needs, max_size=6))
def test_can_is_said_only_when_everything_is_met(found: list[Requirement]) -> None:
    assert (answer_to(found) is CAN) == all(need.standing is Standing.MET for need in found)


@given(st.lists(needs, max_size=6), needs)
def test_one_more_demand_never_makes_it_better(found: list[Requirement], more: Requirement) -> None:
    best_first = (CAN, AFTER, UNKNOWN, CANNOT)
    assert best_first.index(answer_to([*found, more])) >= best_first.index(answer_to(found))


def finding(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Finding[Any]]:
    """Known, or not."""
    return st.one_of(st.builds(Finding, values, st.just("read")), st.builds(Finding, st.none(), st.just("not read")))


FLAG = finding(st.booleans())
WORD = finding(st.sampled_from(["INTEL(R) XEON(R) PLATINUM 8570", "AMD EPYC 9554", "Intel(R) Core(TM) i7", "\x1b[2J"]))
IS_WORD = {"kernel", "cpu", "machine", "qemu"}


@st.composite
def any_computer(draw: st.DrawFn) -> Computer:
    """Whatever a system may say of itself, also what contradicts itself."""
    host = {one.name: draw(WORD if one.name in IS_WORD else FLAG) for one in fields(HostReport)}
    address = "00000000:01:00.0"
    gpu = GpuInfo(
        "GPU-1",
        address,
        draw(st.text(max_size=80)),
        draw(st.sampled_from(["580.95.05", "535.1", "", "not a number"])),
        draw(st.integers(0, 2**40)),
        *(None,) * 5,
        condition=draw(st.sampled_from(GpuCondition)),
        compute_capability=draw(st.sampled_from([None, (6, 1), (9, 0)])),
    )
    on_pci = draw(st.one_of(st.none(), st.just((PciGpu("0000:01:00.0", 0x10DE, 0x2330, "vfio-pci", None, None),))))
    shown = draw(st.booleans())
    report = GpuReport(
        (gpu,) if shown else (), None, READ_AT, draw(st.sampled_from(DriverState)), on_pci if not shown else None
    )
    confidential = ConfidentialReport(
        gpus=(GpuConfidentiality(address, draw(FLAG)),),
        mode=draw(finding(st.sampled_from(ConfidentialMode))),
        simulated=draw(FLAG),
        protected_pcie=draw(FLAG),
        ready=draw(FLAG),
        cpu=draw(WORD),
    )
    return Computer(
        report,
        HostReport(**host),
        confidential,
        draw(FLAG),
        draw(finding(st.sampled_from([IMAGE, "ab" * 32]))),
        draw(st.sampled_from([(), (TINY,), (TINY, FOR_GPUS)])),
        draw(st.sampled_from([None, 0, 10**12])),
    )


@given(any_computer())
def test_no_computer_is_promised_real_money_without_every_proof(computer: Computer) -> None:
    main, _, test = judge(computer, (MAIN, DEMO, TEST), READ_AT).networks
    if main.answer is CAN:
        host, confidential = computer.host, computer.confidential
        assert host.tdx_guest.value and host.quotes.value and computer.image.value == IMAGE
        assert confidential.mode.value is ConfidentialMode.ON and confidential.ready.value
        assert all(gpu.capable.value for gpu in confidential.gpus)
        assert computer.sandbox.value and FOR_GPUS in computer.models and computer.free_bytes
    if test.answer is CAN:
        assert computer.sandbox.value and computer.models
    for network in (main, test):
        assert network.level is not Level.CONFIDENTIAL or computer.host.tdx_guest.value
