-- The index of audits: who did what about whom, one small row per event. Nothing personal is in it:
-- addresses and reasons are opened from the event when somebody looks, and are gone with the key.
--
-- Times need no index: positions are in the order of time, and the log tells the position of a time.

create table audit_view (
    position bigint primary key,
    recorded_at timestamptz not null,
    category smallint not null,
    action text not null,
    actor_id uuid,
    subject_id uuid,
    stream_id uuid not null,
    command_id uuid not null,
    correlation_id uuid,
    credential_id uuid
);
create index on audit_view (subject_id, position);
-- What somebody did about somebody else.
create index on audit_view (actor_id, position) where actor_id is distinct from subject_id;
create index on audit_view (action, position);
create index on audit_view (category, position);
