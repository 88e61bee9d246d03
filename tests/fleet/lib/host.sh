# shellcheck shell=bash
# A host's life: disk, power, readiness, and the ways to talk to it.

host_check() { nodes | grep -x -- "$1" >/dev/null || usage_error "no such host: $1"; }
host_pid() { proc_pid "$DIR/$1/init.pid"; }

# The disk is a sparse file with its own filesystem, so that it can be full without
# the machine being full. No blocks reserved for root: full means full for dockerd too.
host_disk() {
    truncate -s "$DISK" "$DIR/$1/disk.img"
    mkfs.ext4 -q -m 0 -E lazy_itable_init=1,lazy_journal_init=1,nodiscard "$DIR/$1/disk.img"
}

host_create() {
    mkdir -p "$DIR/$1"
    proc_save "$DIR/$1/create.pid" "$BASHPID"
    host_disk "$1"
    host_power_on "$1"
    host_wait "$1"
    rm -f "$DIR/$1/create.pid"
}

# host_boot HOST : power on and wait until it serves.
host_boot() {
    if host_pid "$1" >/dev/null; then die "$1 is already running"; fi
    host_power_on "$1"
    host_wait "$1"
}

host_power_on() {
    local host=$1 home="$DIR/$1" kind trusted=''
    kind=$(host_kind "$host")
    # Left-overs of a host whose pid 1 was killed behind our back.
    net_detach "$host"
    poll 10 host_disk_released "$host" || die "$host: disk still in use"
    net_attach "$host" "$(host_addr "$host")"
    rm -f "$home/docker.sock" "$home/init.pid" "$home/stays-down"
    if [[ $kind == balancer && ! -e $home/haproxy.cfg ]]; then balancer_config "$host" >"$home/haproxy.cfg"; fi
    if $REGISTRY; then trusted=$SUBNET.1:5000; fi
    daemon "$(ns "$host")" "$home/boot.log" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C FLEET_DIR="$DIR" HOST="$host" KIND="$kind" \
        SUBNET="$SUBNET" ADDRESS="$(host_addr "$host")" HOSTS="$(hosts | paste -sd' ')" \
        CGROUP="/$(ns "$host")" REGISTRY="$trusted" BALANCERS="$(balancers | paste -sd' ')" \
        ENGINE="$(host_engine_of "$host")" TREE="$(root_of "$host")" bash "$LIB/host-power.sh"
    printf '%s' "$DAEMON_PID" >"$home/launcher.pid"
}

host_wait() {
    local launcher
    launcher=$(<"$DIR/$1/launcher.pid")
    if poll 60 host_ready_or_dead "$1" "$launcher" && host_ready "$1"; then
        if [[ -e $DIR/$1/docker.sock ]]; then give_to_caller "$DIR/$1/docker.sock"; fi
        return
    fi
    tail -n 5 "$DIR/$1/"*.log >&2 || true
    die "$1 does not start (logs above)"
}

host_ready_or_dead() { host_ready "$1" || ! proc_start_time "$2" >/dev/null; }

host_ready() {
    if [[ $(host_kind "$1") == balancer ]]; then balancer_ready "$1"; return; fi
    [[ $(host_engine_of "$1") == none ]] || host_engine_ready "$1" || return 1
    [[ $(host_kind "$1") != ssh ]] || host_ssh_ready "$1"
}

host_engine_ready() { curl -sf -m 2 -o /dev/null --unix-socket "$DIR/$1/docker.sock" http://engine/_ping; }

# Asked from inside, so that a cut cable does not look like a dead server.
host_ssh_ready() {
    local banner=''
    # shellcheck disable=SC2016  # expanded by the inner shell
    banner=$(nsenter --net="$(ns_path "$1")" timeout 2 bash -c \
        'exec 3<>"/dev/tcp/$0/22" && read -r line <&3 && printf %s "$line"' "$(host_addr "$1")" 2>/dev/null) || true
    [[ $banner == SSH-2.0* ]]
}

# A power cut. The cable goes first: the dying kernel side must not send FIN or RST,
# and the address must not answer "refused" afterwards; it has to fall silent.
host_power_off() {
    net_detach "$1"
    proc_end "$DIR/$1/init.pid" KILL
    rm -f "$DIR/$1/docker.sock"
    poll 10 host_disk_released "$1" || die "$1: disk still in use"
    poll 10 host_cgroups_gone "$(ns "$1")" || say "warning: $1: control groups left over"
}

host_reboot() {
    host_power_off "$1"
    host_boot "$1"
}

# The disk is mounted in the host's own mount namespace only, and the loop device is
# freed with it; mounting the file again before that would corrupt it.
host_disk_released() { [[ -z $(losetup -j "$DIR/$1/disk.img" 2>/dev/null) ]]; }

# Works for version 1 (one tree per controller) and version 2 (one tree).
host_cgroups_gone() {
    local group left=false
    # shellcheck disable=SC2231  # may be a pattern
    for group in /sys/fs/cgroup/$1 /sys/fs/cgroup/*/$1; do
        [[ -d $group ]] || continue
        find "$group" -depth -type d -exec rmdir {} \; 2>/dev/null || true
        if [[ -d $group ]]; then left=true; fi
    done
    ! $left
}

host_docker() {
    local host=$1
    shift
    # The client's own path: a foreign `docker` may come first in PATH. The private
    # config directory carries the registry login and keeps ~/.docker out of it.
    DOCKER_CONFIG="$DIR/docker" DOCKER_CONTEXT='' DOCKER_HOST="unix://$DIR/$host/docker.sock" /usr/bin/docker "$@"
}

host_exec() {
    local host=$1 pid
    shift
    pid=$(host_pid "$host") || die "$host is off"
    nsenter --target "$pid" --mount --uts --ipc --net --pid --root --wd "$@"
}
