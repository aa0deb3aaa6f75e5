-- What workers did to the outside world, and what tools keep for people.

create schema work;

-- One row per effect (event, handler, recipient): claimed before the outside call, settled after it.
create table work.effect (
    key text primary key,
    state text not null,
    attempts integer not null,
    claimed_until timestamptz not null,
    detail text,
    updated_at timestamptz not null,
    constraint effect_state_known check (state in ('claimed', 'settled', 'parked'))
);

create table work.zerodb_table (
    owner_id uuid not null,
    name text not null,
    schema jsonb not null,
    description text,
    created_at timestamptz not null,
    constraint zerodb_table_pkey primary key (owner_id, name)
);

create table work.zerodb_row (
    row_id uuid primary key,
    owner_id uuid not null,
    table_name text not null,
    data jsonb not null,
    created_at timestamptz not null,
    constraint zerodb_row_table_fkey foreign key (owner_id, table_name)
        references work.zerodb_table on delete cascade
);
create index zerodb_row_table_idx on work.zerodb_row (owner_id, table_name, created_at, row_id);
create index zerodb_row_data_idx on work.zerodb_row using gin (data jsonb_path_ops);
