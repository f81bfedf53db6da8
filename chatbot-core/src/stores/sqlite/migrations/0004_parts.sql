-- A document inside another one: parent is the one that it came out of, part_name what it is called in there; root is the
-- outermost one, and depth how many lie around it.
ALTER TABLE documents ADD COLUMN parent BLOB;
ALTER TABLE documents ADD COLUMN root BLOB;
ALTER TABLE documents ADD COLUMN part_name TEXT;
ALTER TABLE documents ADD COLUMN depth INTEGER NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX documents_part ON documents (parent, part_name) WHERE parent IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX documents_root ON documents (root) WHERE root IS NOT NULL AND deleted_at IS NULL;

-- What lies inside each version: staged as its text is, and made documents once it answers, or answers again.
CREATE TABLE parts (
    version    BLOB    NOT NULL,
    ordinal    INTEGER NOT NULL,
    name       TEXT    NOT NULL,
    declared   TEXT,
    blob       BLOB    NOT NULL,
    size_bytes INTEGER NOT NULL,
    PRIMARY KEY (version, ordinal)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX parts_name ON parts (version, name);
CREATE INDEX parts_blob ON parts (blob);
