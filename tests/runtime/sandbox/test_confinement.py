"""What the job process does to itself cannot be undone, so each piece is tried in a process of its own."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from mulberry.runtime.child.confinement import root
from mulberry.runtime.child.confinement.canary import look_around
from mulberry.runtime.child.confinement.seccomp import Rule, Verdict, compile_filter, machine
from mulberry.runtime.child.confinement.system import ConfinementFailed
from mulberry.runtime.sandbox.provider import SOURCE, Room, an_order, is_root
from mulberry.runtime.wire import Canary

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux's sandboxes")

HOUSE = Path(__file__).parents[3]
LOCKING = """
import os, threading
from mulberry.runtime.child.confinement.landlock import READ, Grant, give_up_everything_but
from mulberry.runtime.child.confinement.system import PR_SET_NO_NEW_PRIVS, ConfinementFailed, set_process_flag
set_process_flag(PR_SET_NO_NEW_PRIVS, 1)
"""
BEFOREHAND = """
import importlib, os, sys
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
from mulberry.runtime.child.confinement.confine import IMPORTED_BEFOREHAND
from mulberry.runtime.wire import Sampling
import tiny_model
for name in IMPORTED_BEFOREHAND:
    importlib.import_module(name)
before = set(sys.modules)
engine = tiny_model.LocalEngine(slots=2)
engine.answer(1, tiny_model.ask("Hello!", sampling=Sampling(3, 0.8, 0.9, 0.1, 0.1), stop=("never",)))
engine.answer(2, tiny_model.ask("x" * 5000))
new = sorted(name for name in set(sys.modules) - before if getattr(sys.modules[name], "__file__", None))
print(new)
"""


def run(program: str) -> str:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(SOURCE), str(HOUSE / "tests")])}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    assert not done.returncode, done.stderr
    return done.stdout.strip()


def test_landlock_leaves_what_was_granted_and_passes_over_what_is_not_there() -> None:
    program = """
give_up_everything_but([Grant("/nowhere", READ), Grant("/proc/self", READ)])
print(os.path.exists("/etc/passwd"), bool(open("/proc/self/status").read()))
for path in ("/etc/passwd", "/usr/bin/env"):
    try:
        open(path)
    except PermissionError:
        print("closed")
"""
    assert run(LOCKING + program).split() == ["True", "True", "closed", "closed"]


def test_landlock_is_refused_where_a_thread_would_keep_everything() -> None:
    program = """
over = threading.Event()
thread = threading.Thread(target=over.wait)
thread.start()
try:
    give_up_everything_but([])
except ConfinementFailed as problem:
    print(problem)
over.set()
thread.join()
open("/etc/passwd").close()
"""
    assert run(LOCKING + program) == "there are threads already, which would keep everything"


def test_calls_are_given_up_by_threads_that_are_there_already() -> None:
    """Libraries start some while they are imported."""
    program = """
import os, threading
from mulberry.runtime.child.confinement.seccomp import Rule, Verdict, compile_filter, give_up_calls, machine
from mulberry.runtime.child.confinement.system import PR_SET_NO_NEW_PRIVS, set_process_flag
given_up = threading.Event()
def try_it():
    given_up.wait()
    try:
        os.uname()
    except PermissionError:
        print("refused")
thread = threading.Thread(target=try_it)
thread.start()
filtered_by = machine()
set_process_flag(PR_SET_NO_NEW_PRIVS, 1)
give_up_calls(compile_filter([Rule("uname", Verdict.REFUSE)], Verdict.ALLOW, filtered_by), filtered_by)
given_up.set()
thread.join()
"""
    assert run(program) == "refused"


def test_nothing_is_imported_once_the_process_is_closed() -> None:
    """By then the interpreter may be out of reach, and the libraries import late."""
    assert run(BEFOREHAND) == "[]"


def test_root_is_not_given_up_for_root() -> None:
    with pytest.raises(ConfinementFailed, match="for root"):
        root.become(0)


@pytest.mark.skipif(not is_root(), reason="needs root to refuse it")
def test_a_job_as_root_is_refused_with_a_way_out() -> None:
    with pytest.raises(ConfinementFailed, match=r"must not run as root\. Start Mulberry as an ordinary user"):
        root.check_powerless()


@pytest.mark.skipif(not is_root(), reason="only root can give it up")
def test_who_gave_up_root_has_nothing_left_of_it() -> None:
    program = """
import os
from mulberry.runtime.child.confinement.root import become, capabilities
become(65534)
print(os.getresuid(), os.getresgid(), os.getgroups(), capabilities())
for attempt in (lambda: os.setuid(0), lambda: os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY)):
    try:
        attempt()
    except PermissionError:
        print("refused")
"""
    nobody = "(65534, 65534, 65534)"
    assert run(program).splitlines() == [f"{nobody} {nobody} [] 0", "refused", "refused"]


def test_a_processor_that_we_do_not_know_is_no_reason_to_guess(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(ConfinementFailed, match="riscv64"):
        machine()


def test_a_call_without_a_number_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        compile_filter([Rule("no_such_call")], Verdict.REFUSE, machine())


def test_on_other_systems_nothing_is_tried_and_nothing_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    order = an_order(Room(SOURCE), model=SOURCE, processes=None, user=None)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert look_around(order) == Canary(0)
