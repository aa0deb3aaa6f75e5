-- One leader for all projections, and streams that a projection cannot take in.

-- The new lease starts above all fences that leaders of single projections had: what they write
-- late is refused.
insert into log.lease (name, holder, fence, held_until)
select 'projections', gen_random_uuid(), coalesce(max(fence), 0) + 1, clock_timestamp()
from read.projection;

alter table read.projection
    -- Changes whenever a stream is parked, retried or skipped.
    add column parking bigint not null default 0,
    add column events_per_second double precision not null default 0,
    -- Why it stands still; nothing while it moves.
    add column last_error text;

-- Streams of which a projection leaves events out: for now, or for good once somebody skipped them.
create table read.parked (
    projection text not null,
    stream_id uuid not null,
    first_position bigint not null,
    last_error text not null,
    attempts integer not null,
    parked_at timestamptz not null,
    skipped_at timestamptz,
    skipped_by text,
    primary key (projection, stream_id, first_position),
    constraint parked_skipped_by_somebody check ((skipped_at is null) = (skipped_by is null))
);
create unique index parked_once on read.parked (projection, stream_id) where skipped_at is null;

-- The events that are left out, the one that failed included.
create table read.parked_event (
    projection text not null,
    stream_id uuid not null,
    first_position bigint not null,
    position bigint not null,
    primary key (projection, stream_id, position),
    constraint parked_event_parked_fkey foreign key (projection, stream_id, first_position)
        references read.parked on update cascade on delete cascade
);

-- The versions of a projection beside the live one: the next, which may become live, and the old,
-- which was. Their tables are in the schemas next_<projection> and old_<projection>.
create table read.version (
    projection text not null,
    slot text not null,
    checkpoint bigint not null,
    epoch bigint not null,
    is_followed boolean not null,
    made_at timestamptz not null,
    updated_at timestamptz not null,
    last_error text,
    primary key (projection, slot),
    constraint version_slot_known check (slot in ('next', 'old'))
);

-- The last rebuild of each projection.
create table read.rebuild (
    projection text primary key,
    state text not null,
    phase text not null,
    position bigint not null,
    target bigint not null,
    events_per_second double precision not null,
    seconds_left double precision not null,
    started_at timestamptz not null,
    updated_at timestamptz not null,
    error text,
    constraint rebuild_state_known check (state in ('running', 'done', 'failed'))
);
