-- The event log: what happened, in the order in which it was committed.

create schema log;
create schema vault;

-- Lock, counter and restore epoch: one update per batch of commands.
create table log.head (
    log_id smallint primary key,
    position bigint not null,
    epoch bigint not null,
    recorded_at timestamptz not null
) with (fillfactor = 10);
insert into log.head values (1, 0, 1, clock_timestamp());

create table log.event_type (
    type_id integer generated always as identity primary key,
    name text not null,
    schema_version smallint not null,
    constraint event_type_name_key unique (name, schema_version)
);

create table log.event (
    position bigint not null,
    stream_id uuid not null,
    version bigint not null,
    recorded_at timestamptz not null,
    command_id uuid not null,
    type_id integer not null,
    bucket smallint not null,
    payload bytea not null,
    meta bytea not null,
    -- Who changes an event without the service's key cannot make this fit again.
    mac bytea not null,
    constraint event_pkey primary key (position)
) partition by range (position);
-- A partition cannot see versions in another one; log.stream makes them unique across all.
create index event_stream_idx on log.event (stream_id, version);
create index event_type_idx on log.event (type_id, position);

create function log.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'events are never changed or deleted' using errcode = 'restrict_violation';
end $$;
create trigger event_is_final before update or delete on log.event
    for each row execute function log.refuse_change();
revoke update, delete, truncate on log.event from public;

-- Makes the partitions of 2^22 positions each that hold positions up to `upto`. A table that is
-- attached locks out neither readers nor writers; `create .. partition of` would lock out both.
create function log.make_partitions(upto bigint) returns void language plpgsql set lock_timeout = '5s' as $$
declare
    size constant bigint := 4194304;
    part bigint;
    name text;
begin
    perform pg_advisory_xact_lock(hashtextextended('log.make_partitions', 0));
    for part in 0 .. upto / size loop
        name := format('event_%s', lpad(part::text, 6, '0'));
        if to_regclass('log.' || name) is null then
            execute format('create table log.%I (like log.event including all)', name);
            execute format('create trigger %I before truncate on log.%I execute function log.refuse_change()',
                name || '_is_final', name);
            execute format('alter table log.event attach partition log.%I for values from (%s) to (%s)',
                name, part * size, (part + 1) * size);
        end if;
    end loop;
end $$;
select log.make_partitions(4194304);

create table log.stream (
    stream_id uuid not null,
    category smallint not null,
    version bigint not null,
    -- Between them lie all its events: nobody need look into other partitions.
    first_position bigint not null,
    last_position bigint not null,
    constraint stream_pkey primary key (stream_id)
) with (fillfactor = 70);

-- A retry of a command finds here what it did the first time.
create table log.receipt (
    command_id uuid not null,
    fingerprint bytea not null,
    first_position bigint not null,
    last_position bigint not null,
    version bigint not null,
    result bytea,
    constraint receipt_pkey primary key (command_id)
);

-- What only one stream may hold at a time; the key is a keyed hash.
create table log.claim (
    scope smallint not null,
    key bytea not null,
    stream_id uuid not null,
    constraint claim_pkey primary key (scope, key)
);

-- The right to do alone what only one process may do; a fence number rises with each holder.
create table log.lease (
    name text primary key,
    holder uuid not null,
    fence bigint not null,
    held_until timestamptz not null
);

-- Keys of the service itself (claims, tokens, signatures), wrapped by the master key.
create table vault.service_key (
    name text primary key,
    wrapped_key bytea not null
);

-- The key of each person's data, wrapped by the master key; erasing a person destroys it.
create table vault.subject_key (
    subject_id uuid primary key,
    wrapped_key bytea,
    destroyed_at timestamptz,
    constraint subject_key_is_there_or_destroyed check ((wrapped_key is null) = (destroyed_at is not null))
);

-- Password hashes and the like: written with the events that speak of them, never in them.
create table vault.secret (
    owner_id uuid not null,
    name text not null,
    value bytea not null,
    constraint secret_pkey primary key (owner_id, name)
);
