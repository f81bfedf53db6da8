-- A change of the kind 'embedded' says which chunks of the version got vectors: from ordinal_start to before ordinal_end.
ALTER TABLE changes ADD COLUMN ordinal_start INTEGER;
ALTER TABLE changes ADD COLUMN ordinal_end INTEGER;

-- title is what the chunks were cut under: what is embedded for them begins with it, also once the document is renamed.
-- dense_failure says why a version that answers will not get its vectors.
ALTER TABLE versions ADD COLUMN title TEXT;
ALTER TABLE versions ADD COLUMN dense_failure TEXT;
UPDATE versions SET title = (SELECT d.title FROM documents d WHERE d.live = versions.id);

-- Versions that answer and lack vectors of the space in use, which is the row `embedder` in `meta`. While versions from
-- before it are looked through, `embedder_seen` there is the last one that was. The lowest place is next; whoever is held,
-- or waits after a failure, is not due. Every chunk before next_ordinal has a vector; n_done chunks have one in all.
CREATE TABLE embedding_jobs (
    version      BLOB    PRIMARY KEY,
    document     BLOB    NOT NULL,
    id           BLOB    NOT NULL UNIQUE,
    place        INTEGER NOT NULL,
    due_at       INTEGER NOT NULL,
    token        BLOB,
    next_ordinal INTEGER NOT NULL DEFAULT 0,
    n_done       INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX embedding_jobs_place ON embedding_jobs (place, version);
CREATE INDEX embedding_jobs_document ON embedding_jobs (document);
