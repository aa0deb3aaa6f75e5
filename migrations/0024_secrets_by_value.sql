-- What streams keep and is looked for by what it says has one index: whose sessions and keys are whose,
-- and the devices that a person is known by.
drop index vault.secret_owned_idx;
drop index vault.secret_value_idx;
create index secret_value_idx on vault.secret (name, value)
    where name in ('session_of', 'api_key_of', 'device');
