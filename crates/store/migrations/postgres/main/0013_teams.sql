-- Workspaces can be deleted, and for a while that can be taken back.
ALTER TABLE workspaces ADD COLUMN deleted_at BIGINT;
-- When nothing of what it had was left any more; the row stays, so that its number and its slug are nobody else's.
ALTER TABLE workspaces ADD COLUMN removed_at BIGINT;
CREATE INDEX workspaces_deleted ON workspaces (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE INDEX members_in_order ON members (workspace, id);

-- Places that are kept for mailboxes: one for each in a workspace, and of the word that opens it only its hash.
CREATE TABLE invitations (
    id TEXT COLLATE "C" PRIMARY KEY,
    workspace BIGINT NOT NULL REFERENCES workspaces (number),
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    role TEXT NOT NULL,
    hash BYTEA NOT NULL UNIQUE,
    invited_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    UNIQUE (workspace, email_key)
);
CREATE INDEX invitations_in_order ON invitations (workspace, id);
CREATE INDEX invitations_by_end ON invitations (expires_at);
