-- Snapshots: states of long streams, so that they need not be read from their first event. They can be
-- thrown away at any time. Unlogged: after a crash of the database, and on a standby, the table is empty.

create unlogged table work.snapshot (
    stream_id uuid not null,
    -- Tells apart how programs of different versions write states down.
    form bigint not null,
    version bigint not null,
    position bigint not null,
    -- Whose data it holds; it goes with that person.
    subject_id uuid,
    -- The months whose keys it needs besides: it goes with the first of them.
    periods text[] not null,
    sealed bytea not null,
    taken_at timestamptz not null,
    constraint snapshot_pkey primary key (stream_id)
);
-- What is sealed does not get smaller.
alter table work.snapshot alter column sealed set storage external;
create index snapshot_subject_idx on work.snapshot (subject_id);
