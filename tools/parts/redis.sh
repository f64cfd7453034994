#!/usr/bin/env bash
# Redis for tests, from the distribution's package. It keeps nothing on disk.
#
#   redis.sh install | start | stop | reset | status | kill | cli ARG...
#
#   PARTS_REDIS_PORT=26379
#   PARTS_REDIS_POLICY=noeviction   its maxmemory-policy
#   PARTS_REDIS_MEMORY=256mb        its maxmemory
#   PARTS_REDIS_SECURE=1            TLS only, with the password PARTS_PASSWORD (sesame); the authority is
#                                   PARTS_RUN/certificates/ca.pem
set -euo pipefail
part=redis
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

port=${PARTS_REDIS_PORT:-26379}
run=$PARTS_RUN/redis-$port
secure=${PARTS_REDIS_SECURE:-}

do_install() { need redis-server redis-server; }

do_cli() {
  local options=(-h 127.0.0.1 -p "$port")
  if [ -n "$secure" ]; then
    export REDISCLI_AUTH=${PARTS_PASSWORD:-sesame}
    options+=(--tls --cacert "$PARTS_RUN/certificates/ca.pem")
  fi
  redis-cli "${options[@]}" "$@"
}

answers() { [ "$(do_cli ping)" = PONG ]; }

do_start() {
  local options=(--port "$port")
  ! pid_of "$run" >/dev/null || return 0
  free_port "$port"
  mkdir -p "$run"
  if [ -n "$secure" ]; then
    certificates
    options=(--port 0 --tls-port "$port" --tls-auth-clients no --tls-cert-file "$PARTS_RUN/certificates/server.pem"
      --tls-key-file "$PARTS_RUN/certificates/server.key" --tls-ca-cert-file "$PARTS_RUN/certificates/ca.pem"
      --requirepass "${PARTS_PASSWORD:-sesame}")
  fi
  launch "$run" redis-server --bind 127.0.0.1 --dir "$run" --daemonize no --save '' --appendonly no \
    --maxmemory "${PARTS_REDIS_MEMORY:-256mb}" --maxmemory-policy "${PARTS_REDIS_POLICY:-noeviction}" "${options[@]}"
  until_ready "$run" answers
  say "$(redis-server --version | sed -nE 's/.* v=([^ ]+).*/\1/p') listens on 127.0.0.1:$port${secure:+ with TLS}"
}

do_kill() { crash "$run"; }

dispatch "$@"
