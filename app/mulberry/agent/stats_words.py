"""What the stats page says: the reference worker's JSON, Prometheus' text, and a page for people. Pure.

Keys: the protocol page, section 7. Their shapes are the reference worker's; the values are true also where its own are
not (`enabled`, `failed`). What is not known is null, what this worker has not got (an image, a commit) is "".
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from html import escape
from typing import Any

from mulberry.agent.history_rows import CashOut, SeenContract
from mulberry.model.engine import EngineStats
from mulberry.model.language import english, number, spoken, tr
from mulberry.model.money import format_ton
from mulberry.model.network import NetworkProfile
from mulberry.model.node import NodeState, ProxyState, Status
from mulberry.model.payments import ProxyAccount
from mulberry.model.root_contract import RootParameters
from mulberry.model.sentence import sentence
from mulberry.model.wallet import WalletStatus
from mulberry.ton.address import parse_address

HASHES = ("proxy_hashes", "worker_hashes", "model_hashes")
CODES = ("proxy_code", "worker_code", "client_code")
NODE_STATES = {
    NodeState.STOPPED: tr("stopped"),
    NodeState.GETTING_READY: tr("getting ready"),
    NodeState.EARNING: tr("earning"),
    NodeState.READY: tr("ready"),
    NodeState.PAUSED: tr("paused"),
    NodeState.FINISHING: tr("finishing"),
    NodeState.NEEDS_YOU: tr("needs you"),
}
PROXY_STATES = {
    ProxyState.CONNECTING: tr("connecting"),
    ProxyState.WORKING: tr("working"),
    ProxyState.WAITING: tr("waiting"),
    ProxyState.PUT_ASIDE: tr("put aside"),
    ProxyState.GONE: tr("gone"),
}


@dataclass(frozen=True, slots=True)
class OperatorFacts:
    """All that is told, at one moment. `traffic` as `agent.traffic.Traffic.stats` gives it."""

    status: Status
    wallet: WalletStatus
    profile: NetworkProfile
    coefficient: int
    parameters: RootParameters | None  # None: not read yet
    accounts: tuple[ProxyAccount, ...]
    contracts: tuple[SeenContract, ...]
    sent: frozenset[CashOut]
    traffic: Mapping[str, list[float]]


def json_stats(facts: OperatorFacts) -> dict[str, Any]:
    """`/jsonstats`."""
    wallet, status = facts.wallet, facts.status
    balance = wallet.node_wallet_balance.amount if wallet.node_wallet_balance else None
    return {
        "status": {
            "wallet_balance": balance,
            "actual_image_hash": "",
            "actual_model": status.model,
            "ton_last_synced_at": int(wallet.head_at.timestamp()) if wallet.head_at else None,
            "enabled": status.state in (NodeState.EARNING, NodeState.READY),
            "git_commit": "",
            "git_commit_data": f"Mulberry {status.version}",
        },
        "stats": dict(facts.traffic),
        "wallet": {"address": wallet.node_wallet, "balance": balance},
        "localconfig": {
            "root_address": facts.profile.root_contract_address,
            "owner_address": wallet.owner,
            "model": status.model,
            "coefficient": facts.coefficient,
            "check_proxy_hash": facts.profile.check_hashes,
        },
        "root_contract_config": _root(facts.parameters) if facts.parameters else None,
        "proxies": [_account(account, facts) for account in facts.accounts],
    }


def _root(parameters: RootParameters) -> dict[str, Any]:
    told = {field.name: getattr(parameters, field.name) for field in fields(parameters)}
    for name in (*CODES, "proxies", "registrations"):
        del told[name]
    told |= {name: [item.hex() for item in told[name]] for name in HASHES}
    told["registered_proxies"] = [
        {
            "seqno": item.seqno,
            "address_for_workers": str(item.for_workers),
            "address_for_clients": str(item.for_clients),
        }
        for item in parameters.registrations
    ]
    return told


def _account(account: ProxyAccount, facts: OperatorFacts) -> dict[str, Any]:
    contract = next((seen for seen in facts.contracts if seen.worker_contract == account.worker_contract), None)
    sent = [item.tokens for item in facts.sent if item.worker_contract == account.worker_contract]
    paid_for = contract.tokens if contract else 0
    return {
        "sc_inited": contract is not None,
        "proxy_sc_address": parse_address(account.proxy_contract).friendly(bounceable=True),
        "proxy_public_key": account.proxy.upper(),
        "sc_address": parse_address(account.worker_contract).friendly(bounceable=True),
        "earned_tokens_committed_to_blockchain": account.counters.committed_to_blockchain,
        "earned_tokens_committed_to_proxy_db": account.counters.committed_to_db,
        "earned_tokens_max_known": account.counters.max_known,
        "cached_out_tokens": paid_for,
        "expected_cached_out_tokens": max([paid_for, *sent]),
        "running_request": bool(sent),
        "params_version": facts.parameters.params_version if facts.parameters else None,
    }


# Prometheus


def metrics(facts: OperatorFacts) -> str:
    """`/metrics`, in Prometheus' text format 0.0.4."""
    return "".join(f"{line}\n" for line in _metrics(facts))


def _metrics(facts: OperatorFacts) -> Iterator[str]:
    status, earnings = facts.status, facts.status.earnings
    yield from _family(
        "mulberry_info", "gauge", "What runs.", [({"version": status.version, "model": status.model}, 1)]
    )
    states = [({"state": state.value}, int(state is status.state)) for state in NodeState]
    yield from _family("mulberry_state", "gauge", "1 for the state that the node is in.", states)
    yield from _one("mulberry_requests_running", "gauge", "Requests that run now.", status.running_requests)
    yield from _one("mulberry_jobs_total", "counter", "Jobs booked since the ledger began.", earnings.jobs_total)
    for name, text, amount in (
        ("earned", "The proxies' word.", earnings.earned),
        ("payable", "Covered by signed payments that we hold.", earnings.payable),
        ("paid", "Payouts seen on TON.", earnings.paid),
    ):
        yield from _one(f"mulberry_{name}_nanoton_total", "counter", text, amount)
    for name, values in facts.traffic.items():
        yield from _one(f"mulberry_{name}_total", "counter", "Since the agent's start.", values[0])
    if facts.wallet.node_wallet_balance is not None:
        balance = facts.wallet.node_wallet_balance.amount
        yield from _one("mulberry_wallet_balance_nanoton", "gauge", "The node wallet.", balance)
    yield from _proxy_metrics(status)
    yield from _engine_metrics(status)
    yield from _gpu_metrics(status)


def _proxy_metrics(status: Status) -> Iterator[str]:
    labels = [{"proxy": proxy.name, "key": proxy.public_key} for proxy in status.proxies]
    for name, kind, text in (
        ("running_requests", "gauge", "Requests of this proxy that run now."),
        ("requests", "counter", "Requests of this proxy that were run."),
        ("succeeded", "counter", "Those of them that were answered."),
        ("owed", "gauge", "What it says it owes and has not signed."),
        ("payable", "counter", "What it signed."),
        ("paid", "counter", "What it paid on TON."),
        ("underpaid", "counter", "What it confirmed less than we counted."),
    ):
        unit = "" if "request" in name or name == "succeeded" else "_nanoton"
        values = [(label, getattr(proxy, name)) for label, proxy in zip(labels, status.proxies, strict=True)]
        yield from _family(f"mulberry_proxy_{name}{unit}{'_total' if kind == 'counter' else ''}", kind, text, values)
    working = [
        (label, int(proxy.state is ProxyState.WORKING)) for label, proxy in zip(labels, status.proxies, strict=True)
    ]
    yield from _family("mulberry_proxy_working", "gauge", "1 when connected and taking requests.", working)


def _engine_metrics(status: Status) -> Iterator[str]:
    """Of each job process, or each server of the owner's, by its number: names may be alike."""
    engines = [
        ({"engine": str(number), "name": english(engine.name), "gpu": engine.gpu}, engine)
        for number, engine in enumerate(status.engines, 1)
    ]
    for name, attribute, kind, text in (
        ("places", "places", "gauge", "Answers that it may write at once."),
        ("running", "running", "gauge", "Answers that it writes now."),
        ("waiting", "waiting", "gauge", "Answers that wait for a place."),
        ("tokens_per_second", "tokens_per_second", "gauge", "Written lately, of answers that have ended."),
        ("restarts_total", "restarts", "counter", "Since the work began."),
        ("ready_seconds", "ready_seconds", "gauge", "Without a break."),
        ("memory_bytes", "memory_bytes", "gauge", "What its process holds."),
    ):
        values = [(labels, getattr(engine, attribute)) for labels, engine in engines]
        known = [(labels, value) for labels, value in values if value is not None]
        yield from _family(f"mulberry_engine_{name}", kind, text, known)


def _gpu_metrics(status: Status) -> Iterator[str]:
    gpus = status.gpus.gpus
    for name, attribute, scale, text in (
        ("load_ratio", "load_percent", 0.01, "How busy the GPU is."),
        ("memory_used_bytes", "memory_used_bytes", 1, "Of its memory."),
        ("power_watts", "power_milliwatt", 0.001, "What it draws."),
        ("temperature_celsius", "temperature_celsius", 1, "Of the GPU."),
    ):
        known = [(gpu, getattr(gpu, attribute)) for gpu in gpus]
        values = [({"gpu": gpu.uuid, "name": gpu.name}, value * scale) for gpu, value in known if value is not None]
        yield from _family(f"mulberry_gpu_{name}", "gauge", text, values)


def _one(name: str, kind: str, text: str, value: float) -> Iterator[str]:
    yield from _family(name, kind, text, [({}, value)])


def _family(name: str, kind: str, text: str, samples: Sequence[tuple[dict[str, str], float]]) -> Iterator[str]:
    if not samples:
        return
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {kind}"
    for labels, value in samples:
        told = ",".join(f'{label}="{_label_value(text)}"' for label, text in labels.items())
        yield f"{name}{{{told}}} {value!r}" if told else f"{name} {value!r}"


def _label_value(untrusted: str) -> str:
    return untrusted.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


# For people


def page(facts: OperatorFacts) -> str:
    """`/stats`: no script, no link that does anything, every text escaped."""
    return (
        f'<!DOCTYPE html>\n<html lang="{spoken()}"><head><meta charset="utf-8"><title>Mulberry</title><style>'
        "body{font-family:sans-serif;margin:2em}td,th{text-align:left;padding:.2em 1em .2em 0}</style></head><body>\n"
        + "".join(_page(facts))
        + "</body></html>\n"
    )


def _page(facts: OperatorFacts) -> Iterator[str]:
    status, money = facts.status, facts.status.earnings
    yield f"<h1>{escape(status.network.title)}</h1>\n<p>{escape(sentence(status))}</p>\n"
    rows = [
        (tr("state"), NODE_STATES[status.state]),
        (tr("model"), tr("{model} on {place}", model=status.model, place=status.runs_on)),
        (tr("price factor"), number(f"{facts.coefficient / 1000:.3f}")),
        (tr("earned"), format_ton(money.earned)),
        (tr("payable"), format_ton(money.payable)),
        (tr("paid"), format_ton(money.paid)),
        (
            tr("jobs"),
            tr("{today} today, {total} in all", today=_whole(money.jobs_today), total=_whole(money.jobs_total)),
        ),
        (tr("running requests"), _whole(status.running_requests)),
        (tr("as of"), f"{status.as_of:%Y-%m-%d %H:%M:%S} UTC"),
    ]
    yield _table([], [list(row) for row in rows])
    if status.engines:
        yield _heading(tr("What runs the model"))
        yield _table(
            [
                tr("runs on"),
                tr("places"),
                tr("running"),
                tr("waiting"),
                tr("tokens/s"),
                tr("restarts"),
                tr("ready for"),
                tr("memory"),
            ],
            [_engine_row(engine) for engine in status.engines],
        )
    yield _heading(tr("Requests since the agent's start"))
    columns = ["", tr("total"), "1 s", "10 s", "1 min", "10 min", "1 h", tr("1 day")]
    yield _table(columns, [[name, *(number(f"{value:,.6g}") for value in row)] for name, row in facts.traffic.items()])
    yield _heading(tr("Proxies"))
    yield _table(
        [
            tr("name"),
            tr("state"),
            tr("proof"),
            tr("requests"),
            tr("served"),
            tr("owed"),
            tr("payable"),
            tr("paid"),
            tr("note"),
        ],
        [
            [
                proxy.name,
                PROXY_STATES[proxy.state],
                proxy.attestation,
                _whole(proxy.requests),
                _whole(proxy.succeeded),
                format_ton(proxy.owed),
                format_ton(proxy.payable),
                format_ton(proxy.paid),
                proxy.note,
            ]
            for proxy in status.proxies
        ],
    )


def _heading(text: str) -> str:
    return f"<h2>{escape(text, quote=False)}</h2>\n"


def _whole(amount: int) -> str:
    return number(f"{amount:,}")


def _engine_row(engine: EngineStats) -> list[str]:
    return [
        engine.name,
        _whole(engine.places),
        _whole(engine.running),
        _whole(engine.waiting),
        number(f"{engine.tokens_per_second:,.1f}"),
        _whole(engine.restarts),
        tr("not ready") if engine.ready_seconds is None else number(f"{engine.ready_seconds:,.0f} s"),
        tr("not known") if engine.memory_bytes is None else number(f"{engine.memory_bytes / 2**20:,.0f} MiB"),
    ]


def _table(columns: list[str], rows: list[list[str]]) -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>\n" for row in rows)
    return f"<table>{f'<tr>{head}</tr>' if head else ''}\n{body}</table>\n"
