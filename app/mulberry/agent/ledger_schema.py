"""The ledger's tables. What may never happen to money is refused by the database itself, not only by our code.

Jobs, confirmations and payments are only ever added. Counters only grow. `slots` holds sums that the triggers keep, so
that "today" and "30 days" cost the same with a hundred jobs and with a million.

Times are whole microseconds since 1970, UTC. Keys and addresses are text as the nouns have it.
"""

SLOT_SECONDS = 300  # divides every time zone's offset, so that a local day is a whole number of slots
MICROSECONDS = 1_000_000

_JOBS = """
CREATE TABLE jobs (
  number INTEGER PRIMARY KEY,
  request_id TEXT NOT NULL,
  proxy TEXT NOT NULL,
  model TEXT NOT NULL,
  outcome TEXT NOT NULL,
  error TEXT NOT NULL,
  received_at INTEGER NOT NULL,
  first_answer_at INTEGER,
  finished_at INTEGER NOT NULL,
  prompt_tokens INTEGER NOT NULL CHECK (prompt_tokens >= 0),
  completion_tokens INTEGER NOT NULL CHECK (completion_tokens >= 0),
  adjusted_tokens INTEGER NOT NULL CHECK (adjusted_tokens >= 0),
  worker_fee_per_token INTEGER NOT NULL CHECK (worker_fee_per_token >= 0)
) STRICT;
CREATE INDEX jobs_by_request ON jobs (request_id);
CREATE INDEX jobs_by_time ON jobs (finished_at);

CREATE TABLE confirmations (
  job INTEGER PRIMARY KEY REFERENCES jobs,
  tokens INTEGER NOT NULL CHECK (tokens >= 0),
  confirmed_at INTEGER NOT NULL
) STRICT;

CREATE TABLE slots (
  start INTEGER NOT NULL,
  worker_fee_per_token INTEGER NOT NULL,
  tokens INTEGER NOT NULL,
  jobs INTEGER NOT NULL,
  PRIMARY KEY (start, worker_fee_per_token)
) STRICT, WITHOUT ROWID;
"""

_MONEY = """
CREATE TABLE proxies (
  name TEXT PRIMARY KEY,
  public_key TEXT NOT NULL,
  owner TEXT NOT NULL,
  met_at INTEGER NOT NULL
) STRICT;

CREATE TABLE accounts (
  worker_contract TEXT PRIMARY KEY,
  proxy TEXT NOT NULL,
  proxy_contract TEXT NOT NULL,
  worker_fee_per_token INTEGER NOT NULL,
  committed_to_db INTEGER NOT NULL CHECK (committed_to_db >= 0),
  max_known INTEGER NOT NULL CHECK (max_known >= 0)
) STRICT;

CREATE TABLE payments (
  number INTEGER PRIMARY KEY,
  worker_contract TEXT NOT NULL REFERENCES accounts,
  tokens INTEGER NOT NULL CHECK (tokens >= 0),
  boc BLOB NOT NULL,
  received_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX payments_by_account ON payments (worker_contract, tokens);
"""

_SUMS = f"""
CREATE TRIGGER a_booked_job_is_counted AFTER INSERT ON jobs BEGIN
  INSERT INTO slots VALUES
    (new.finished_at / ({SLOT_SECONDS} * {MICROSECONDS}) * {SLOT_SECONDS}, new.worker_fee_per_token, 0, 1)
  ON CONFLICT DO UPDATE SET jobs = jobs + 1;
END;
CREATE TRIGGER a_confirmed_job_is_counted AFTER INSERT ON confirmations BEGIN
  UPDATE slots SET tokens = slots.tokens + new.tokens FROM jobs
  WHERE jobs.number = new.job AND slots.worker_fee_per_token = jobs.worker_fee_per_token
    AND slots.start = jobs.finished_at / ({SLOT_SECONDS} * {MICROSECONDS}) * {SLOT_SECONDS};
END;
"""  # noqa: S608 - numbers of ours


def _refuse(name: str, event: str, text: str, when: str = "") -> str:
    condition = f"WHEN {when} " if when else ""
    return f"CREATE TRIGGER {name} BEFORE {event} {condition}BEGIN SELECT RAISE(ABORT, '{text}'); END;\n"


_RULES = "".join(
    [
        *(
            _refuse(f"{table}_are_never_{past}", f"{action} ON {table}", f"{table} are never {past}")
            for table in ("jobs", "confirmations", "payments", "proxies")
            for action, past in (("UPDATE", "changed"), ("DELETE", "deleted"))
        ),
        _refuse(
            "jobs_have_no_gaps",
            "INSERT ON jobs",
            "job numbers have no gaps",
            when="new.number IS NOT (SELECT coalesce(max(number), 0) + 1 FROM jobs)",
        ),
        _refuse(
            "payments_only_grow",
            "INSERT ON payments",
            "a payment is smaller than one that is held",
            when="EXISTS (SELECT * FROM payments WHERE worker_contract = new.worker_contract AND tokens >= new.tokens)",
        ),
        _refuse("accounts_are_never_deleted", "DELETE ON accounts", "accounts are never deleted"),
        _refuse(
            "counters_only_grow",
            "UPDATE ON accounts",
            "counters only grow, and the rest of an account never changes",
            when="new.committed_to_db < old.committed_to_db OR new.max_known < old.max_known"
            " OR (new.worker_contract, new.proxy, new.proxy_contract, new.worker_fee_per_token)"
            " IS NOT (old.worker_contract, old.proxy, old.proxy_contract, old.worker_fee_per_token)",
        ),
        _refuse("slots_are_never_deleted", "DELETE ON slots", "slots are never deleted"),
        _refuse(
            "slots_only_grow",
            "UPDATE ON slots",
            "sums only grow",
            when="new.tokens < old.tokens OR new.jobs < old.jobs",
        ),
    ]
)

# Each migration takes the ledger one version up; `PRAGMA user_version` says how many were applied.
MIGRATIONS = (_JOBS + _MONEY + _SUMS + _RULES,)
