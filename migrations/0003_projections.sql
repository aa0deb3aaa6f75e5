-- Read models, and how far each has come.
--
-- A rebuild makes every table of a read model anew with `like .. including all`. So that the new
-- tables cannot be told from the old ones, indexes and keys have the names that Postgres gives them,
-- and tables have no storage parameters, foreign keys or privileges of their own.

create schema read;

create table read.projection (
    name text primary key,
    checkpoint bigint not null,
    epoch bigint not null,
    fence bigint not null,
    updated_at timestamptz not null
) with (fillfactor = 10);

create table user_view (
    user_id uuid primary key,
    email text not null,
    name text,
    role text not null,
    is_active boolean not null,
    is_verified boolean not null,
    registered_at timestamptz not null,
    last_login_at timestamptz
);
create index on user_view (registered_at desc, user_id);

create table session_view (
    session_id uuid primary key,
    user_id uuid not null,
    user_agent text,
    address text,
    started_at timestamptz not null,
    last_refreshed_at timestamptz not null,
    expires_at timestamptz not null,
    end_reason text
);
create index on session_view (user_id, started_at desc, session_id);

create table api_key_view (
    key_id uuid primary key,
    owner_id uuid not null,
    name text not null,
    prefix text not null,
    scopes text[] not null,
    is_active boolean not null,
    created_at timestamptz not null,
    expires_at timestamptz not null
);
create index on api_key_view (owner_id, created_at desc, key_id);

-- The preferences that were ever changed; the rest are the defaults of the domain.
create table settings_view (
    user_id uuid not null,
    part text not null,
    change jsonb not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (user_id, part)
);

create table chat_session_view (
    session_id uuid primary key,
    owner_id uuid not null,
    title text,
    message_count integer not null,
    total_tokens bigint not null,
    last_model text,
    is_deleted boolean not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);
create index on chat_session_view (owner_id, updated_at desc, session_id);

-- A message is json, not jsonb, which refuses texts that hold a zero; null once it was erased.
create table chat_message_view (
    session_id uuid not null,
    position bigint not null,
    ordinal integer not null,
    message json,
    created_at timestamptz not null,
    primary key (session_id, position, ordinal)
);

-- Per user, day and model.
create table usage_view (
    user_id uuid not null,
    day date not null,
    model text not null,
    runs bigint not null,
    failed_runs bigint not null,
    model_calls bigint not null,
    tool_calls bigint not null,
    input_tokens bigint not null,
    output_tokens bigint not null,
    primary key (user_id, day, model)
);
-- Whose a conversation is, for the runs that follow its beginning.
create table usage_owner_view (
    session_id uuid primary key,
    user_id uuid not null
);
-- Which user and model a run belongs to, for the steps that follow its request.
create table usage_run_view (
    run_id uuid primary key,
    user_id uuid not null,
    model text not null
);

-- Numbers for the dashboard, per day.
create table admin_day_view (
    day date primary key,
    registrations bigint not null,
    verified bigint not null,
    logins bigint not null,
    failed_logins bigint not null,
    runs bigint not null,
    completed_runs bigint not null,
    failed_runs bigint not null,
    model_calls bigint not null,
    tool_calls bigint not null,
    input_tokens bigint not null,
    output_tokens bigint not null,
    events bigint not null
);
-- Who was active on which day.
create table admin_active_view (
    day date not null,
    user_id uuid not null,
    primary key (day, user_id)
);
