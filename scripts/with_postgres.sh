#!/usr/bin/env bash
# Runs a command beside a throw-away PostgreSQL server, whose address it finds in TOCSIN_TEST_DATABASE_URL.
# The server is made of Debian's binaries (installed as root where they are missing), listens on a socket in a temporary folder
# only, and is gone afterwards. $TOCSIN_POSTGRES names another folder with initdb and pg_ctl.
set -euo pipefail

fail() {
    printf 'test: %s\n' "$*" >&2
    exit 2
}

find_bin() {
    local folder
    for folder in "${TOCSIN_POSTGRES:-}" /usr/lib/postgresql/*/bin; do
        [ -n "$folder" ] && [ -x "$folder/initdb" ] && printf '%s\n' "$folder"
    done | sort -V | tail -n 1
}

bin=$(find_bin)
if [ -z "$bin" ]; then
    mend="run 'apt-get install postgresql' as root, or set TOCSIN_POSTGRES to a folder with initdb and pg_ctl"
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
        fail "the tests on PostgreSQL need its server: $mend"
    fi
    printf 'test: installing the Debian package postgresql for the tests on it\n' >&2
    export DEBIAN_FRONTEND=noninteractive
    {
        apt-get update -qq
        apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=600 postgresql
    } >&2 || fail "apt-get could not install PostgreSQL; $mend"
    bin=$(find_bin)
    [ -n "$bin" ] || fail "PostgreSQL is installed, but has no initdb; $mend"
fi

folder=$(mktemp -d "${TMPDIR:-/tmp}/tocsin-pg.XXXXXX")
# The server refuses to run as root; then it runs as the user that its package made.
as=()
if [ "$(id -u)" = 0 ]; then
    id postgres >/dev/null 2>&1 || useradd --system --no-create-home postgres
    chown postgres "$folder"
    as=(setpriv --reuid=postgres --regid="$(id -g postgres)" --clear-groups env HOME="$folder")
fi
cd "$folder"
end() {
    "${as[@]}" "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true
    rm -rf "$folder"
}
trap end EXIT
"${as[@]}" "$bin/initdb" -D "$folder/data" -U tocsin --auth=trust --encoding=UTF8 --no-locale >"$folder/initdb.log" 2>&1 \
    || fail "initdb failed: $(tail -n 3 "$folder/initdb.log")"
# What is lost with the machine is lost with the tests: no waiting for the disk.
"${as[@]}" "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/server.log" \
    -o "-c listen_addresses='' -c unix_socket_directories='$folder' -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=100" \
    start >/dev/null || fail "PostgreSQL did not start: $(tail -n 3 "$folder/server.log")"
"${as[@]}" "$bin/createdb" -h "$folder" -U tocsin tocsin
cd "$OLDPWD"
export TOCSIN_TEST_DATABASE_URL="postgres://tocsin@/tocsin?host=$folder"
"$@"
