-- Sessions by whose they are, devices that are known, and when sessions and keys were last used.

-- What streams keep beside their events and is looked for by what it says: whose a session is, while
-- it lasts (`session_of`), and the devices of a person (`device`: the person, then a keyed hash).
create index secret_value_idx on vault.secret (name, value) where name in ('session_of', 'device');

-- Sessions that began before it was written down whose they are.
insert into vault.secret (owner_id, name, value)
    select e.stream_id, 'session_of',
        decode(replace(convert_from(e.payload, 'UTF8')::json -> 'session.started' ->> 'user', '-', ''), 'hex')
    from log.claim c
    join log.event e on e.stream_id = c.stream_id and e.version = 1
    join log.event_type t on t.type_id = e.type_id and t.name = 'session.started'
    where c.scope = 3
    on conflict do nothing;

-- When a session was last used; late by a few seconds, for processes count and write now and then.
create table work.session_use (
    session_id uuid primary key,
    user_id uuid not null,
    seen_at timestamptz not null
) with (fillfactor = 70);
create index session_use_user_idx on work.session_use (user_id);

-- How often a key was used on a day, likewise.
create table work.api_key_use (
    key_id uuid not null,
    day date not null,
    owner_id uuid not null,
    requests bigint not null,
    last_used_at timestamptz not null,
    constraint api_key_use_pkey primary key (key_id, day)
) with (fillfactor = 70);
create index api_key_use_owner_idx on work.api_key_use (owner_id);

-- How long a session may go without a refresh; for ever where nothing is said.
alter table session_view add column idle_seconds integer;
