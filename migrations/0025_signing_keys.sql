-- The keys that access tokens are signed with: since when each is published, from when on it signs, and until
-- when it verifies. The seed of each is a key of the service of the same name, wrapped like all others.

create table vault.signing_key (
    name text primary key references vault.service_key on delete cascade,
    published_at timestamptz not null,
    signs_from timestamptz not null,
    -- Null while no key comes after it.
    verifies_until timestamptz
);

-- The one that there was: nobody is signed out.
insert into vault.signing_key (name, published_at, signs_from)
    select name, clock_timestamp(), clock_timestamp() from vault.service_key where name = 'signatures';
