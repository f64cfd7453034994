#!/usr/bin/env bash
# Apache Kafka (KRaft) for tests, from Maven Central.
#
#   kafka.sh install | start | stop | reset | status | bootstrap | kill-node I | start-node I
#
# start does nothing where it already runs; reset stops it and removes its data; kill-node is a kill -9.
#
#   PARTS_BROKERS=1          or 3
#   PARTS_KAFKA_PORT=29092   node I listens on PORT+I-1; its TLS listener on PORT+99+I, its controller on PORT+199+I
#   PARTS_KAFKA_HEAP=512m
#   PARTS_KAFKA_TIER=1       how far Java's compiler goes: 1 starts soonest, 4 is fastest once it is warm
#   PARTS_KAFKA_SECURE=1     also a listener with TLS and SASL/SCRAM-SHA-512, for PARTS_USER and PARTS_PASSWORD
#                            (tester, sesame); the authority is PARTS_RUN/certificates/ca.pem
set -euo pipefail
part=kafka
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

version=4.3.1
log4j=2.25.3
brokers=${PARTS_BROKERS:-1}
port=${PARTS_KAFKA_PORT:-29092}
heap=${PARTS_KAFKA_HEAP:-512m}
secure=${PARTS_KAFKA_SECURE:-}
home=$PLUMBLINE_PARTS/kafka-$version
run=$PARTS_RUN/kafka-$port
cluster=cGx1bWJsaW5lLXBhcnRzMA # 22 characters of base64url, as StorageTool wants it

case $brokers in
  1) replicas=1 in_sync=1 ;;
  3) replicas=3 in_sync=2 ;;
  *) fail "PARTS_BROKERS is $brokers, should be 1 or 3" ;;
esac

do_install() {
  need_java
  [ ! -f "$home/done" ] || return 0
  say "fetching Apache Kafka $version"
  rm -rf "$home"
  mkdir -p "$home"
  cat >"$home/pom.xml" <<POM
<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>parts</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$version</version></dependency>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>$version</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>$log4j</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-core</artifactId><version>$log4j</version></dependency>
  </dependencies>
</project>
POM
  cat >"$home/log4j2.xml" <<'LOG'
<Configuration status="error">
  <Appenders><Console name="out" target="SYSTEM_ERR"><PatternLayout pattern="%d{HH:mm:ss.SSS} %p %c{1} %m%n"/></Console></Appenders>
  <Loggers><Root level="info"><AppenderRef ref="out"/></Root></Loggers>
</Configuration>
LOG
  maven "$home/maven.log" -f "$home/pom.xml" dependency:copy-dependencies -DincludeScope=runtime "-DoutputDirectory=$home/libs"
  touch "$home/done"
}

# jvm OPTION... CLASS ARG... sets command to what runs a class of Kafka's.
jvm() { command=(java "-XX:TieredStopAtLevel=${PARTS_KAFKA_TIER:-1}" "-Dlog4j2.configurationFile=$home/log4j2.xml" -cp "$home/libs/*" "$@"); }

# addresses PORT lists a listener of every node, PORT being the first node's.
addresses() {
  local i out=
  for ((i = 0; i < brokers; i++)); do out+=",127.0.0.1:$(($1 + i))"; done
  echo "${out#,}"
}

voters() {
  local i out=
  for ((i = 1; i <= brokers; i++)); do out+=",$i@127.0.0.1:$((port + 199 + i))"; done
  echo "${out#,}"
}

# configure I writes the node's server.properties. Short time-outs make a killed node or client be noticed soon; internal
# topics are small because they are created for every run.
configure() {
  local i=$1
  local listeners="PLAINTEXT://127.0.0.1:$((port + i - 1))"
  [ -z "$secure" ] || listeners+=",SECURE://127.0.0.1:$((port + 99 + i))"
  cat >"$run/$i/server.properties" <<CONF
process.roles=broker,controller
node.id=$i
controller.quorum.voters=$(voters)
controller.listener.names=CONTROLLER
listeners=$listeners,CONTROLLER://127.0.0.1:$((port + 199 + i))
advertised.listeners=$listeners
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL
log.dirs=$run/$i/data
auto.create.topics.enable=false
default.replication.factor=$replicas
min.insync.replicas=$in_sync
offsets.topic.replication.factor=$replicas
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=$replicas
transaction.state.log.min.isr=$in_sync
transaction.state.log.num.partitions=8
share.coordinator.state.topic.replication.factor=$replicas
share.coordinator.state.topic.min.isr=$in_sync
share.coordinator.state.topic.num.partitions=2
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=1000
log.cleaner.dedupe.buffer.size=16777216
num.network.threads=2
num.io.threads=4
CONF
  [ -n "$secure" ] || return 0
  cat >>"$run/$i/server.properties" <<CONF
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.secure.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.secure.ssl.keystore.type=PEM
listener.name.secure.ssl.keystore.location=$PARTS_RUN/certificates/keystore.pem
CONF
}

format() {
  local folder=$run/$1 user=()
  [ ! -f "$folder/data/meta.properties" ] || return 0
  [ -z "$secure" ] || user=(--add-scram "SCRAM-SHA-512=[name=${PARTS_USER:-tester},password=${PARTS_PASSWORD:-sesame}]")
  jvm -Xmx128m kafka.tools.StorageTool format -t "$cluster" -c "$folder/server.properties" ${user[@]+"${user[@]}"}
  "${command[@]}" >"$folder/format.log" 2>&1 || fail_with "$folder/format.log" "can't format node $1"
}

launch_node() {
  local folder=$run/$1
  ! pid_of "$folder" >/dev/null || return 0
  free_port $((port + $1 - 1))
  mkdir -p "$folder"
  configure "$1"
  format "$1"
  jvm "-Xmx$heap" "-Xms$heap" -XX:+UseG1GC -Djava.net.preferIPv4Stack=true kafka.Kafka "$folder/server.properties"
  launch "$folder" "${command[@]}"
}

node_ready() { grep -q 'Kafka Server started' "$run/$1/log" && accepts $((port + $1 - 1)); }

do_start() {
  local i jobs=() job
  mkdir -p "$run"
  [ -f "$run/layout" ] || echo "$brokers ${secure:-0}" >"$run/layout"
  [ "$(cat "$run/layout")" = "$brokers ${secure:-0}" ] ||
    fail "the data in $run is of another cluster (brokers, secure: $(cat "$run/layout")): reset first"
  [ -z "$secure" ] || certificates
  for ((i = 1; i <= brokers; i++)); do
    launch_node "$i" &
    jobs+=($!)
  done
  for job in "${jobs[@]}"; do wait "$job"; done
  for ((i = 1; i <= brokers; i++)); do until_ready "$run/$i" node_ready "$i"; done
  say "$version listens on $(do_bootstrap)${secure:+, with TLS and SCRAM on $(addresses $((port + 100)))}"
}

do_bootstrap() { addresses "$port"; }

nodes() { find "$run" -mindepth 1 -maxdepth 1 -type d -name '[0-9]' 2>/dev/null | sort; }

do_stop() {
  local node
  for node in $(nodes); do finish "$node" 15 & done
  wait
}

do_wipe() { rm -rf "$run"; }

do_status() {
  local node pid up=1
  for node in $(nodes); do
    if pid=$(pid_of "$node"); then
      up=0
      say "node ${node##*/} runs, pid $pid"
    else
      say "node ${node##*/} is down"
    fi
  done
  [ "$up" = 0 ] || say "nothing runs"
  return "$up"
}

known() { [[ ${1:-} =~ ^[1-$brokers]$ ]] || fail "which node? 1 to $brokers"; }

do_kill-node() {
  known "$@"
  crash "$run/$1"
}

do_start-node() {
  known "$@"
  launch_node "$1"
  until_ready "$run/$1" node_ready "$1"
}

dispatch "$@"
