-- Version 1. A released step never changes; the next one is schema-2.sql.

-- One key only ever opens the rows; a database of another key is emptied.
CREATE TABLE seal (key_check BLOB NOT NULL);

-- Names are keyed hashes, heads are sealed. Instants are milliseconds since the epoch.
CREATE TABLE entries (
    id INTEGER PRIMARY KEY,
    name BLOB NOT NULL,
    question BLOB NOT NULL,
    body INTEGER NOT NULL,
    status INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    last_used INTEGER NOT NULL,
    head BLOB NOT NULL
);
CREATE UNIQUE INDEX entries_by_name ON entries (name);
CREATE INDEX entries_by_question ON entries (question, received_at) WHERE status = 200;
CREATE INDEX entries_by_use ON entries (last_used);
CREATE INDEX entries_by_body ON entries (body);

-- Ids are never used twice, so that an entry that lost its body cannot come to point at another one.
CREATE TABLE bodies (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name BLOB NOT NULL,
    sealed BLOB NOT NULL
);
CREATE UNIQUE INDEX bodies_by_name ON bodies (name);

-- The one table without a rowid: it holds nothing but its key, and a rowid would store that twice.
CREATE TABLE tags (
    tag INTEGER NOT NULL,
    entry INTEGER NOT NULL,
    PRIMARY KEY (tag, entry)
) WITHOUT ROWID;
CREATE INDEX tags_by_entry ON tags (entry);

CREATE TRIGGER entry_deleted AFTER DELETE ON entries BEGIN
    DELETE FROM tags WHERE entry = old.id;
    DELETE FROM bodies WHERE id = old.body AND NOT EXISTS (SELECT 1 FROM entries WHERE body = old.body);
END;
CREATE TRIGGER entry_rebodied AFTER UPDATE OF body ON entries WHEN old.body <> new.body BEGIN
    DELETE FROM bodies WHERE id = old.body AND NOT EXISTS (SELECT 1 FROM entries WHERE body = old.body);
END;
