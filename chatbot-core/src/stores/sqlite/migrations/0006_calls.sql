-- The ledger: a row for each call to a model, in place of one for each answer. No text is in it; it stays when a
-- conversation is removed. principal is null for the engine's own work. A row that is not settled holds what was set
-- aside: the most that the call can use. Money is in billionths of a dollar, so that sums are exact; null without a price.
CREATE TABLE calls (
    seq           INTEGER PRIMARY KEY AUTOINCREMENT,
    id            BLOB    NOT NULL UNIQUE,
    principal     TEXT,
    session       BLOB,
    message       BLOB,
    purpose       TEXT    NOT NULL,
    model         TEXT    NOT NULL,
    input_tokens  INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    nanodollars   INTEGER,
    estimated     INTEGER NOT NULL,
    failure       TEXT,
    is_settled    INTEGER NOT NULL,
    created_at    INTEGER NOT NULL
) STRICT;
INSERT INTO calls (id, principal, session, message, purpose, model, input_tokens, output_tokens, nanodollars, estimated,
        failure, is_settled, created_at)
    SELECT message, principal, session, message, 'answer', coalesce(model, ''), input_tokens, output_tokens,
        cast(round(cost_usd * 1e9) AS INTEGER), estimated,
        CASE state WHEN 'failed' THEN 'internal' WHEN 'cancelled' THEN 'cancelled' END, 1, created_at
    FROM usage_ledger ORDER BY seq;
DROP TABLE usage_ledger;
-- All that a sum over a user's month reads.
CREATE INDEX calls_principal ON calls (principal, created_at, input_tokens, output_tokens, nanodollars);
CREATE INDEX calls_session ON calls (session, message);
CREATE INDEX calls_open ON calls (created_at) WHERE is_settled = 0;
