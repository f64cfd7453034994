#!/usr/bin/env bash
# Kafka, schema registry and Redis together, with PARTS_POSTGRES=1 PostgreSQL, too; each script's own --help says what can be set.
#
#   all.sh install | start | stop | reset | status
#   all.sh guard PID   waits until that process is gone, then resets: parts don't outlive the tests that started them
set -euo pipefail
part=parts
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
here=$(dirname "${BASH_SOURCE[0]}")

# each VERB runs it in every script at once, and fails if one of them does.
each() {
  local name jobs=() job code=0
  for name in kafka registry redis ${PARTS_POSTGRES:+postgres}; do
    "$here/$name.sh" "$1" &
    jobs+=($!)
  done
  for job in "${jobs[@]}"; do wait "$job" || code=1; done
  return "$code"
}

# wipe removes what is left when all parts are gone, and nothing that others may have put there.
wipe() {
  rm -rf "$PARTS_RUN/certificates"
  rmdir --ignore-fail-on-non-empty "$PARTS_RUN"
}

case ${1:-} in
  start)
    each start
    cat <<SAY
export PLUMBLINE_KAFKA_BROKERS=$("$here/kafka.sh" bootstrap)
export PLUMBLINE_REGISTRY_URL=$("$here/registry.sh" url)
export PLUMBLINE_REDIS_ADDRESS=127.0.0.1:${PARTS_REDIS_PORT:-26379}
SAY
    ;;
  install | stop | status) each "$1" ;;
  reset)
    each reset
    wipe
    ;;
  guard)
    start=$(born "${2:?which process?}") || fail "no process $2"
    while [ "$(born "$2")" = "$start" ]; do sleep 0.5; done
    if [ -d "$PARTS_RUN" ]; then # else somebody has done it
      each reset
      wipe
    fi
    ;;
  *)
    usage >&2
    exit 2
    ;;
esac
