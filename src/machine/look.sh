# shellcheck shell=sh
# What a host tells of itself: a fact on each line, `name value`; texts of others in base64. Changes nothing.
# Arguments: the engine's directory, a registry, an account; the last two may be empty.
set -u
LC_ALL=C PATH=$PATH:/usr/sbin:/sbin
export LC_ALL PATH
root=$1 registry=$2 account=$3

encoded() { base64 | tr -d '\n'; }
file() {
    if [ ! -e "$2" ]; then return; fi
    if [ -r "$2" ]; then printf '%s %s\n' "$1" "$(encoded <"$2")"; else printf '%s unreadable\n' "$1"; fi
}

if [ -e /etc/os-release ]; then file os-release /etc/os-release; else file os-release /usr/lib/os-release; fi
file settings /etc/docker/daemon.json
if [ -n "$registry" ]; then file authority "/etc/docker/certs.d/$registry/ca.crt"; fi
if [ -d /run/systemd/system ]; then echo 'systemd yes'; fi
if [ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" = Y ]; then echo 'apparmor yes'; fi
if command -v dockerd >/dev/null; then echo 'engine yes'; fi
for pid in /run/docker.pid /var/run/docker.pid; do
    if [ -r "$pid" ] && [ -r "/proc/$(cat "$pid")/cmdline" ]; then
        printf 'flags %s\n' "$(tr '\0' '\n' <"/proc/$(cat "$pid")/cmdline" | encoded)"
        # An engine writes this file when it starts; what it took up since then is written down elsewhere.
        # shellcheck disable=SC3013  # every shell that is `sh` on a Linux knows it
        if [ /etc/docker/daemon.json -nt "$pid" ] &&
            [ "$(sha256sum </etc/docker/daemon.json)" != "$(cat /run/shipctl-settings 2>/dev/null)" ]; then
            echo 'stale yes'
        fi
        break
    fi
done
if [ -e "$root/swarm/docker-state.json" ]; then echo 'swarm yes'; fi
# The directory may be hidden from us, or not there yet: then it is on the disk of the one above it.
while [ ! -d "$root" ] && [ "$root" != / ]; do root=$(dirname -- "$root"); done
df -Pk -- "$root" 2>/dev/null | awk 'NR == 2 { print "disk", $2, $4 }'
df -Pi -- "$root" 2>/dev/null | awk 'NR == 2 { print "inodes", $2, $4 }'
if [ -r /proc/net/tcp ]; then printf 'sockets %s\n' "$(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | encoded)"; fi
if [ -n "$account" ] && line=$(getent passwd -- "$account"); then
    home=$(printf '%s\n' "$line" | cut -d: -f6)
    printf 'account %s\n' "$(id -Gn -- "$account" | encoded)"
    file keys "$home/.ssh/authorized_keys"
fi
exit 0
