-- The shape in which an event is told. Those who subscribed to one event in two shapes are told by two rows with its id.
ALTER TABLE events ADD COLUMN payload_version INTEGER NOT NULL DEFAULT 1;
