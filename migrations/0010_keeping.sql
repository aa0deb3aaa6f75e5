-- Keeping: the size of partitions, the catalogue of archive files, what was withheld and purged.

create table log.layout (
    log_id smallint primary key,
    -- Positions in a partition; part n holds those from n * size on.
    partition_size bigint not null,
    -- Events before this one were written under a key that was not restored: only the tree proves them.
    mac_from bigint not null,
    constraint layout_partition_size_fits check (partition_size between 64 and 1099511627776)
);
insert into log.layout values (1, 4194304, 1);

create function log.refuse_new_size() returns trigger language plpgsql as $$
begin
    if (select position from log.head where log_id = 1) > 0 then
        raise exception 'the size of partitions is chosen before the first event'
            using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
create trigger partition_size_is_final before update of partition_size on log.layout
    for each row when (old.partition_size <> new.partition_size) execute function log.refuse_new_size();

-- Which file holds which positions. A row is there before its table goes and until its table is back:
-- whoever misses events in the table finds them here. What is archived is always a prefix of the log.
create table log.archive (
    part bigint primary key,
    first_position bigint not null,
    last_position bigint not null,
    file text not null,
    size bigint not null,
    sha256 bytea not null,
    epoch bigint not null,
    -- Whether its table is gone.
    is_moved boolean not null,
    archived_at timestamptz not null,
    constraint archive_file_key unique (file)
);

create function log.partition_name(part bigint) returns text immutable language sql as $$
    select 'event_' || lpad(part::text, 6, '0')
$$;

-- Makes the partitions that hold positions from the head to `upto`, unless they are archived. A table
-- that is attached locks out neither readers nor writers; `create .. partition of` would lock out both.
create or replace function log.make_partitions(upto bigint) returns void language plpgsql
    set lock_timeout = '5s' as $$
declare
    size bigint;
    head bigint;
    name text;
begin
    perform pg_advisory_xact_lock(hashtextextended('log.make_partitions', 0));
    select l.partition_size, h.position into size, head
        from log.layout l join log.head h using (log_id) where log_id = 1;
    for n in head / size .. upto / size loop
        name := log.partition_name(n);
        continue when to_regclass('log.' || name) is not null
            or exists (select from log.archive where part = n);
        execute format('create table log.%I (like log.event including all)', name);
        execute format('create trigger %I before truncate on log.%I execute function log.refuse_change()',
            name || '_is_final', name);
        execute format('alter table log.event attach partition log.%I for values from (%s) to (%s)',
            name, n * size, (n + 1) * size);
    end loop;
end $$;

-- Makes room for what follows the head, `batch` events at least, and answers the head from which on
-- more is wanted.
create function log.make_room(head bigint, batch bigint) returns bigint language plpgsql as $$
declare
    size constant bigint := (select partition_size from log.layout where log_id = 1);
    -- Small partitions are made several at a time.
    ahead constant bigint := greatest(size, 4096);
    upto constant bigint := head + ahead + batch;
begin
    perform log.make_partitions(upto);
    return (upto / size + 1) * size - ahead / 2;
end $$;

-- Chooses the size of the partitions of a log without events; answers whether that is its size now.
create function log.choose_partition_size(size bigint) returns boolean language plpgsql
    set lock_timeout = '5s' as $$
declare
    part regclass;
begin
    if (select partition_size from log.layout where log_id = 1) = size then
        return true;
    end if;
    perform pg_advisory_xact_lock(hashtextextended('log.make_partitions', 0));
    -- Nobody appends meanwhile.
    if (select position from log.head where log_id = 1 for update) > 0 then
        return (select partition_size from log.layout where log_id = 1) = size;
    end if;
    for part in select inhrelid::regclass from pg_inherits where inhparent = 'log.event'::regclass loop
        execute format('drop table %s', part);
    end loop;
    update log.layout set partition_size = size where log_id = 1;
    perform log.make_partitions(size);
    return true;
end $$;

-- Months of technical data whose keys were destroyed: nobody can read it any more. Read models are
-- made anew afterwards, so that they forget as well.
create table log.withheld (
    period text primary key,
    withheld_at timestamptz not null,
    is_forgotten boolean not null
);

-- Up to when rows of the past were purged: what is older counts as done, not as never seen.
create table work.horizon (
    name text primary key,
    before timestamptz not null
);
