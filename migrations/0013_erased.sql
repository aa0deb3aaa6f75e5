-- Who was erased, on the side of the log: a copy of the keys that is older than the log brings nobody back.

create table log.erased (
    subject_id uuid primary key,
    erased_at timestamptz not null
);
insert into log.erased
    select subject_id, destroyed_at from vault.subject_key where destroyed_at is not null;
insert into log.erased
    select e.stream_id, e.recorded_at from log.event e join log.event_type t using (type_id)
    where t.name = 'user.erased'
    on conflict do nothing;
create trigger erased_is_final before update or delete on log.erased
    for each row execute function log.refuse_forgetting();
create trigger erased_stays before truncate on log.erased execute function log.refuse_forgetting();

-- As in 0007, and the log notes it in the same transaction.
create or replace function vault.destroy_key(gone uuid[]) returns void language sql volatile as $$
    insert into log.erased
        select subject, clock_timestamp() from unnest(gone) g(subject)
        on conflict do nothing;
    insert into vault.subject_key as k (subject_id, wrapped_key, destroyed_at)
        select subject, null, clock_timestamp() from unnest(gone) g(subject)
        on conflict (subject_id) do update set wrapped_key = null, destroyed_at = excluded.destroyed_at
            where k.destroyed_at is null;
$$;

-- Destroys the keys that have come back, and says how many there were.
create function vault.destroy_returned_keys() returns bigint language plpgsql volatile as $$
declare
    returned uuid[];
begin
    select coalesce(array_agg(e.subject_id), '{}') into returned
        from log.erased e left join vault.subject_key k using (subject_id)
        where k.destroyed_at is null;
    perform vault.destroy_key(returned);
    return cardinality(returned);
end $$;
