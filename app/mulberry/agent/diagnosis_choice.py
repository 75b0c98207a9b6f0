"""Which fact of which noun goes into a diagnosis. What is not named here cannot get there.

Each field of each noun is in exactly one list, so that a new one has to be thought about (a test compares them with the
nouns). Every text goes through the redactor on its way, whoever wrote it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from mulberry.agent.redacting import Redactor
from mulberry.model.benchmark import Benchmark, Estimate, Power, Speed, TextSpeed
from mulberry.model.collateral import CollateralStatus, PlatformCollateral
from mulberry.model.diagnosis import DiagnosisWish
from mulberry.model.eligibility import (
    Computer,
    EligibilityReport,
    GpuEligibility,
    ModelEligibility,
    NetworkEligibility,
    Requirement,
)
from mulberry.model.ending import Ending
from mulberry.model.engine import EngineStats
from mulberry.model.gpu import GpuInfo, GpuProcess, GpuReport, PciGpu, UnreadGpu
from mulberry.model.gpu_runtime import GpuComputing, GpuNeeds
from mulberry.model.host import ConfidentialReport, Finding, GpuConfidentiality, HostReport
from mulberry.model.key import KeyStatus
from mulberry.model.language import english
from mulberry.model.models import ModelWay, StoredModel
from mulberry.model.node import Earnings, Intent, NetworkInfo, OwnServer, ProxyStatus, Reason, RootInfo, Status, Step
from mulberry.model.power_cap import PowerCap
from mulberry.model.proof import AttestationStatus, Check, Hindrance, Verdict
from mulberry.model.wallet import Balance, Payout, ServerStanding, WalletStatus

MOST_ITEMS = 1_000  # of one list


@dataclass(frozen=True, slots=True)
class Choice:
    """Names of fields. `addresses` and `earnings` are shown only where the owner wishes; of `hashed` ones a mark is
    shown, by which equal ones can be told in this bundle and nowhere else."""

    shown: str = ""
    hashed: str = ""
    addresses: str = ""
    earnings: str = ""
    left_out: str = ""

    def fields(self, wish: DiagnosisWish) -> Iterator[str]:
        yield from self.shown.split()
        yield from self.addresses.split() if wish.addresses else ()
        yield from self.earnings.split() if wish.earnings else ()


CHOICES: dict[type, Choice] = {
    HostReport: Choice(
        "kernel cpu wsl virtual_machine machine laptop tdx_host snp_host tdx_guest snp_guest quotes iommu vfio qemu "
        "sgx secure_boot tpm2"
    ),
    GpuConfidentiality: Choice("pci_address capable"),
    ConfidentialReport: Choice("mode simulated protected_pcie ready cpu gpus"),
    GpuReport: Choice("driver absent_because waiting_until gpus unread on_pci as_of"),
    GpuInfo: Choice(
        "name condition pci_address pci_device_id driver_version cuda_version vbios_version architecture "
        "compute_capability memory_total_bytes memory_used_bytes load_percent power_milliwatt power_limit_milliwatt "
        "power_limit_default_milliwatt power_limit_range_milliwatt temperature_celsius slowdown_celsius "
        "shutdown_celsius graphics_mhz graphics_most_mhz memory_mhz throttles ecc mig display processes stuck "
        "not_given",
        hashed="uuid",
    ),
    GpuProcess: Choice("memory_bytes draws load_percent", left_out="pid"),
    PciGpu: Choice("address vendor_id device_id kernel_driver boot_display asleep"),
    UnreadGpu: Choice("pci_address condition"),
    Computer: Choice("gpus host confidential sandbox image models free_bytes computing"),
    GpuComputing: Choice("needs is_here"),
    GpuNeeds: Choice("cuda oldest_driver machine_code"),
    StoredModel: Choice(
        "name version title kind size_bytes in_use problem context_tokens ways judged_in is_bundled",
        left_out="entry licence imported_at source made_from",
    ),
    ModelWay: Choice("provider precision minimum_vram_bytes"),
    EligibilityReport: Choice("computer summary networks rules as_of"),
    NetworkEligibility: Choice(
        "name title is_demo is_main answer line level requirements gpus models root_as_of",
    ),
    GpuEligibility: Choice("name pci_address answer line requirements", hashed="uuid"),
    ModelEligibility: Choice("name answer line"),
    Requirement: Choice("name standing evidence next_step whose_turn command can_change"),
    AttestationStatus: Choice("verdict hindrances is_checking next_step collateral", left_out="facts seen"),
    Verdict: Choice("level checks as_of valid_until is_test"),
    Check: Choice("name outcome told whose_word parts"),
    Hindrance: Choice("what why next_step whose_turn"),
    CollateralStatus: Choice("service reachable platforms"),
    PlatformCollateral: Choice("ca expires problem next_attempt_at", left_out="fmspc"),
    Status: Choice(
        "state state_since reasons steps intent network model runs_on sandbox own_servers running_requests proxies "
        "engines ending version newer_version power_caps as_of",
        earnings="earnings estimate",
        left_out="gpus",  # those of the computer are newer
    ),
    PowerCap: Choice("watt", hashed="uuid"),
    Intent: Choice("want since until"),
    Reason: Choice("kind evidence next_step whose_turn stops_work"),
    Step: Choice("name state note"),
    NetworkInfo: Choice(
        "name title kind is_demo transport proxy_policy worker_policy check_hashes connections root",
        left_out="front_url",
    ),
    RootInfo: Choice(
        "version params_version price_per_token worker_fee_per_token prompt_multiplier cached_multiplier "
        "completion_multiplier reasoning_multiplier proxies as_of",
        addresses="address",
    ),
    ProxyStatus: Choice(
        "connected is_proven state attestation note transport model coefficient running_requests requests succeeded "
        "connected_since next_attempt_at",
        hashed="name public_key",
        earnings="earned payable owed paid underpaid",
        left_out="address",
    ),
    Earnings: Choice(
        earnings="today yesterday last_7_days last_30_days earned payable paid jobs_today jobs_total",
    ),
    WalletStatus: Choice(
        "minimum warning_below head_seqno head_at servers note key as_of",
        addresses="owner node_wallet",
        earnings="node_wallet_balance payouts paid",
        left_out="owner_balance top_up_url",
    ),
    Balance: Choice("as_of proven_by", addresses="address", earnings="amount"),
    Payout: Choice(
        "threshold state note last_paid_at collecting_since",
        hashed="proxy",
        addresses="worker_contract",
        earnings="waiting fee",
    ),
    ServerStanding: Choice("is_good note", hashed="name"),
    KeyStatus: Choice("state kept note has_passphrase", left_out="wallet"),
    Benchmark: Choice(
        "model model_version title runs_on ran_in speeds texts precision power no_power_because as_of version",
    ),
    TextSpeed: Choice("at_once texts_per_second request_seconds watts joules_per_text"),
    Estimate: Choice("model measured_on count measured_at coefficient", earnings="an_hour"),
    EngineStats: Choice(
        "name places running waiting tokens_per_second restarts ready_seconds memory_bytes",
        hashed="gpu",
    ),
    Ending: Choice("at job_process demo_network gpu memory_is_back"),
    OwnServer: Choice("is_here is_encrypted", hashed="name"),
    Speed: Choice("at_once tokens_per_second prompt_tokens_per_second first_text_seconds"),
    Power: Choice("watts tokens_per_joule"),
}


def chosen(value: object, wish: DiagnosisWish, redactor: Redactor) -> Any:
    """What of `value` may go out, for JSON. Raises `KeyError`: a noun that nobody chose from."""
    match value:
        case Enum():
            return value.value
        case None | bool() | int() | float():
            return value
        case datetime():
            return value.isoformat()
        case str():
            return redactor.text(english(value))
        case tuple():
            return [chosen(item, wish, redactor) for item in value[:MOST_ITEMS]]
        case Finding(value=None):
            return redactor.text(english(str(value)))
        case Finding(bool() as found, evidence):
            return f"{'yes' if found else 'no'} ({redactor.text(english(evidence))})"
        case Finding(found, evidence):
            return f"{chosen(found, wish, redactor)} ({redactor.text(english(evidence))})"
    choice = CHOICES[type(value)]
    marks = {name: _mark(getattr(value, name), redactor) for name in choice.hashed.split()}
    facts = {name: chosen(getattr(value, name), wish, redactor) for name in choice.fields(wish)}
    return {name: fact for name, fact in (marks | facts).items() if fact not in ("", [])}


def _mark(secret: str, redactor: Redactor) -> str:
    return redactor.mark("hidden", secret) if secret else ""
