-- What was said in a session up to a message, summed up by a model, and the documents behind it. A branch has those of
-- the messages on it. What a model makes again at the next chance is removed at once with a document that it rests on.
CREATE TABLE summaries (
    message    INTEGER PRIMARY KEY,
    session    BLOB    NOT NULL,
    content    TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX summaries_session ON summaries (session, message);
CREATE TABLE summary_documents (
    document BLOB    NOT NULL,
    message  INTEGER NOT NULL REFERENCES summaries (message) ON DELETE CASCADE,
    PRIMARY KEY (document, message)
) STRICT, WITHOUT ROWID;
CREATE INDEX summary_documents_message ON summary_documents (message);

CREATE TRIGGER summaries_end_with_documents AFTER UPDATE OF deleted_at ON documents
WHEN NEW.deleted_at IS NOT NULL BEGIN
    DELETE FROM summaries WHERE message IN (SELECT message FROM summary_documents WHERE document = NEW.id);
END;
CREATE TRIGGER summaries_end_with_messages AFTER DELETE ON messages BEGIN
    DELETE FROM summaries WHERE message = OLD.seq;
END;
