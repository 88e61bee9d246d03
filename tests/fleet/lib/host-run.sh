#!/usr/bin/env bash
# Installed in every host as /etc/fleet/run: pid 1 ("boot") and the services.
set -euo pipefail
export PATH=/usr/sbin:/usr/bin HOME=/root LC_ALL=C
# shellcheck source=/dev/null
. /etc/fleet/env

run_dockerd() {
    local args=(
        --host unix:///run/docker.sock
        --host unix:///run/fleet/docker.sock
        --exec-opt native.cgroupdriver=cgroupfs
        --cgroup-parent "$CGROUP"
    )
    # Installed by somebody, with a configuration of its own.
    if [[ $ENGINE == none ]]; then args=(); fi
    # The other store has no storage drivers.
    if [[ $ENGINE == newest || $ENGINE == debian12 ]]; then args+=(--storage-driver overlay2); fi
    if [[ $KIND == tcp ]]; then
        args+=(--host "tcp://$ADDRESS:2376" --tlsverify --tlscacert /etc/docker/tls/ca.pem
            --tlscert /etc/docker/tls/cert.pem --tlskey /etc/docker/tls/key.pem)
    fi
    # Pid files of a killed daemon would keep the next one from starting.
    rm -f /run/docker.pid /run/docker/containerd/containerd.pid
    exec dockerd "${args[@]}" </dev/null >>/run/fleet/dockerd.log 2>&1
}

run_sshd() {
    # sshd insists on its full path, to start itself again per connection.
    exec /usr/sbin/sshd -D -e -f /etc/ssh/sshd_config </dev/null >>/run/fleet/sshd.log 2>&1
}

run_haproxy() {
    install -d -m 2775 -o haproxy -g haproxy /run/haproxy
    local state=/var/lib/haproxy/server-state
    [[ -e $state ]] || install -m 664 -o haproxy -g haproxy /dev/null "$state"
    printf '%s\n' "$BASHPID" >/run/haproxy.pid
    # A master that workers come and go under, as on a machine with an init system.
    exec haproxy -W -S /run/haproxy/master.sock,uid,101,gid,998,mode,660 -f /etc/haproxy/haproxy.cfg \
        </dev/null >>/run/fleet/haproxy.log 2>&1
}

# A kernel without nf_tables needs the older tool; the choice is this host's only.
choose_iptables() {
    iptables -w -t nat -L -n >/dev/null 2>&1 && return
    local tool
    for tool in iptables ip6tables; do
        ln -sf "/usr/sbin/$tool-legacy" "/etc/alternatives/$tool"
    done
}

# In good order, as an init system would; who gave us power sees the file, and gives it again.
reboot_when_told() {
    local pid
    read -r _ <>/run/power
    if pid=$(cat /run/docker.pid 2>/dev/null) && kill -TERM "$pid" 2>/dev/null; then
        while [[ -d /proc/$pid ]]; do sleep 0.05; done
    fi
    touch /run/fleet/rebooting
    kill -USR1 1
}

case $1 in
    boot)
        # Whoever may switch containers off may as well do this: as with a group of `sudo`, here that is everybody.
        mkfifo -m 622 /run/power
        trap 'exit 0' USR1
        reboot_when_told &
        if [[ $KIND == ssh || $KIND == balancer ]]; then run_sshd & fi
        if [[ $KIND == balancer ]]; then
            run_haproxy &
        else
            choose_iptables
            if [[ $ENGINE != none || -x /usr/sbin/dockerd ]]; then run_dockerd & fi
        fi
        # As pid 1 we inherit every orphan of the host (a killed dockerd leaves its
        # shims); while bash waits, it reaps them.
        while :; do
            sleep infinity &
            wait "$!" || true
        done
        ;;
    service) setsid bash /etc/fleet/run "run-$2" </dev/null >/dev/null 2>&1 & ;;
    run-dockerd) run_dockerd ;;
    run-sshd) run_sshd ;;
    run-haproxy) run_haproxy ;;
esac
