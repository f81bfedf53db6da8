-- Ids are 16 bytes, times are milliseconds since 1970 in UTC, hashes are 32 bytes. Names of states are those that every
-- surface shows. What grows with the documents (texts, chunks) is keyed by version, so that a version is dropped by range.

-- One row per fact about this file.
--   lineage: names one life of the store; a restored backup gets a new one.
--   epoch:   grows whenever what somebody may read changes; part of every key of a cache.
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE collections (
    seq            INTEGER PRIMARY KEY AUTOINCREMENT,
    id             BLOB    NOT NULL UNIQUE,
    name           TEXT    NOT NULL,
    description    TEXT    NOT NULL,
    visibility     TEXT    NOT NULL,
    is_default     INTEGER NOT NULL,
    document_count INTEGER NOT NULL DEFAULT 0,
    created_by     TEXT    NOT NULL,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    deleted_at     INTEGER
) STRICT;
CREATE UNIQUE INDEX collections_default ON collections (created_by) WHERE is_default = 1 AND deleted_at IS NULL;
CREATE INDEX collections_name ON collections (created_by, name) WHERE deleted_at IS NULL;
CREATE INDEX collections_order ON collections (name, seq) WHERE deleted_at IS NULL;
CREATE INDEX collections_public ON collections (id) WHERE visibility = 'public' AND deleted_at IS NULL;

CREATE TABLE grants (
    principal  TEXT    NOT NULL,
    collection BLOB    NOT NULL,
    role       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (principal, collection)
) STRICT, WITHOUT ROWID;
CREATE INDEX grants_collection ON grants (collection);

-- title_given is what the upload said; title_host what the host says now (at the upload or by a change), which a new
-- version does not overrule; title is what is shown. In the same way metadata is host_metadata over what the format
-- carried. live answers; newest is the last one that was taken in, from blob; ready_at is when the document first answered.
CREATE TABLE documents (
    seq           INTEGER PRIMARY KEY AUTOINCREMENT,
    id            BLOB    NOT NULL UNIQUE,
    collection    BLOB    NOT NULL,
    title_given   TEXT,
    title_host    TEXT,
    title         TEXT    NOT NULL,
    source        TEXT    NOT NULL,
    folded        TEXT    NOT NULL,
    host_metadata TEXT    NOT NULL,
    metadata      TEXT    NOT NULL,
    live          BLOB,
    newest        BLOB    NOT NULL,
    blob          BLOB    NOT NULL,
    ready_at      INTEGER,
    created_by    TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    deleted_at    INTEGER
) STRICT;
CREATE INDEX documents_collection ON documents (collection, seq) WHERE deleted_at IS NULL;
CREATE INDEX documents_blob ON documents (collection, blob) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX documents_live ON documents (live) WHERE live IS NOT NULL;

-- state: queued, processing, ready, failed, cancelled. swept_at: its text, chunks and original are gone.
-- dense: the share of chunks that have a vector; 1 where nothing is missing, so also where no embedder is configured.
CREATE TABLE versions (
    id            BLOB    PRIMARY KEY,
    document      BLOB    NOT NULL,
    number        INTEGER NOT NULL,
    source        TEXT    NOT NULL,
    declared      TEXT,
    media_type    TEXT    NOT NULL,
    blob          BLOB    NOT NULL,
    size_bytes    INTEGER NOT NULL,
    state         TEXT    NOT NULL,
    stage         TEXT,
    progress      REAL    NOT NULL DEFAULT 0,
    failure       TEXT,
    warnings      TEXT    NOT NULL DEFAULT '[]',
    text_bytes    INTEGER NOT NULL DEFAULT 0,
    chunk_count   INTEGER NOT NULL DEFAULT 0,
    page_count    INTEGER,
    language      TEXT,
    dense         REAL    NOT NULL DEFAULT 1,
    created_at    INTEGER NOT NULL,
    published_at  INTEGER,
    published_seq INTEGER,
    swept_at      INTEGER,
    UNIQUE (document, number)
) STRICT;
CREATE INDEX versions_blob ON versions (blob);

-- The extracted text, once, in parts of at most 16 KiB that are cut between characters.
CREATE TABLE texts (
    version    BLOB    NOT NULL,
    byte_start INTEGER NOT NULL,
    content    BLOB    NOT NULL
) STRICT;
CREATE UNIQUE INDEX texts_version ON texts (version, byte_start);

-- Where the chunks are; what they say is in texts. hash names the exact text that is embedded.
CREATE TABLE chunks (
    version    BLOB    NOT NULL,
    ordinal    INTEGER NOT NULL,
    id         BLOB    NOT NULL UNIQUE,
    byte_start INTEGER NOT NULL,
    byte_end   INTEGER NOT NULL,
    heading    TEXT,
    page_start INTEGER,
    page_end   INTEGER,
    language   TEXT,
    hash       BLOB    NOT NULL,
    PRIMARY KEY (version, ordinal)
) STRICT, WITHOUT ROWID;

-- Vectors by what was embedded and by whom, so that an unchanged passage is never embedded twice.
CREATE TABLE embedders (
    id          INTEGER PRIMARY KEY,
    fingerprint TEXT    NOT NULL UNIQUE,
    dimensions  INTEGER NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT;
CREATE TABLE embeddings (
    embedder INTEGER NOT NULL REFERENCES embedders (id) ON DELETE CASCADE,
    hash     BLOB    NOT NULL,
    vector   BLOB    NOT NULL,
    PRIMARY KEY (embedder, hash)
) STRICT;

-- due_at is when somebody may take the job: while it is held, that is when the lease runs out.
CREATE TABLE jobs (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    id       BLOB    NOT NULL UNIQUE,
    kind     TEXT    NOT NULL DEFAULT 'ingest',
    document BLOB    NOT NULL,
    version  BLOB    NOT NULL UNIQUE,
    attempts INTEGER NOT NULL DEFAULT 0,
    due_at   INTEGER NOT NULL,
    token    BLOB
) STRICT;
CREATE INDEX jobs_due ON jobs (due_at, seq);
CREATE INDEX jobs_document ON jobs (document);

-- What indexes follow. AUTOINCREMENT: a number is never used again, also after trimming.
CREATE TABLE changes (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    kind       TEXT    NOT NULL,
    collection BLOB,
    document   BLOB    NOT NULL,
    version    BLOB    NOT NULL,
    replaced   BLOB,
    created_at INTEGER NOT NULL
) STRICT;
CREATE TABLE checkpoints (
    index_name TEXT    PRIMARY KEY,
    seq        INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What can never be read again and waits to be removed: kind is document, version, session or collection.
CREATE TABLE garbage (
    seq  INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT    NOT NULL,
    id   BLOB    NOT NULL
) STRICT;
-- Originals that no version refers to any more, until somebody has deleted them.
CREATE TABLE orphans (
    blob     BLOB    PRIMARY KEY,
    noted_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency (
    principal  TEXT    NOT NULL,
    key        TEXT    NOT NULL,
    operation  TEXT    NOT NULL,
    body       BLOB    NOT NULL,
    result     BLOB    NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (principal, key)
) STRICT;
CREATE INDEX idempotency_age ON idempotency (created_at);

CREATE TABLE sessions (
    seq            INTEGER PRIMARY KEY AUTOINCREMENT,
    id             BLOB    NOT NULL UNIQUE,
    principal      TEXT    NOT NULL,
    title          TEXT    NOT NULL,
    folded         TEXT    NOT NULL,
    named          INTEGER NOT NULL,
    collection_ids TEXT,
    model          TEXT,
    pinned         INTEGER NOT NULL,
    folder         TEXT,
    message_count  INTEGER NOT NULL DEFAULT 0,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    deleted_at     INTEGER
) STRICT;
CREATE INDEX sessions_order ON sessions (principal, pinned DESC, updated_at DESC, seq DESC) WHERE deleted_at IS NULL;

-- parent is the seq of another message. An answer that is being written holds a lease: token and expires_at.
CREATE TABLE messages (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    id         BLOB    NOT NULL UNIQUE,
    session    BLOB    NOT NULL,
    parent     INTEGER,
    role       TEXT    NOT NULL,
    state      TEXT    NOT NULL,
    content    TEXT    NOT NULL,
    abstained  INTEGER NOT NULL DEFAULT 0,
    model      TEXT,
    failure    TEXT,
    metadata   TEXT    NOT NULL DEFAULT '{}',
    details    TEXT    NOT NULL DEFAULT '{}',
    token      BLOB,
    expires_at INTEGER,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX messages_parent ON messages (session, parent);
CREATE INDEX messages_session ON messages (session, seq);
CREATE INDEX messages_open ON messages (expires_at) WHERE token IS NOT NULL;

-- The text of finished messages as the search compares it; apart, so that the search reads nothing else.
CREATE TABLE message_search (
    message INTEGER PRIMARY KEY,
    session BLOB    NOT NULL,
    folded  TEXT    NOT NULL
) STRICT;
CREATE INDEX message_search_session ON message_search (session, message);

-- Which messages hold text of which document: what a deletion has to reach.
CREATE TABLE message_documents (
    document BLOB    NOT NULL,
    message  INTEGER NOT NULL,
    PRIMARY KEY (document, message)
) STRICT, WITHOUT ROWID;
CREATE INDEX message_documents_message ON message_documents (message);

CREATE TABLE feedback (
    message    INTEGER PRIMARY KEY,
    rating     TEXT    NOT NULL,
    reason     TEXT,
    comment    TEXT,
    updated_at INTEGER NOT NULL
) STRICT;

-- What each answer used. Stays when the conversation is removed.
CREATE TABLE usage_ledger (
    seq           INTEGER PRIMARY KEY AUTOINCREMENT,
    message       BLOB    NOT NULL UNIQUE,
    session       BLOB    NOT NULL,
    principal     TEXT    NOT NULL,
    model         TEXT,
    state         TEXT    NOT NULL,
    input_tokens  INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    cost_usd      REAL,
    estimated     INTEGER NOT NULL,
    created_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX usage_ledger_principal ON usage_ledger (principal, created_at);
