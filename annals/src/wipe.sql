-- Takes away everything in a database of Annals, and nothing in one that is not.
do $$
declare
    name text;
    thing regclass;
begin
    if to_regclass('log.head') is null then
        return;
    end if;
    for name in select nspname from pg_namespace
        where nspname not in ('public', 'information_schema') and nspname !~ '^pg_'
            and not exists (select from pg_depend d where d.objid = pg_namespace.oid and d.deptype = 'e')
    loop
        execute format('drop schema %I cascade', name);
    end loop;
    for thing in select c.oid from pg_class c
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
            and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')
    loop
        execute format('drop table if exists %s cascade', thing);
    end loop;
end $$;
