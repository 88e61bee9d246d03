# shellcheck shell=bash
# The network: one bridge, in a namespace of its own, and a cable to everything.
#
# The bridge does not live in the machine's own namespace because a firewall there
# (Docker's "FORWARD DROP", ufw) would filter bridged traffic. The machine gets one
# interface, fl-NAME, with address SUBNET.254; the bridge itself has SUBNET.1.

ns() { printf 'fleet-%s-%s' "$NAME" "$1"; }
ns_path() { printf '/run/netns/%s' "$(ns "$1")"; }
net_namespaces() { ip netns list | awk -v prefix="fleet-$NAME-" 'index($1, prefix) == 1 { print $1 }'; }

net_up() {
    local hub uplink="fl-$NAME"
    hub=$(ns net)
    if ip -4 -o addr show | grep -F " $SUBNET." >/dev/null; then
        die "subnet $SUBNET.0/24 is in use on this machine (choose another --subnet)"
    fi
    ip netns add "$hub"
    ip -n "$hub" -batch - <<BATCH
link set lo up
link add br0 type bridge
addr add $SUBNET.1/24 dev br0
link set br0 up
BATCH
    ip link add "$uplink" type veth peer name operator netns "$hub"
    ip -n "$hub" link set operator master br0 up
    ip addr add "$SUBNET.254/24" dev "$uplink"
    ip link set "$uplink" up
}

# net_attach NODE ADDRESS : a fresh namespace, plugged in. No default route: what is
# not on the bridge is "unreachable" at once instead of a timeout.
net_attach() {
    local node=$1 address=$2 hub netns
    hub=$(ns net) netns=$(ns "$1")
    ip netns add "$netns"
    # The MAC follows the address: a rebooted host must not be unreachable until
    # its neighbours forget the previous one.
    ip -n "$hub" link add "v$node" type veth peer name eth0 netns "$netns" \
        address "$(printf '02:f1:ee:00:00:%02x' "${address##*.}")"
    ip -n "$hub" link set "v$node" master br0 up
    ip -n "$netns" -batch - <<BATCH
link set lo up
addr add $address/24 dev eth0
link set eth0 up
BATCH
}

# Deleting a namespace removes its devices only after a moment, so the cable goes
# first, by name: a host re-created at once would else meet "File exists".
net_detach() {
    ip -n "$(ns net)" link del "v$1" 2>/dev/null || true
    ip netns del "$(ns "$1")" 2>/dev/null || true
}

# net_slow NODE RATE : what goes to it waits its turn; `off` for as fast as it can.
net_slow() {
    local hub device="v$1"
    hub=$(ns net)
    if [[ $2 == off ]]; then
        ip netns exec "$hub" tc qdisc del dev "$device" root 2>/dev/null || true
    else
        ip netns exec "$hub" tc qdisc replace dev "$device" root tbf rate "$2" burst 128k latency 200ms
    fi
}

net_link() { ip -n "$(ns net)" link set "v$1" "$2"; }

# Everything in a fleet namespace is ours: the surest way to find what has to end,
# whatever happened to pid files. (Containers end with their host's pid namespace.)
net_pids() { ip netns pids "$1" 2>/dev/null || true; }

net_kill_all() {
    local netns pid left=false
    for netns in $(net_namespaces); do
        for pid in $(net_pids "$netns"); do
            left=true
            kill -KILL "$pid" 2>/dev/null || true
        done
    done
    ! $left
}

net_down() {
    local netns
    poll 10 net_kill_all || say 'warning: some processes do not end'
    ip link del "fl-$NAME" 2>/dev/null || true
    for netns in $(net_namespaces); do
        ip netns del "$netns" 2>/dev/null || true
    done
}
