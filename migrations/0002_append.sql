-- Appending: the trusting function for nearly every batch, and the one that looks before it writes.
--
-- Both take one batch as arrays. c_: commands, e_: events, k_: claims to take, r_: claims to release,
-- s_: secrets to write (null: to drop). *_cmd is the ordinal of the command, from 1. c_before counts
-- the events of the commands before it.

-- Writes a batch or nothing: constraints refuse what is wrong. Answers the position before the first.
create function log.append_trusting(
    c_id uuid[], c_fingerprint bytea[], c_stream uuid[], c_category smallint[], c_bucket smallint[],
    c_expected bigint[], c_events integer[], c_before integer[],
    e_cmd integer[], e_index integer[], e_type integer[], e_payload bytea[], e_meta bytea[], e_mac bytea[],
    k_cmd integer[], k_scope smallint[], k_key bytea[],
    r_cmd integer[], r_scope smallint[], r_key bytea[],
    s_cmd integer[], s_name text[], s_value bytea[]
) returns bigint language plpgsql volatile set jit = off as $$
declare
    total constant bigint := cardinality(e_cmd);
    base bigint;
    now_ timestamptz;
    known bigint;
    moved bigint;
begin
    update log.head set position = position + total, recorded_at = greatest(recorded_at, clock_timestamp())
        where log_id = 1 returning position - total, recorded_at into base, now_;
    insert into log.event
        select base + e.o, c_stream[e.cmd], c_expected[e.cmd] + e.index + 1, now_, c_id[e.cmd], e.type,
            c_bucket[e.cmd], e.payload, e.meta, e.mac
        from unnest(e_cmd, e_index, e_type, e_payload, e_meta, e_mac)
            with ordinality e(cmd, index, type, payload, meta, mac, o);
    insert into log.receipt (command_id, fingerprint, first_position, last_position, version)
        select c.id, c.fingerprint, base + c.before + 1, base + c.before + c.events, c.expected + c.events
        from unnest(c_id, c_fingerprint, c_expected, c_events, c_before)
            c(id, fingerprint, expected, events, before);
    insert into log.stream (stream_id, category, version, first_position, last_position)
        select c.stream, c.category, c.events, base + c.before + 1, base + c.before + c.events
        from unnest(c_stream, c_category, c_expected, c_events, c_before)
            c(stream, category, expected, events, before)
        where c.expected = 0;
    get diagnostics moved = row_count;
    if moved < cardinality(c_id) then
        update log.stream s set version = c.expected + c.events, last_position = base + c.before + c.events
            from unnest(c_stream, c_expected, c_events, c_before) c(stream, expected, events, before)
            where s.stream_id = c.stream and s.version = c.expected and c.expected > 0;
        get diagnostics known = row_count;
        if moved + known <> cardinality(c_id) then
            raise exception 'a stream has moved' using errcode = 'serialization_failure';
        end if;
    end if;
    perform log.settle(c_stream, k_cmd, k_scope, k_key, r_cmd, r_scope, r_key, s_cmd, s_name, s_value);
    return base;
end $$;

-- Claims and secrets of the commands that are written. A stream may take what it holds.
create function log.settle(
    c_stream uuid[],
    k_cmd integer[], k_scope smallint[], k_key bytea[],
    r_cmd integer[], r_scope smallint[], r_key bytea[],
    s_cmd integer[], s_name text[], s_value bytea[]
) returns void language plpgsql volatile as $$
declare
    taken bigint;
begin
    if cardinality(r_cmd) > 0 then
        delete from log.claim q using unnest(r_cmd, r_scope, r_key) r(cmd, scope, key)
            where q.scope = r.scope and q.key = r.key and q.stream_id = c_stream[r.cmd];
    end if;
    if cardinality(k_cmd) > 0 then
        insert into log.claim as q
            select k.scope, k.key, c_stream[k.cmd] from unnest(k_cmd, k_scope, k_key) k(cmd, scope, key)
            on conflict on constraint claim_pkey
                do update set stream_id = q.stream_id where q.stream_id = excluded.stream_id;
        get diagnostics taken = row_count;
        if taken < cardinality(k_cmd) then
            raise exception 'another stream holds a key' using errcode = 'unique_violation';
        end if;
    end if;
    if cardinality(s_cmd) > 0 then
        insert into vault.secret
            select c_stream[s.cmd], s.name, s.value from unnest(s_cmd, s_name, s_value) s(cmd, name, value)
            where s.value is not null
            on conflict on constraint secret_pkey do update set value = excluded.value;
        delete from vault.secret v using unnest(s_cmd, s_name, s_value) s(cmd, name, value)
            where s.value is null and v.owner_id = c_stream[s.cmd] and v.name = s.name;
    end if;
end $$;

-- Writes what is right of a batch and says of each command what became of it: 0 written, 1 written
-- before (same id and fingerprint), 2 stream moved, 3 claim held by another, 4 id used for another
-- command. An expected version of -1 fits any.
create function log.append_checked(
    c_id uuid[], c_fingerprint bytea[], c_stream uuid[], c_category smallint[], c_bucket smallint[],
    c_expected bigint[], c_events integer[],
    e_cmd integer[], e_index integer[], e_type integer[], e_payload bytea[], e_meta bytea[], e_mac bytea[],
    k_cmd integer[], k_scope smallint[], k_key bytea[],
    r_cmd integer[], r_scope smallint[], r_key bytea[],
    s_cmd integer[], s_name text[], s_value bytea[]
) returns table (outcome smallint, version bigint, first_position bigint, last_position bigint, scope smallint)
language plpgsql volatile set jit = off as $$
#variable_conflict use_column
declare
    base bigint;
    now_ timestamptz;
    o_outcome smallint[];
    o_version bigint[];
    o_first bigint[];
    o_last bigint[];
    o_scope smallint[];
    total bigint;
begin
    -- The lock first; the next statement has a new snapshot and sees all that was committed under it.
    select h.position, greatest(h.recorded_at, clock_timestamp()) into base, now_
        from log.head h where h.log_id = 1 for update;
    with command as (
        select * from unnest(c_id, c_fingerprint, c_stream, c_expected, c_events)
            with ordinality c(id, fingerprint, stream, expected, events, o)
    ), held as (
        select k.cmd, min(k.scope) scope from unnest(k_cmd, k_scope, k_key) k(cmd, scope, key)
            join log.claim q on q.scope = k.scope and q.key = k.key
            where q.stream_id <> c_stream[k.cmd]
            group by k.cmd
    ), judged as (
        select c.o, c.events, coalesce(s.version, 0) current, r.first_position, r.last_position,
            r.version receipt_version, held.scope,
            case
                when r.fingerprint = c.fingerprint then 1
                when r.command_id is not null then 4
                when c.expected >= 0 and c.expected <> coalesce(s.version, 0) then 2
                when held.cmd is not null then 3
                else 0
            end::smallint outcome
        from command c
            left join log.receipt r on r.command_id = c.id
            left join log.stream s on s.stream_id = c.stream
            left join held on held.cmd = c.o
    ), numbered as (
        select *, sum(case when outcome = 0 then events else 0 end) over (order by o) run from judged
    )
    select array_agg(outcome order by o),
        array_agg(case outcome when 0 then current + events when 1 then receipt_version else current end order by o),
        array_agg(case outcome when 0 then base + run - events + 1 when 1 then first_position else 0 end order by o),
        array_agg(case outcome when 0 then base + run when 1 then last_position else 0 end order by o),
        array_agg(coalesce(scope, 0::smallint) order by o),
        max(run)
        into o_outcome, o_version, o_first, o_last, o_scope, total from numbered;
    if total > 0 then
        update log.head h set position = base + total, recorded_at = now_ where h.log_id = 1;
        insert into log.event
            select o_first[e.cmd] + e.index, c_stream[e.cmd], o_version[e.cmd] - c_events[e.cmd] + e.index + 1,
                now_, c_id[e.cmd], e.type, c_bucket[e.cmd], e.payload, e.meta, e.mac
            from unnest(e_cmd, e_index, e_type, e_payload, e_meta, e_mac) e(cmd, index, type, payload, meta, mac)
            where o_outcome[e.cmd] = 0;
        insert into log.receipt (command_id, fingerprint, first_position, last_position, version)
            select c.id, c.fingerprint, o_first[c.o], o_last[c.o], o_version[c.o]
            from unnest(c_id, c_fingerprint) with ordinality c(id, fingerprint, o) where o_outcome[c.o] = 0;
        insert into log.stream as s (stream_id, category, version, first_position, last_position)
            select c.stream, c.category, o_version[c.o], o_first[c.o], o_last[c.o]
            from unnest(c_stream, c_category) with ordinality c(stream, category, o) where o_outcome[c.o] = 0
            on conflict on constraint stream_pkey
                do update set version = excluded.version, last_position = excluded.last_position;
        perform log.settle(c_stream,
            array(select k.cmd from unnest(k_cmd) with ordinality k(cmd, o) where o_outcome[k.cmd] = 0 order by k.o),
            array(select k.v from unnest(k_cmd, k_scope) with ordinality k(cmd, v, o) where o_outcome[k.cmd] = 0 order by k.o),
            array(select k.v from unnest(k_cmd, k_key) with ordinality k(cmd, v, o) where o_outcome[k.cmd] = 0 order by k.o),
            array(select k.cmd from unnest(r_cmd) with ordinality k(cmd, o) where o_outcome[k.cmd] = 0 order by k.o),
            array(select k.v from unnest(r_cmd, r_scope) with ordinality k(cmd, v, o) where o_outcome[k.cmd] = 0 order by k.o),
            array(select k.v from unnest(r_cmd, r_key) with ordinality k(cmd, v, o) where o_outcome[k.cmd] = 0 order by k.o),
            array(select k.cmd from unnest(s_cmd) with ordinality k(cmd, o) where o_outcome[k.cmd] = 0 order by k.o),
            array(select k.v from unnest(s_cmd, s_name) with ordinality k(cmd, v, o) where o_outcome[k.cmd] = 0 order by k.o),
            array(select k.v from unnest(s_cmd, s_value) with ordinality k(cmd, v, o) where o_outcome[k.cmd] = 0 order by k.o));
    end if;
    return query select o_outcome[i], o_version[i], o_first[i], o_last[i], o_scope[i]
        from generate_subscripts(o_outcome, 1) i order by i;
end $$;
