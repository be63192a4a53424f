-- Keeps the index of searches. FTS5 writes out what it has gathered at the end of every savepoint, which made a link cost
-- three times as much; so the triggers of the writing connection only note what changed, in memory, and the index takes
-- all notes of a transaction at once, after its last savepoint. The notes are part of the transaction: a step that is
-- rolled back takes its own with it.
CREATE TEMP TABLE search_notes (place INTEGER PRIMARY KEY, command TEXT, seq INTEGER NOT NULL, search_text TEXT NOT NULL);
CREATE TEMP TRIGGER search_insert AFTER INSERT ON main.links BEGIN
    INSERT INTO search_notes (seq, search_text) VALUES (new.seq, new.search_text);
END;
CREATE TEMP TRIGGER search_delete AFTER DELETE ON main.links BEGIN
    INSERT INTO search_notes (command, seq, search_text) VALUES ('delete', old.seq, old.search_text);
END;
CREATE TEMP TRIGGER search_update AFTER UPDATE OF search_text ON main.links WHEN old.search_text <> new.search_text BEGIN
    INSERT INTO search_notes (command, seq, search_text) VALUES ('delete', old.seq, old.search_text);
    INSERT INTO search_notes (seq, search_text) VALUES (new.seq, new.search_text);
END;
