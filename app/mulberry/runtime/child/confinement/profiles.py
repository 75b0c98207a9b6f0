"""What a job may still do, as data: one profile for jobs on the CPU, one for jobs on an NVIDIA GPU.

The CPU's is an allow-list, found by running onnxruntime and the tokenizer under it. CUDA's driver library makes far
too many different calls for that, so its profile refuses what a job never needs and lets the rest through; it has not
been measured on a GPU yet. Sources for CUDA: gVisor's nvproxy, Chromium's GPU sandbox, libnvidia-container.
"""

from dataclasses import dataclass

from mulberry.runtime.child.confinement.landlock import DEVICE, READ, READ_AND_RUN, Access, Grant
from mulberry.runtime.child.confinement.seccomp import Rule, Test, Verdict
from mulberry.runtime.wire import ProfileName

CLONE_THREAD = 0x0001_0000
CLONE_NEW_ANYTHING = 0x7E02_0000  # mount, cgroup, uts, ipc, user, pid and network namespaces
PR_SET_NAME, PR_GET_NAME, PR_SET_VMA = 15, 16, 0x53564D41
AF_UNIX, SOCK_STREAM, SOCK_SEQPACKET, SOCKET_TYPES = 1, 1, 5, 0xF
# F_DUPFD to F_SETLKW, then F_DUPFD_CLOEXEC, locks of open files, sizes of pipes, seals. Without F_SETOWN and F_SETSIG.
FCNTL_COMMANDS = (*range(8), 1030, *range(36, 39), *range(1031, 1035))
O_WRONLY, O_RDWR, O_ACCMODE, O_TRUNC = 1, 2, 3, 0x200
FIONREAD, FIONBIO, FIOCLEX, TCGETS = 0x541B, 0x5421, 0x5451, 0x5401
IOCTL_TYPE, NVIDIA_TYPE = 0xFF00, 0x4600  # 'F', in `nv-ioctl.h`
SMALL_NUMBER = 0xFFFF_FF00  # nvidia-uvm numbers its commands from 1 on, without a type
UVM_INITIALIZE, UVM_DEINITIALIZE = 0x3000_0001, 0x3000_0002


@dataclass(frozen=True, slots=True)
class Line:
    """System calls that share a reason."""

    reason: str
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class GrantedPath:
    reason: str
    grant: Grant


@dataclass(frozen=True, slots=True)
class Profile:
    """`otherwise` is the verdict on calls that no line names. Paths that do not exist are passed over.

    `limits_addresses`: whether its address space may be limited; CUDA reserves hundreds of GiB that it never uses.
    """

    calls: tuple[Line, ...]
    otherwise: Verdict
    paths: tuple[GrantedPath, ...]
    limits_addresses: bool

    def rules_of(self, process: int) -> tuple[Rule, ...]:
        """For the process that has this number in its own view. It may signal itself, which is how `abort` ends it, and
        nobody else: Landlock keeps signals in since Linux 6.12 only."""
        itself = Rule("tgkill", tests=((Test(0, process),),))
        return (itself, *(rule for line in self.calls for rule in line.rules))


def _allow(reason: str, names: str) -> Line:
    return Line(reason, tuple(Rule(name) for name in names.split()))


def _refuse(reason: str, names: str) -> Line:
    return Line(reason, tuple(Rule(name, Verdict.REFUSE) for name in names.split()))


def _either(argument: int, *values: int, mask: int = 0xFFFF_FFFF) -> tuple[tuple[Test, ...], ...]:
    return tuple((Test(argument, value, mask),) for value in values)


_IS_NULL = {argument: (Test(argument, 0), Test(argument, 0, upper=True)) for argument in (2, 4)}

_THREADS = Line(
    "threads, but no processes and no namespaces",
    (
        Rule("clone", tests=_either(0, CLONE_THREAD, mask=CLONE_THREAD | CLONE_NEW_ANYTHING)),
        Rule("clone3", Verdict.UNKNOWN),  # its flags lie behind a pointer; the C library then uses clone
    ),
)
_NAMES_ONLY = Line(
    "threads name themselves; every other switch of prctl stays as it is",
    (Rule("prctl", tests=_either(0, PR_SET_NAME, PR_GET_NAME, PR_SET_VMA)),),
)
_FLAGS_ONLY = Line(
    "flags and locks of what is open; not who is signalled when something can be read, which could be the agent",
    (Rule("fcntl", tests=_either(1, *FCNTL_COMMANDS)),),
)


def _not_emptied(argument: int) -> tuple[tuple[Test, ...], ...]:
    """Flags of opening that empty a file only where it is opened to be written, which Landlock judges. Before Linux 6.2
    it does not see the rest."""
    kept = (Test(argument, 0, O_TRUNC),)
    return (kept, *((Test(argument, mode, O_ACCMODE),) for mode in (O_WRONLY, O_RDWR)))


_OPENAT = (Rule("openat", tests=_not_emptied(2)),)
_LIMITS_ARE_READ = Line("limits are read, never set", (Rule("prlimit64", tests=(_IS_NULL[2],)),))

_COMMON_PATHS = (
    GrantedPath("the C library, Python's where it comes with the system", Grant("/usr", READ_AND_RUN)),
    GrantedPath("the loader, where /lib is no link into /usr", Grant("/lib", READ_AND_RUN)),
    GrantedPath("the loader of 64-bit programs", Grant("/lib64", READ_AND_RUN)),
    GrantedPath("where the loader finds libraries", Grant("/etc/ld.so.cache", READ)),
    GrantedPath("its own state: number of threads, memory", Grant("/proc/self", READ)),
    GrantedPath("what the processor can do", Grant("/proc/cpuinfo", READ)),
    GrantedPath("how much memory there is", Grant("/proc/meminfo", READ)),
    GrantedPath("how many cores there are", Grant("/sys/devices/system/cpu", READ)),
    GrantedPath("whether memory may come in large pages", Grant("/sys/kernel/mm/transparent_hugepage", READ)),
    GrantedPath("nowhere", Grant("/dev/null", DEVICE)),
    GrantedPath("random numbers", Grant("/dev/urandom", READ)),
)

CPU = Profile(
    calls=(
        _allow("the socket to the agent, which it holds already", "recvfrom recvmsg sendto sendmsg shutdown"),
        Line("open; Landlock says which, but overlooks a file that is emptied while it is opened to be read", _OPENAT),
        _allow("read and close", "read readv pread64 close lseek"),
        _allow("the last words on standard error", "write writev"),
        _allow("what a file is", "fstat newfstatat stat lstat statx access faccessat faccessat2"),
        _allow("folders and links", "getdents64 readlink readlinkat getcwd"),
        _allow("the same file once more", "dup"),
        _FLAGS_ONLY,
        _allow("memory; mprotect and mmap map libraries too", "mmap munmap mremap mprotect madvise brk mbind"),
        _allow("locks and what a thread starts with", "futex rseq set_robust_list set_tid_address arch_prctl"),
        _THREADS,
        _allow("who runs where", "gettid getcpu sched_yield sched_getaffinity get_mempolicy membarrier"),
        _allow("how signals are handled", "rt_sigaction rt_sigprocmask rt_sigreturn"),
        _allow("the stack on which signals are handled, a call that a signal broke", "sigaltstack restart_syscall"),
        _allow("time", "clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday"),
        _allow("waiting for the socket", "poll ppoll select pselect6 epoll_create1 epoll_ctl epoll_wait epoll_pwait"),
        _allow("waking a thread", "eventfd2"),
        _allow("who it is", "getpid getppid getuid geteuid getgid getegid getresuid getresgid"),
        _allow("this computer, and the time it took", "uname sysinfo getrusage times"),
        _allow("random numbers", "getrandom"),
        _allow("the end", "exit exit_group"),
        _NAMES_ONLY,
        _LIMITS_ARE_READ,
        Line(
            "is it a terminal, how much can be read, do not block: Python asks at every open file",
            (Rule("ioctl", tests=_either(1, TCGETS, FIONREAD, FIONBIO, FIOCLEX)),),
        ),
    ),
    otherwise=Verdict.REFUSE,
    paths=_COMMON_PATHS,
    limits_addresses=True,
)

CUDA = Profile(
    calls=(
        _THREADS,
        _FLAGS_ONLY,
        Line(
            "no file is emptied while it is opened to be read; flags behind a pointer cannot be judged",
            (*_OPENAT, Rule("open", tests=_not_emptied(1)), Rule("openat2", Verdict.UNKNOWN)),
        ),
        _refuse("no file is emptied by its name either, which Landlock knows since Linux 6.2 only", "truncate"),
        _NAMES_ONLY,
        _LIMITS_ARE_READ,
        Line(
            "the NVIDIA driver's own commands, by their type, and what Python asks at every open file",
            (
                Rule(
                    "ioctl",
                    tests=(
                        *_either(1, NVIDIA_TYPE, mask=IOCTL_TYPE),
                        *_either(1, 0, mask=SMALL_NUMBER),
                        *_either(1, UVM_INITIALIZE, UVM_DEINITIALIZE, TCGETS, FIONREAD, FIONBIO, FIOCLEX),
                    ),
                ),
            ),
        ),
        Line(
            "CUDA makes a socket for its own threads; no networks, and no datagrams, which need no connection",
            tuple(
                Rule(
                    name,
                    tests=tuple(
                        (Test(0, AF_UNIX), Test(1, kind, SOCKET_TYPES)) for kind in (SOCK_STREAM, SOCK_SEQPACKET)
                    ),
                )
                for name in ("socket", "socketpair")
            ),
        ),
        Line("no message to an address", (Rule("sendto", tests=(_IS_NULL[4],)),)),
        _refuse("no connection to anybody", "connect"),
        _refuse("no processes and no programs", "fork vfork execve execveat"),
        _refuse(
            "no namespaces and no mounts", "unshare setns mount umount2 pivot_root chroot mount_setattr move_mount"
        ),
        _refuse("no mounts by the newer way", "open_tree fsopen fsmount fspick"),
        _refuse("no look at other processes", "ptrace process_vm_readv process_vm_writev process_madvise kcmp"),
        _refuse("no signals to others", "kill tkill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_send_signal"),
        _refuse("no handles on others", "pidfd_open pidfd_getfd"),
        _refuse("no keys of the user", "keyctl add_key request_key"),
        _refuse("no programs in the kernel", "bpf perf_event_open userfaultfd"),
        _refuse("no second way to make system calls", "io_uring_setup io_uring_enter io_uring_register io_setup"),
        _refuse("no kernel", "init_module finit_module delete_module kexec_load kexec_file_load reboot"),
        _refuse("no administration", "swapon swapoff acct quotactl quotactl_fd syslog vhangup"),
        _refuse("no other names for the computer", "sethostname setdomainname"),
        _refuse("no clocks", "settimeofday clock_settime adjtimex clock_adjtime"),
        _refuse("no hardware behind the kernel's back", "iopl ioperm modify_ldt personality"),
        _refuse("no files by number, past every folder", "open_by_handle_at name_to_handle_at"),
        _refuse("no new kinds of files", "mknod mknodat link linkat symlink symlinkat"),
        _refuse(
            "no rights of files", "chmod fchmod fchmodat chown fchown lchown fchownat setxattr lsetxattr fsetxattr"
        ),
        _refuse("none of what else is noted of a file", "removexattr lremovexattr fremovexattr"),
        _refuse("no times of files", "utime utimes futimesat utimensat"),
        _refuse(
            "no other user", "setuid setgid setreuid setregid setresuid setresgid setgroups setfsuid setfsgid capset"
        ),
        _refuse("no higher priority, no higher limits", "setpriority ioprio_set sched_setattr setrlimit"),
        _refuse("no other scheduling, of others neither", "sched_setscheduler sched_setparam"),
        _refuse("not needed, and often wrong in the kernel", "vmsplice splice tee remap_file_pages"),
        _refuse("no memory of others", "migrate_pages move_pages memfd_secret process_mrelease"),
        _refuse("no watching of files", "fanotify_init inotify_init inotify_init1"),
        _refuse("no shared memory of the system; its numbers can be guessed", "shmget shmat shmctl"),
        _refuse("no queues of the system", "mq_open msgget msgsnd msgrcv msgctl"),
        _refuse("nor its semaphores", "semget semop semtimedop semctl"),
        _refuse("no other session", "setsid setpgid"),
    ),
    otherwise=Verdict.ALLOW,
    paths=(
        *_COMMON_PATHS,
        GrantedPath("the driver's control", Grant("/dev/nvidiactl", DEVICE)),
        GrantedPath("the driver's shared memory", Grant("/dev/nvidia-uvm", DEVICE)),
        GrantedPath("opened by some driver versions", Grant("/dev/nvidia-uvm-tools", DEVICE)),
        GrantedPath("the driver's parameters and cards", Grant("/proc/driver", READ)),
        GrantedPath("the driver's device numbers", Grant("/proc/devices", READ)),
        GrantedPath("which memory is near which core", Grant("/sys/devices/system/node", READ)),
        GrantedPath("the card's place", Grant("/sys/bus/pci", READ)),
        GrantedPath("the card itself, where the list of places points to", Grant("/sys/devices", READ)),
        GrantedPath("whether the driver is ready", Grant("/sys/module/nvidia", READ)),
        GrantedPath(
            "CUDA names its threads by this file, and fails without (error 304)",
            Grant("/proc/self/task", READ | Access.WRITE_FILE | Access.TRUNCATE),
        ),
    ),
    limits_addresses=False,
)

PROFILES = {ProfileName.CPU: CPU, ProfileName.CUDA: CUDA}
