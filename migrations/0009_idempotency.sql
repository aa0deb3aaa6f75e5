-- What requests with an Idempotency-Key were answered, and what a second try of one needs to find
-- what the first try did.

create table work.idempotency (
    -- Keyed hash of the caller (or of the route, where nobody said who they are) and of the key.
    scope_key bytea primary key,
    -- Keyed hash of the request: the same key with another request is refused.
    fingerprint bytea not null,
    -- All ids that the request gives out follow from it.
    seed uuid not null,
    -- Whom the answer tells of: their key seals it, and it goes with them.
    subject_id uuid,
    -- The try that works on it, until when it is believed to live, and the how manieth it is.
    holder uuid not null,
    held_until timestamptz not null,
    tries integer not null,
    started_at timestamptz not null,
    expires_at timestamptz not null,
    -- Null until there is one that may be given again.
    answer bytea
) with (fillfactor = 70);
create index idempotency_subject_idx on work.idempotency (subject_id) where subject_id is not null;
create index idempotency_expires_idx on work.idempotency (expires_at);
