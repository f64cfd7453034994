#!/usr/bin/env bash
# PostgreSQL for tests, from Debian's package. It needs no password on 127.0.0.1, and its data are gone after reset.
#
#   postgres.sh install | start | stop | reset | status | kill | url | psql ARG...
#
#   PARTS_POSTGRES_PORT=25432
#   PARTS_POSTGRES_VERSION=15   the package is postgresql-VERSION
#   PARTS_POSTGRES_FSYNC=off    on: what is committed outlives the machine, too
set -euo pipefail
part=postgres
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

port=${PARTS_POSTGRES_PORT:-25432}
version=${PARTS_POSTGRES_VERSION:-15}
programs=/usr/lib/postgresql/$version/bin
run=$PARTS_RUN/postgres-$port
data=$run/data
as=()
# PostgreSQL refuses to run as root: then the package's own user does it, in a folder that it can reach.
if [ "$(id -u)" = 0 ]; then
  as=(setpriv --reuid=postgres --regid=postgres --init-groups)
  data=${TMPDIR:-/tmp}/plumbline-postgres-$port
fi

do_install() {
  # No cluster of the package's own: nobody would use it.
  if [ "$(id -u)" = 0 ] && [ ! -e "$programs/postgres" ] && [ ! -e /etc/postgresql-common/createcluster.conf ]; then
    mkdir -p /etc/postgresql-common/createcluster.d
    echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.d/plumbline-parts.conf
  fi
  need "$programs/postgres" "postgresql-$version"
}

do_url() { echo "postgres://plumbline@127.0.0.1:$port/plumbline?sslmode=disable"; }
do_psql() { "$programs/psql" -X -q -h 127.0.0.1 -p "$port" -U plumbline -d plumbline "$@"; }
answers() { "$programs/pg_isready" -q -h 127.0.0.1 -p "$port"; }

# owned FOLDER makes a folder that the server may write.
owned() {
  mkdir -p "$1"
  chmod 700 "$1"
  [ "$(id -u)" != 0 ] || chown postgres:postgres "$1"
}

do_start() {
  ! pid_of "$run" >/dev/null || return 0
  free_port "$port"
  mkdir -p "$run"
  if [ ! -f "$data/PG_VERSION" ]; then
    rm -rf "$data"
    owned "$data"
    (cd / && ${as[@]+"${as[@]}"} "$programs/initdb" -D "$data" -A trust -U plumbline --no-locale -E UTF8 --no-sync) >"$run/initdb.log" 2>&1 ||
      fail_with "$run/initdb.log" "can't make a cluster in $data"
  fi
  rm -f "$data/postmaster.pid" # of one that was killed: launch knows whether it runs
  (cd / && launch "$run" ${as[@]+"${as[@]}"} "$programs/postgres" -D "$data" -p "$port" -c listen_addresses=127.0.0.1 \
    -c unix_socket_directories= -c "fsync=${PARTS_POSTGRES_FSYNC:-off}" -c shared_buffers=32MB -c max_connections=50)
  until_ready "$run" answers
  "$programs/psql" -X -h 127.0.0.1 -p "$port" -U plumbline -d postgres -tAc "SELECT 1 FROM pg_database WHERE datname = 'plumbline'" |
    grep -q 1 || "$programs/createdb" -h 127.0.0.1 -p "$port" -U plumbline plumbline
  say "$("$programs/postgres" --version | sed -nE 's/^postgres \(PostgreSQL\) ([^ ]+).*/\1/p') listens on 127.0.0.1:$port"
}

do_wipe() { rm -rf "$run" "$data"; }
do_kill() { crash "$run"; }

dispatch "$@"
