-- Accounts: what people tell of themselves, cases for administrators, and whose sessions and keys are
-- whose, written in the append transaction.

-- Beside a session's stream stands whose it is, as long as it lasts; likewise for keys.
create index secret_owned_idx on vault.secret (value) where name in ('session_of', 'api_key_of');
insert into vault.secret
    select session_id, 'session_of', uuid_send(user_id) from session_view where end_reason is null
    on conflict do nothing;
insert into vault.secret
    select key_id, 'api_key_of', uuid_send(owner_id) from api_key_view where is_active
    on conflict do nothing;

alter table user_view add column preferred_name text;
alter table user_view add column full_name text;
alter table user_view add column username text;
alter table user_view add column avatar_url text;
alter table user_view add column github_username text;

-- What people said was not them; no word of what it was.
create table case_view (
    case_id uuid primary key,
    user_id uuid not null,
    undone_position bigint not null,
    opened_at timestamptz not null,
    opened_position bigint not null,
    resolved_at timestamptz,
    resolved_by uuid
);
create index on case_view (opened_at desc, case_id);
