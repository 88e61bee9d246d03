# shellcheck shell=bash
# The fleet as a whole: up, down, wipe.

fleet_up() {
    local started node root pids=() failed=false
    state_validate
    packages_check
    for node in $(hosts); do
        root=$(root_of "$node")
        if [[ -n $root ]]; then root_ensure "${root##*/}"; fi
    done
    started=$(now_us)
    if [[ -n $(net_namespaces) ]]; then
        die "a fleet named $NAME is running (fleet down --name $NAME, or choose another --name)"
    fi
    if [[ -d $DIR && -n $(ls -A "$DIR") ]]; then die "$DIR is not empty"; fi
    mkdir -p "$DIR"
    chmod 755 "$DIR"
    # Before anything else exists: with this file alone `down` can clean up.
    state_save
    proc_save "$DIR/up.pid" "$$"
    trap 'trap "" INT TERM; say "up failed: cleaning up"; fleet_down' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM

    net_up
    certs_create
    mkdir -p "$DIR/docker"
    $REGISTRY && { registry_create; registry_start; }
    $HAPROXY && { haproxy_create; haproxy_start; }
    for node in $(nodes); do
        host_create "$node" &
        pids+=("$!")
    done
    for node in "${pids[@]}"; do wait "$node" || failed=true; done
    if $failed; then exit 1; fi
    $REGISTRY && registry_wait
    $HAPROXY && haproxy_wait
    give_to_caller "$DIR/certs" "$DIR/docker"

    trap - EXIT INT TERM
    rm -f "$DIR/up.pid"
    say "$NAME: $COUNT hosts up in $((($(now_us) - started) / 1000)) ms, state in $DIR"
}

# Takes nothing for granted: no pid file, no state, no particular stage of `up`.
fleet_down() {
    local image device
    if [[ -r $DIR/fleet.env ]]; then
        state_load
    elif ! $NAMED && [[ ! -e $DIR ]]; then
        # By its default name it might be somebody else's fleet.
        say "nothing at $DIR"
        return
    elif [[ -d $DIR && -n $(ls -A "$DIR") ]]; then
        die "$DIR is not a fleet's directory: not touching it"
    fi
    [[ $NAME =~ ^[a-z0-9]{1,10}$ ]] || usage_error '--name: 1 to 10 of a-z 0-9'
    fleet_end_up
    net_down
    for image in "$DIR"/*/disk.img; do
        [[ -e $image ]] || continue
        # Freed with the host's mount namespace; by force only if that did not happen.
        poll 10 host_disk_released "$(basename "$(dirname "$image")")" && continue
        for device in $(losetup -j "$image" | cut -d: -f1); do losetup -d "$device" || true; done
    done
    poll 10 host_cgroups_gone "fleet-$NAME-*" || say 'warning: control groups left over'
    rm -rf --one-file-system -- "$DIR"
    say "$NAME: down"
}

# An `up` that is still at work, or parts of it that outlived it, would put back what
# is being taken away.
fleet_end_up() {
    local file
    for file in "$DIR/up.pid" "$DIR"/*/create.pid; do
        if [[ -e $file && $(cut -d' ' -f1 "$file") != "$$" ]]; then proc_end "$file" KILL; fi
    done
}

# Everything that came after `up`, on every host at once. The engines keep running,
# which is what makes it quicker than down and up. The builder and the registry are no
# hosts: they keep their images.
fleet_wipe() {
    local host pids=() failed=false
    for host in $(hosts); do
        host_wipe "$host" &
        pids+=("$!")
    done
    for host in $(balancers); do
        balancer_wipe "$host" &
        pids+=("$!")
    done
    for host in "${pids[@]}"; do wait "$host" || failed=true; done
    if $failed; then die 'some host could not be wiped'; fi
}

host_wipe() {
    local host=$1
    if [[ $(host_engine_of "$host") == none ]]; then host_renew "$host"; return; fi
    host_pid "$host" >/dev/null || host_boot "$host"
    net_link "$host" up
    net_slow "$host" off
    host_unfill "$host"
    host_engine resume "$host" 2>/dev/null || true
    host_engine start "$host"
    # shellcheck disable=SC2016  # expanded inside the host
    host_exec "$host" bash -c '
        cd /
        export DOCKER_HOST=unix:///run/docker.sock HOME=/root
        ids() { docker "$@" -q; }
        remove() { local verb=$1; shift; [[ $# -eq 0 ]] || docker $verb "$@" >/dev/null; }
        remove "rm -f -v" $(ids ps -a)
        remove "volume rm -f" $(ids volume ls)
        docker image prune -a -f >/dev/null
        docker network prune -f >/dev/null
        # Whatever else was put on its disk.
        find . -xdev -path ./var/lib/docker -prune -o -print | sort |
            comm -13 /etc/fleet/baseline - | grep -v -e ^./etc/docker -e ^./opt/containerd |
            while read -r path; do rm -rf -- "$path"; done
        rm -rf /tmp/* /dev/shm/* /run/lock/* /run/shipctl
        exit 0
    ' || { say "$host: wipe failed"; return 1; }
}

# What was installed has changed files all over the place, so a fresh host gets a fresh disk.
host_renew() {
    host_power_off "$1"
    rm -f "$DIR/$1/disk.img"
    host_disk "$1"
    host_boot "$1"
}
