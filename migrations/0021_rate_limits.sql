-- How often things were done: one row per limit and whom it counts, for all processes.

-- A bucket that fills evenly is one moment: when it will be full again (the "theoretical arrival time"
-- of the generic cell rate algorithm). Who is counted cannot be read from it: the key is a keyed hash.
create table work.rate_limit (
    key bytea primary key,
    full_at timestamptz not null
) with (fillfactor = 50);

-- Draws from buckets and says of each, in the order given, whether that was possible and in how many
-- seconds it will be full. `costs` and `sizes` are in seconds of filling; what is forced is drawn in
-- any case, and a negative cost is given back. Whoever draws from several gives keys in one order, so
-- that nobody waits for each other.
create function work.draw(keys bytea[], costs double precision[], sizes double precision[], forced boolean)
    returns table (is_drawn boolean, seconds double precision) language plpgsql as $$
declare
    present constant timestamptz := clock_timestamp();
    cost interval;
    size interval;
    moment timestamptz;
begin
    -- Until the end of this transaction: a count is not worth waiting for the disk. It outlives the
    -- end of this program and all but the last moment before the end of the server.
    perform set_config('synchronous_commit', 'off', true);
    for i in 1 .. cardinality(keys) loop
        cost := make_interval(secs => costs[i]);
        size := make_interval(secs => sizes[i]);
        insert into work.rate_limit as l (key, full_at) values (keys[i], present + least(cost, size))
            on conflict (key) do update
            set full_at = least(greatest(l.full_at, present) + cost, present + size)
            where forced or greatest(l.full_at, present) + cost <= present + size
            returning l.full_at into moment;
        is_drawn := found;
        if not is_drawn then
            select l.full_at into moment from work.rate_limit l where l.key = keys[i];
        end if;
        seconds := greatest(extract(epoch from moment - present), 0);
        return next;
    end loop;
end $$;
