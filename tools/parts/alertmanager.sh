#!/usr/bin/env bash
# Alertmanager for tests, from the distribution's package, whose checksums apt verifies. It groups by incident and waits for nothing.
#
#   alertmanager.sh install | start | stop | reset | status | kill | url
#
#   PARTS_ALERTMANAGER_PORT=29093
#   PARTS_ALERTMANAGER_VERSION=0.25.0   what the binary must say of itself
#   PARTS_ALERTMANAGER_HOOK=URL         where it sends its notifications; none: nowhere
set -euo pipefail
part=alertmanager
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

port=${PARTS_ALERTMANAGER_PORT:-29093}
version=${PARTS_ALERTMANAGER_VERSION:-0.25.0}
run=$PARTS_RUN/alertmanager-$port
url=http://127.0.0.1:$port

do_install() {
  local has
  need prometheus-alertmanager prometheus-alertmanager
  need curl curl
  has=$(prometheus-alertmanager --version 2>&1 | sed -nE '1s/.*version ([0-9.]+).*/\1/p')
  [ "$has" = "$version" ] || fail "this is Alertmanager $has, the tests are made for $version"
}

do_start() {
  ! pid_of "$run" >/dev/null || return 0
  free_port "$port"
  mkdir -p "$run"
  {
    echo 'route: {receiver: hook, group_by: [incident, severity], group_wait: 0s, group_interval: 1s, repeat_interval: 24h}'
    echo 'receivers:'
    echo '- name: hook'
    [ -z "${PARTS_ALERTMANAGER_HOOK:-}" ] || echo "  webhook_configs: [{url: \"$PARTS_ALERTMANAGER_HOOK\", send_resolved: true}]"
  } >"$run/config.yml"
  launch "$run" prometheus-alertmanager "--config.file=$run/config.yml" "--storage.path=$run/data" \
    "--web.listen-address=127.0.0.1:$port" --cluster.listen-address=
  until_ready "$run" curl -fsS -m 2 "$url/-/ready"
  say "$version answers on $url"
}

do_url() { echo "$url"; }
do_kill() { crash "$run"; }

dispatch "$@"
