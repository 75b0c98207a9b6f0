"""The ledger's tables. What may never happen to money is refused by the database itself, not only by our code.

Jobs, confirmations and payments are only ever added. Counters only grow. `slots` and `tallies` hold sums that the
triggers keep, so that "today" and "30 days" cost the same with a hundred jobs and with a million. The chain's part:
transactions are only ever added (their kind may become known later), and what is still missing is written down.

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

_CHAIN = """
CREATE TABLE transactions (
  account TEXT NOT NULL,
  lt INTEGER NOT NULL,
  hash TEXT NOT NULL,
  role TEXT NOT NULL,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  operation INTEGER,
  amount INTEGER NOT NULL,
  fee INTEGER NOT NULL,
  counterparty TEXT NOT NULL,
  comment TEXT NOT NULL,
  success INTEGER NOT NULL,
  PRIMARY KEY (account, lt)
) STRICT, WITHOUT ROWID;
CREATE INDEX transactions_by_time ON transactions (lt, account);
CREATE INDEX transactions_by_kind ON transactions (kind, at);
CREATE INDEX payments_by_time ON payments (received_at);

-- What an account has from (lt, hash) on, both included, down to `held`, excluded, and what we have not read yet.
CREATE TABLE gaps (
  account TEXT NOT NULL,
  lt INTEGER NOT NULL,
  hash BLOB NOT NULL,
  held INTEGER NOT NULL,
  PRIMARY KEY (account, lt)
) STRICT;

-- Up to which logical time an account was read or its gaps were written down: most of an owner's is not ours to keep.
CREATE TABLE read_up_to (
  account TEXT PRIMARY KEY,
  lt INTEGER NOT NULL
) STRICT;

-- Worker contracts as the chain showed them last; `proxy` is the key that signs their payments.
CREATE TABLE contracts (
  worker_contract TEXT PRIMARY KEY,
  proxy TEXT NOT NULL,
  proxy_contract TEXT NOT NULL,
  worker_fee_per_token INTEGER NOT NULL,
  tokens INTEGER NOT NULL,
  is_open INTEGER NOT NULL,
  as_of INTEGER NOT NULL
) STRICT;

-- Every request that the node wallet's key ever signed, written before it was sent.
CREATE TABLE requests (
  number INTEGER PRIMARY KEY,
  wallet TEXT NOT NULL,
  seqno INTEGER NOT NULL,
  valid_until INTEGER NOT NULL,
  boc BLOB NOT NULL,
  made_at INTEGER NOT NULL
) STRICT;
CREATE TABLE cash_outs (
  request INTEGER NOT NULL REFERENCES requests,
  worker_contract TEXT NOT NULL,
  tokens INTEGER NOT NULL
) STRICT;
CREATE INDEX cash_outs_by_contract ON cash_outs (worker_contract, tokens);

CREATE TABLE tallies (
  proxy TEXT NOT NULL,
  worker_fee_per_token INTEGER NOT NULL,
  counted INTEGER NOT NULL,
  answered INTEGER NOT NULL,
  confirmed INTEGER NOT NULL,
  PRIMARY KEY (proxy, worker_fee_per_token)
) STRICT, WITHOUT ROWID;
INSERT INTO tallies SELECT proxy, worker_fee_per_token, sum(adjusted_tokens),
  sum(iif(confirmations.job IS NULL, 0, adjusted_tokens)), sum(coalesce(confirmations.tokens, 0))
  FROM jobs LEFT JOIN confirmations ON confirmations.job = jobs.number GROUP BY proxy, worker_fee_per_token;
CREATE TRIGGER a_booked_job_is_tallied AFTER INSERT ON jobs BEGIN
  INSERT INTO tallies VALUES (new.proxy, new.worker_fee_per_token, new.adjusted_tokens, 0, 0)
  ON CONFLICT DO UPDATE SET counted = counted + excluded.counted;
END;
CREATE TRIGGER a_confirmed_job_is_tallied AFTER INSERT ON confirmations BEGIN
  UPDATE tallies SET answered = answered + jobs.adjusted_tokens, confirmed = confirmed + new.tokens FROM jobs
  WHERE jobs.number = new.job AND tallies.proxy = jobs.proxy
    AND tallies.worker_fee_per_token = jobs.worker_fee_per_token;
END;
"""

_CHAIN_RULES = "".join(
    [
        *(
            _refuse(f"{table}_are_never_{past}", f"{action} ON {table}", f"{table} are never {past}")
            for table in ("requests", "cash_outs")
            for action, past in (("UPDATE", "changed"), ("DELETE", "deleted"))
        ),
        _refuse("transactions_are_never_deleted", "DELETE ON transactions", "transactions are never deleted"),
        _refuse(
            "transactions_never_change",
            "UPDATE ON transactions",
            "only the kind of a transaction may become known later",
            when="(new.account, new.lt, new.hash, new.role, new.at, new.operation, new.amount, new.fee,"
            " new.counterparty, new.comment, new.success) IS NOT (old.account, old.lt, old.hash, old.role, old.at,"
            " old.operation, old.amount, old.fee, old.counterparty, old.comment, old.success)",
        ),
        _refuse(
            "paid_tokens_only_grow",
            "UPDATE ON contracts",
            "tokens that were paid for stay so",
            when="new.tokens < old.tokens",
        ),
    ]
)

# How many requests of a proxy there were, how many went well, and how many tokens it confirmed too few, job by job.
_DEALINGS = """
ALTER TABLE tallies ADD COLUMN requests INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tallies ADD COLUMN succeeded INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tallies ADD COLUMN underpaid INTEGER NOT NULL DEFAULT 0;
UPDATE tallies SET (requests, succeeded, underpaid) = (
  SELECT count(*), sum(outcome = 'done'), sum(max(adjusted_tokens - coalesce(confirmations.tokens, adjusted_tokens), 0))
  FROM jobs LEFT JOIN confirmations ON confirmations.job = jobs.number
  WHERE jobs.proxy = tallies.proxy AND jobs.worker_fee_per_token = tallies.worker_fee_per_token);
DROP TRIGGER a_booked_job_is_tallied;
DROP TRIGGER a_confirmed_job_is_tallied;
CREATE TRIGGER a_booked_job_is_tallied AFTER INSERT ON jobs BEGIN
  INSERT INTO tallies VALUES
    (new.proxy, new.worker_fee_per_token, new.adjusted_tokens, 0, 0, 1, new.outcome = 'done', 0)
  ON CONFLICT DO UPDATE SET counted = counted + excluded.counted, requests = requests + 1,
    succeeded = succeeded + excluded.succeeded;
END;
CREATE TRIGGER a_confirmed_job_is_tallied AFTER INSERT ON confirmations BEGIN
  UPDATE tallies SET answered = answered + jobs.adjusted_tokens, confirmed = confirmed + new.tokens,
    underpaid = underpaid + max(jobs.adjusted_tokens - new.tokens, 0) FROM jobs
  WHERE jobs.number = new.job AND tallies.proxy = jobs.proxy
    AND tallies.worker_fee_per_token = jobs.worker_fee_per_token;
END;
"""

# What work drew, by the quarter of an hour and the price that held in it: a later price does not change the past.
# Prices are thousandths of the currency for a kWh; -1: there was none. Times are milliseconds, energy millijoules.
_ENERGY = """
CREATE TABLE energy (
  start INTEGER NOT NULL,
  currency TEXT NOT NULL,
  price INTEGER NOT NULL CHECK (price >= -1),
  worked INTEGER NOT NULL CHECK (worked >= 0),
  by_counter INTEGER NOT NULL CHECK (by_counter >= 0),
  by_samples INTEGER NOT NULL CHECK (by_samples >= 0),
  blind INTEGER NOT NULL CHECK (blind >= 0),
  of_gpu INTEGER NOT NULL CHECK (of_gpu >= 0),
  of_computer INTEGER NOT NULL CHECK (of_computer >= 0),
  PRIMARY KEY (start, currency, price)
) STRICT, WITHOUT ROWID;
""" + "".join(
    [
        _refuse("energy_is_never_deleted", "DELETE ON energy", "what was drawn is never deleted"),
        _refuse(
            "energy_only_grows",
            "UPDATE ON energy",
            "what was drawn only grows, at the price that held",
            when="(new.start, new.currency, new.price) IS NOT (old.start, old.currency, old.price)"
            " OR new.worked < old.worked OR new.of_gpu < old.of_gpu OR new.of_computer < old.of_computer",
        ),
    ]
)

# What a job's price was made of, beside its counts; NULL in jobs that were booked before this was noted.
_PRICED = """
ALTER TABLE jobs ADD COLUMN cached_tokens INTEGER;
ALTER TABLE jobs ADD COLUMN reasoning_tokens INTEGER;
ALTER TABLE jobs ADD COLUMN coefficient INTEGER;
"""

STRETCH = 128  # jobs in a row

# Bounds of what the jobs of each stretch are looked for by, so that the first page in such an order is found in a few
# stretches. They are seldom moved, and cost a hundredth of an index. ANY: a product beyond 63 bits is a REAL.
EXTREMES = f"""
INSERT INTO extremes SELECT number / {STRETCH},
  min(coalesce(tokens, iif(outcome = 'done', adjusted_tokens, 0)) * worker_fee_per_token),
  max(coalesce(tokens, iif(outcome = 'done', adjusted_tokens, 0)) * worker_fee_per_token),
  min(prompt_tokens + completion_tokens), max(prompt_tokens + completion_tokens),
  min(finished_at - received_at), max(finished_at - received_at)
  FROM jobs LEFT JOIN confirmations ON job = number GROUP BY 1;
"""  # noqa: S608 - a number of ours
_EXTREMES = f"""
CREATE TABLE extremes (
  stretch INTEGER PRIMARY KEY,
  least_earned ANY NOT NULL,
  most_earned ANY NOT NULL,
  least_tokens ANY NOT NULL,
  most_tokens ANY NOT NULL,
  shortest ANY NOT NULL,
  longest ANY NOT NULL
) STRICT;
{EXTREMES}
CREATE TRIGGER a_booked_job_moves_extremes AFTER INSERT ON jobs BEGIN
  INSERT INTO extremes VALUES (
    new.number / {STRETCH},
    iif(new.outcome = 'done', new.adjusted_tokens * new.worker_fee_per_token, 0),
    iif(new.outcome = 'done', new.adjusted_tokens * new.worker_fee_per_token, 0),
    new.prompt_tokens + new.completion_tokens, new.prompt_tokens + new.completion_tokens,
    new.finished_at - new.received_at, new.finished_at - new.received_at)
  ON CONFLICT DO UPDATE SET
    least_earned = min(least_earned, excluded.least_earned), most_earned = max(most_earned, excluded.most_earned),
    least_tokens = min(least_tokens, excluded.least_tokens), most_tokens = max(most_tokens, excluded.most_tokens),
    shortest = min(shortest, excluded.shortest), longest = max(longest, excluded.longest)
  WHERE excluded.least_earned < least_earned OR excluded.most_earned > most_earned
    OR excluded.least_tokens < least_tokens OR excluded.most_tokens > most_tokens
    OR excluded.shortest < shortest OR excluded.longest > longest;
END;
CREATE TRIGGER a_confirmed_job_moves_extremes AFTER INSERT ON confirmations
WHEN new.tokens <> (SELECT iif(outcome = 'done', adjusted_tokens, 0) FROM jobs WHERE number = new.job) BEGIN
  UPDATE extremes SET
    least_earned = min(least_earned, new.tokens * worker_fee_per_token),
    most_earned = max(most_earned, new.tokens * worker_fee_per_token)
  FROM jobs WHERE number = new.job AND stretch = new.job / {STRETCH};
END;
"""  # noqa: S608 - numbers of ours

# Each migration takes the ledger one version up; `PRAGMA user_version` says how many were applied.
MIGRATIONS = (_JOBS + _MONEY + _SUMS + _RULES, _CHAIN + _CHAIN_RULES, _DEALINGS, _ENERGY, _PRICED, _EXTREMES)
