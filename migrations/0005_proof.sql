-- What proves that the log is what it was: a Merkle tree over all events, and its signed heads.

-- Complete subtrees from level 8 (256 events) upwards; what is below is hashed from the events again.
-- That is less than half a byte per event.
create table log.tree_node (
    level smallint not null,
    index bigint not null,
    digest bytea not null,
    constraint tree_node_pkey primary key (level, index),
    constraint tree_node_is_sha256 check (octet_length(digest) = 32)
);

-- Tree heads as they were signed.
create table log.seal (
    tree_size bigint not null,
    root bytea not null,
    epoch bigint not null,
    sealed_at timestamptz not null,
    key_id bytea not null,
    signature bytea not null,
    -- A keyed digest of 8 bytes for each event since the head before: it tells which event was changed
    -- even if everything that needs no key was changed with it.
    tags bytea not null,
    constraint seal_pkey primary key (tree_size),
    constraint seal_is_whole check (octet_length(root) = 32 and octet_length(key_id) = 4
        and octet_length(signature) = 64 and octet_length(tags) % 8 = 0)
);
-- They look random: compressing them gains nothing.
alter table log.seal alter column tags set storage external;

create function log.refuse_forgetting() returns trigger language plpgsql as $$
begin
    raise exception 'what proves the log is never changed or deleted' using errcode = 'restrict_violation';
end $$;
create trigger seal_is_final before update or delete on log.seal
    for each row execute function log.refuse_forgetting();
create trigger seal_stays before truncate on log.seal execute function log.refuse_forgetting();
create trigger tree_node_is_final before update or delete on log.tree_node
    for each row execute function log.refuse_forgetting();
create trigger tree_node_stays before truncate on log.tree_node execute function log.refuse_forgetting();
revoke update, delete, truncate on log.seal, log.tree_node from public;
