# shellcheck shell=bash
# What the scripts of this folder share. It is sourced, not run; the script sets part=NAME first.
#
#   PLUMBLINE_PARTS   where installed versions are kept, ~/.cache/plumbline-parts
#   PARTS_RUN         data, logs, pid files and certificates of one set of parts; two sets need two folders and other ports
#   PARTS_WAIT        seconds a part may take to get ready, 90
#
# Everything listens on 127.0.0.1 only, and only processes that these scripts started are ever ended.

: "${part:?lib.sh is sourced by the scripts beside it}"
PLUMBLINE_PARTS=${PLUMBLINE_PARTS:-$HOME/.cache/plumbline-parts}
PARTS_RUN=${PARTS_RUN:-${TMPDIR:-/tmp}/plumbline-parts-$(id -u)}
PARTS_WAIT=${PARTS_WAIT:-90}
mkdir -p "$PLUMBLINE_PARTS" "$PARTS_RUN"

say() { printf '%s: %s\n' "$part" "$*" >&2; }

fail() {
  say "$*"
  exit 1
}

# fail_with LOG MESSAGE shows the end of a log first.
fail_with() {
  tail -n 20 "$1" >&2 || true
  shift
  fail "$@"
}

# locked NAME COMMAND... runs one command at a time per name, whoever asks: two installs must not write the same folder.
locked() {
  local lock=$PLUMBLINE_PARTS/$1.lock
  shift
  (
    flock -w 900 9 || fail "waited 15 minutes for $lock"
    "$@"
  ) 9>"$lock"
}

# need COMMAND PACKAGE... installs Debian packages if the command is missing. Their services are kept from starting.
need() {
  local tool=$1 guard=/usr/sbin/policy-rc.d made=
  shift
  command -v "$tool" >/dev/null && return
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    fail "$tool is missing: install $* (with root and apt-get this script does it)"
  fi
  say "installing $*"
  if [ ! -e "$guard" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$guard"
    chmod 755 "$guard"
    made=1
  fi
  local log=$PLUMBLINE_PARTS/apt-$1.log code=0
  apt_install "$@" >"$log" 2>&1 || { apt-get -qq update && apt_install "$@"; } >>"$log" 2>&1 || code=$?
  [ -z "$made" ] || rm -f "$guard"
  [ "$code" = 0 ] || fail_with "$log" "can't install $*"
  command -v "$tool" >/dev/null || fail "$* is installed and there is still no $tool"
}

apt_install() {
  DEBIAN_FRONTEND=noninteractive apt-get -y -qq --no-install-recommends \
    -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 install "$@"
}

# need_java finds Java 17 or newer and Maven.
need_java() {
  need java openjdk-17-jre-headless
  need mvn maven
}

# java_release JAVA prints the major version of a java command.
java_release() { "$1" -version 2>&1 | sed -nE '1s/.* version "([0-9]+).*/\1/p'; }

# born PID prints when a process started, in clock ticks since boot: with the pid it names one process for ever.
born() {
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  read -ra stat <<<"${stat##*) }" # the name before may hold blanks
  [ "${stat[0]}" != Z ] || return 1
  echo "${stat[19]}"
}

# pid_of FOLDER prints the pid of the process that launch started there, if that very process still runs.
pid_of() {
  local pid start
  read -r pid start 2>/dev/null <"$1/pid" || return 1
  [ "$(born "$pid")" = "$start" ] || return 1
  echo "$pid"
}

# launch FOLDER COMMAND... starts a process that outlives this script; its output goes to FOLDER/log.
launch() {
  local folder=$1 pid
  shift
  mkdir -p "$folder"
  setsid nohup "$@" >"$folder/log" 2>&1 </dev/null 9>&- &
  pid=$!
  echo "$pid $(born "$pid" || true)" >"$folder/pid"
}

# finish FOLDER [SECONDS] asks the process to end, and kills it after that time.
finish() {
  local folder=$1 deadline=$((SECONDS + ${2:-20})) pid
  pid=$(pid_of "$folder") || return 0
  kill -TERM "$pid" 2>/dev/null || true
  while pid_of "$folder" >/dev/null; do
    if [ "$SECONDS" -ge "$deadline" ]; then
      kill -KILL "$pid" 2>/dev/null || true
    fi
    sleep 0.05
  done
  rm -f "$folder/pid"
}

# crash FOLDER kills the process without warning.
crash() {
  local pid
  pid=$(pid_of "$1") || fail "nothing runs in $1"
  kill -KILL "$pid"
  while pid_of "$1" >/dev/null; do sleep 0.02; done
  rm -f "$1/pid"
}

# until_ready FOLDER COMMAND... repeats the command until it succeeds; it fails at once if the process is gone.
until_ready() {
  local folder=$1 deadline=$((SECONDS + PARTS_WAIT))
  shift
  until "$@" >/dev/null 2>&1; do
    pid_of "$folder" >/dev/null || fail_with "$folder/log" "it ended by itself; the log is $folder/log"
    [ "$SECONDS" -lt "$deadline" ] || fail_with "$folder/log" "not ready after $PARTS_WAIT s; the log is $folder/log"
    sleep 0.1
  done
}

accepts() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# free_port PORT fails early where another program has the port: it would be taken for ours.
free_port() { ! accepts "$1" || fail "port $1 is taken by another program"; }

# certificates makes an authority and one server certificate for 127.0.0.1 and localhost, once per PARTS_RUN. They are for
# tests: the authority's key is thrown away, so nobody can sign another one.
certificates() { locked "certificates-$(id -u)" make_certificates; }

make_certificates() {
  local to=$PARTS_RUN/certificates
  [ ! -f "$to/made" ] || return 0
  need openssl openssl
  rm -rf "$to"
  mkdir -p "$to"
  (
    cd "$to"
    umask 077
    openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj '/CN=parts authority' -keyout ca.key -out ca.pem
    openssl req -newkey rsa:2048 -nodes -subj '/CN=localhost' -keyout server.key -out server.csr
    openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -out server.pem \
      -extfile <(printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n')
    cat server.key server.pem ca.pem >keystore.pem
    rm -f ca.key ca.srl server.csr
    touch made
  ) >"$to/log" 2>&1 || fail_with "$to/log" "can't make certificates"
}

# maven LOG ARG... runs Maven and shows its output only if it fails.
maven() {
  local log=$1
  shift
  mvn -q -B "$@" >"$log" 2>&1 || fail_with "$log" "Maven failed; the log is $log"
}

# What a script of one process does where it defines nothing else: its folder is $run.
do_stop() { finish "$run"; }
do_wipe() { rm -rf "$run"; }
do_status() {
  local pid
  if pid=$(pid_of "$run"); then
    say "runs, pid $pid"
  else
    say "nothing runs"
    return 1
  fi
}

usage() { sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//;p}' "$0"; }

# dispatch VERB [ARG...] calls the script's function do_VERB.
dispatch() {
  local verb=${1:-}
  case $verb in
    '' | help | -h | --help) usage ;;
    install) locked "$part" do_install ;;
    start)
      locked "$part" do_install
      do_start
      ;;
    reset)
      do_stop
      do_wipe
      ;;
    *)
      declare -F "do_$verb" >/dev/null || {
        usage >&2
        exit 2
      }
      shift
      "do_$verb" "$@"
      ;;
  esac
}
