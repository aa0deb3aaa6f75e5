-- Whether the password alone is not enough, for those who look at an account; whoever decides asks the
-- stream.

alter table user_view add column is_two_factor_enabled boolean not null default false;
