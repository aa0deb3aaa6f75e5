-- Erasing people: the key of a person is destroyed in the transaction of the event that says so, and
-- what was erased is listed.

-- Whoever was erased stays erased: the row remains, and nobody can give it a key again.
create function vault.destroy_key(gone uuid[]) returns void language sql volatile as $$
    insert into vault.subject_key as k (subject_id, wrapped_key, destroyed_at)
        select subject, null, clock_timestamp() from unnest(gone) g(subject)
        on conflict (subject_id) do update set wrapped_key = null, destroyed_at = excluded.destroyed_at
            where k.destroyed_at is null;
$$;

create function vault.destroyed_is_final() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' or new.wrapped_key is not null then
        raise exception 'a key that was destroyed never returns' using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
create trigger subject_key_is_final before update or delete on vault.subject_key
    for each row when (old.destroyed_at is not null) execute function vault.destroyed_is_final();

-- While master keys change: the new one, wrapped by the one before, so that processes that were started
-- with that one can go on. Empty otherwise.
create table vault.master_bridge (
    wrapped_key bytea not null
);

-- As in 0002, and: the secret called `subject_key` is the id of a person whose key is destroyed.
create or replace function log.settle(
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
        if 'subject_key' = any (s_name) then
            perform vault.destroy_key(array(
                select encode(s.value, 'hex')::uuid from unnest(s_name, s_value) s(name, value)
                where s.name = 'subject_key'));
        end if;
        insert into vault.secret
            select c_stream[s.cmd], s.name, s.value from unnest(s_cmd, s_name, s_value) s(cmd, name, value)
            where s.value is not null and s.name <> 'subject_key'
            on conflict on constraint secret_pkey do update set value = excluded.value;
        delete from vault.secret v using unnest(s_cmd, s_name, s_value) s(cmd, name, value)
            where s.value is null and v.owner_id = c_stream[s.cmd] and v.name = s.name;
    end if;
end $$;

-- People who were erased; no word of them.
create table erasure_view (
    user_id uuid primary key,
    requested_by uuid,
    requested_at timestamptz not null,
    requested_position bigint not null,
    erased_at timestamptz,
    erased_position bigint,
    certificate jsonb
);
create index on erasure_view (requested_at desc, user_id);

-- How far an erasure has come; gone once it is certified.
create table work.erasure (
    user_id uuid primary key,
    progress jsonb not null,
    updated_at timestamptz not null
);

-- What models keep for people, sealed with the key of the person. Tables are known by a keyed hash of
-- their name, rows found by keyed hashes of their fields. The tables of 0004 are emptied into these.
create table work.zerodb_sealed_table (
    owner_id uuid not null,
    table_key bytea not null,
    sealed bytea not null,
    created_at timestamptz not null,
    constraint zerodb_sealed_table_pkey primary key (owner_id, table_key)
);
create table work.zerodb_sealed_row (
    row_id uuid primary key,
    owner_id uuid not null,
    table_key bytea not null,
    sealed bytea not null,
    terms bigint[] not null,
    created_at timestamptz not null,
    constraint zerodb_sealed_row_table_fkey foreign key (owner_id, table_key)
        references work.zerodb_sealed_table on delete cascade
);
create index zerodb_sealed_row_table_idx on work.zerodb_sealed_row (owner_id, table_key, created_at, row_id);
create index zerodb_sealed_row_terms_idx on work.zerodb_sealed_row using gin (terms);
