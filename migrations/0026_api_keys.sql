-- Keys that are turned off and on, have two secrets for a while, and a limit of their own.

alter table api_key_view
    add column is_revoked boolean not null default false,
    add column previous_until timestamptz,
    add column limit_requests bigint,
    add column limit_seconds bigint;

-- Until now a key that was not active was revoked.
update api_key_view set is_revoked = true where not is_active;
