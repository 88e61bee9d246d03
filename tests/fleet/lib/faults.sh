# shellcheck shell=bash
# What can happen to a host short of losing power.

host_cut() { net_link "$1" down; }
host_heal() { net_link "$1" up; }

# Ever smaller pieces until not even one block is left.
host_fill() {
    local pid file piece offset=0
    pid=$(host_pid "$1") || die "$1 is off"
    file="/proc/$pid/root/var/lib/docker/.fill"
    if [[ -e $file ]]; then offset=$(stat -c %s "$file"); fi
    for piece in 1073741824 134217728 16777216 1048576 65536 4096; do
        while fallocate -o "$offset" -l "$piece" "$file" 2>/dev/null; do
            offset=$((offset + piece))
        done
    done
}

host_unfill() {
    local pid
    pid=$(host_pid "$1") || die "$1 is off"
    rm -f "/proc/$pid/root/var/lib/docker/.fill"
}

# known_hosts is deliberately left alone: that is the situation to be tested.
host_new_hostkey() {
    local host=$1 pid
    machines_ssh | grep -x -- "$host" >/dev/null || usage_error "$host has no SSH server"
    pid=$(host_pid "$host") || die "$host is off"
    certs_hostkey "$host"
    install -m 600 "$DIR/ssh/hostkeys/$host" "/proc/$pid/root/etc/ssh/ssh_host_ed25519_key"
    # Only the listener ends; sessions in progress go on, as on a real host.
    # shellcheck disable=SC2016  # expanded inside the host
    host_exec "$host" bash -c 'pid=$(</run/sshd.pid) && kill "$pid" && while [[ -d /proc/$pid ]]; do sleep 0.02; done'
    host_exec "$host" bash /etc/fleet/run service sshd
    poll 10 host_ssh_ready "$host" || die "$host: sshd does not come back"
}

# The listener and every session: nobody stays connected.
host_restart_ssh() {
    local host=$1
    machines_ssh | grep -x -- "$host" >/dev/null || usage_error "$host has no SSH server"
    # shellcheck disable=SC2016  # expanded inside the host
    host_exec "$host" bash -c '
        for file in /proc/[0-9]*/comm; do
            case $(cat "$file" 2>/dev/null) in sshd*) kill -9 "${file//[!0-9]/}" 2>/dev/null || : ;; esac
        done'
    host_exec "$host" bash /etc/fleet/run service sshd
    poll 10 host_ssh_ready "$host" || die "$host: sshd does not come back"
}

host_engine_gone() { ! host_exec "$1" test -d "/proc/$2"; }

# host_engine ACTION HOST
host_engine() {
    local action=$1 host=$2 pid signal
    host_pid "$host" >/dev/null || die "$host is off"
    if [[ $action == start ]]; then
        if host_engine_ready "$host"; then return; fi
        host_exec "$host" bash /etc/fleet/run service dockerd
        poll 30 host_engine_ready "$host" || die "$host: dockerd does not come up"
        give_to_caller "$DIR/$host/docker.sock"
        return
    fi
    case $action in
        stop) signal=TERM ;;
        kill) signal=KILL ;;
        pause) signal=STOP ;;
        resume) signal=CONT ;;
        *) usage_error 'engine start|stop|kill|pause|resume HOST' ;;
    esac
    pid=$(host_exec "$host" cat /run/docker.pid) || die "$host: dockerd is not running"
    host_exec "$host" kill "-$signal" "$pid"
    [[ $action == pause || $action == resume ]] || poll 30 host_engine_gone "$host" "$pid" || die "$host: dockerd does not end"
}
