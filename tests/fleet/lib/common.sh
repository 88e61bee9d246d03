# shellcheck shell=bash
# Words used by every part: messages, bounded waiting, process identity.

say() { printf 'fleet: %s\n' "$*"; }
die() { printf 'fleet: %s\n' "$*" >&2; exit 1; }
usage_error() { printf 'fleet: %s (see fleet --help)\n' "$*" >&2; exit 2; }

# Microseconds now. (EPOCHREALTIME writes a comma in some locales.)
now_us() { printf '%s' "${EPOCHREALTIME/[.,]/}"; }

# poll SECONDS COMMAND… : repeats the command until it succeeds; fails at the deadline.
# A condition with a bound, never a blind sleep: quick where the machine is quick.
poll() {
    local deadline=$(($(now_us) + $1 * 1000000))
    shift
    until "$@"; do
        (($(now_us) < deadline)) || return 1
        sleep 0.05
    done
}

# A pid alone may by now belong to somebody else; pid plus start time does not.
# proc_start_time PID : the start time, or failure if there is no such live process.
proc_start_time() {
    local stat fields
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
    # The second field may contain anything, so count after its closing bracket.
    read -ra fields <<<"${stat##*) }"
    [[ ${fields[0]} != Z ]] || return 1
    printf '%s' "${fields[19]}"
}

# proc_save FILE PID
proc_save() { printf '%s %s\n' "$2" "$(proc_start_time "$2")" >"$1"; }

# proc_pid FILE : prints the pid if exactly that process is still alive.
proc_pid() {
    local pid start
    { read -r pid start <"$1"; } 2>/dev/null || return 1
    [[ $(proc_start_time "$pid") == "$start" ]] || return 1
    printf '%s' "$pid"
}

proc_gone() { ! proc_pid "$1" >/dev/null; }

# poll_alive SECONDS FILE COMMAND… : like poll, but gives up when the process has died.
poll_alive() {
    local seconds=$1 file=$2
    shift 2
    # shellcheck disable=SC2317  # called by poll
    settled() { "$@" || proc_gone "$file"; }
    poll "$seconds" settled "$@" && ! proc_gone "$file"
}

# proc_end FILE SIGNAL : sends the signal and waits until the process is gone.
proc_end() {
    local pid
    pid=$(proc_pid "$1") || return 0
    kill "-$2" "$pid" 2>/dev/null || true
    poll 10 proc_gone "$1" || die "process $pid does not end"
}

# daemon NETNS LOG COMMAND… : starts a daemon in a network namespace, detached from
# this terminal and its pipes (a caller reading our output must not wait for the
# daemon); its pid is in $DAEMON_PID. `ip netns exec` would hide the cgroup mounts.
daemon() {
    local netns=$1 log=$2
    shift 2
    setsid nsenter --net="/run/netns/$netns" "$@" </dev/null >>"$log" 2>&1 &
    DAEMON_PID=$!
    disown "$DAEMON_PID"
}

# For whoever called us through sudo: what a test reads must be readable without it.
give_to_caller() {
    [[ -n ${SUDO_UID:-} ]] || return 0
    chown -R "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" -- "$@"
}
