#!/usr/bin/env bash
# A schema registry with the Confluent API for tests: Apicurio from Maven Central, in memory. Clients use
# http://127.0.0.1:PORT/apis/ccompat/v7
#
#   registry.sh install | start | stop | reset | status | url
#
#   PARTS_REGISTRY_PORT=28081   PORT+900 is its management port
#
# Apicurio 3 wants Java 21; where there is only an older one, Apicurio 2.6 is taken, which runs on Java 17.
set -euo pipefail
part=registry
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

port=${PARTS_REGISTRY_PORT:-28081}
run=$PARTS_RUN/registry-$port
url=http://127.0.0.1:$port/apis/ccompat/v7

# choose picks the newest Java at hand, and the version that runs on it.
choose() {
  local candidate release best=0
  java=java
  for candidate in ${JAVA_HOME:+"$JAVA_HOME/bin/java"} "$(command -v java || true)" /usr/lib/jvm/*/bin/java; do
    [ -x "$candidate" ] || continue
    release=$(java_release "$candidate")
    if [ "${release:-0}" -gt "$best" ]; then
      best=$release java=$candidate
    fi
  done
  if [ "$best" -ge 21 ]; then version=3.3.3; else version=2.6.13.Final; fi
  home=$PLUMBLINE_PARTS/apicurio-$version
}

do_install() {
  need_java
  need curl curl
  choose
  [ ! -f "$home/done" ] || return 0
  say "fetching Apicurio $version"
  rm -rf "$home"
  mkdir -p "$home"
  # Maven reads no pom here; in an empty folder it finds none by accident either.
  cd "$home"
  maven "$home/maven.log" dependency:copy "-Dartifact=io.apicurio:apicurio-registry-app:$version:tar.gz:all" "-DoutputDirectory=$home"
  tar -xzf "$home/apicurio-registry-app-$version-all.tar.gz"
  rm "$home/apicurio-registry-app-$version-all.tar.gz"
  touch "$home/done"
}

do_start() {
  local options
  ! pid_of "$run" >/dev/null || return 0
  choose
  free_port "$port"
  case $version in
    3.*)
      options=(-Dapicurio.storage.kind=sql -Dapicurio.storage.sql.kind=h2 -Dapicurio.datasource.url=jdbc:h2:mem:registry
        -jar "$home/quarkus-run.jar")
      ;;
    *) options=(-cp "$home/apicurio-registry-app-$version-runner.jar:$home/lib/*" io.quarkus.runner.GeneratedMain) ;;
  esac
  launch "$run" "$java" -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
    -Dquarkus.http.host=127.0.0.1 "-Dquarkus.http.port=$port" \
    -Dquarkus.management.host=127.0.0.1 "-Dquarkus.management.port=$((port + 900))" "${options[@]}"
  until_ready "$run" curl -fsS -m 5 "$url/subjects"
  # Confluent's own default; Apicurio's would accept any change.
  curl -fsS -m 10 -o /dev/null -X PUT -H 'Content-Type: application/vnd.schemaregistry.v1+json' \
    -d '{"compatibility":"BACKWARD"}' "$url/config"
  say "Apicurio $version answers on $url"
}

do_url() { echo "$url"; }

dispatch "$@"
