-- Inboxes: notices to people, and what each person did with them.

-- Metadata is json, not jsonb, which refuses texts that hold a zero.
create table notification_view (
    notification_id uuid primary key,
    user_id uuid not null,
    urgency text not null,
    topic text not null,
    title text not null,
    message text not null,
    action_url text,
    action_label text,
    metadata json,
    created_at timestamptz not null,
    expires_at timestamptz,
    read_at timestamptz,
    snoozed_until timestamptz,
    is_archived boolean not null,
    -- Where the log says that it was made, and what came of it last: streams to clients go on from there.
    created_position bigint not null,
    changed_position bigint not null
);
create index on notification_view (user_id, created_position desc);
create index on notification_view (user_id, changed_position);
-- What is counted again and again is what was not read.
create index on notification_view (user_id) where read_at is null;
