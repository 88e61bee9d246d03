# shellcheck shell=bash
# The programs a fleet needs. Asked for by command, not by package: a machine that
# has the engine from another source must not get a second one installed over it.

PACKAGES=(
    dockerd:docker.io docker:docker-cli sshd:openssh-server ssh:openssh-client
    haproxy:haproxy docker-registry:docker-registry htpasswd:apache2-utils
    iptables:iptables ip:iproute2 openssl:openssl curl:curl mkfs.ext4:e2fsprogs
    nsenter:util-linux losetup:mount find:findutils busybox:busybox-static socat:socat
    etcd:etcd-server caddy:caddy python3:python3 debootstrap:debootstrap git:git
    podman:podman crun:crun
)

packages_missing() {
    local entry
    for entry in "${PACKAGES[@]}"; do
        command -v "${entry%%:*}" >/dev/null || printf '%s\n' "${entry#*:}"
    done
    # Some machines carry a foreign `docker` command; the real client is /usr/bin/docker.
    [[ -x /usr/bin/docker ]] || printf 'docker-cli\n'
    [[ -e /usr/share/keyrings/debian-archive-keyring.gpg ]] || printf 'debian-archive-keyring\n'
}

packages_install() {
    local missing=() wanted=() package sudo=() policy=/usr/sbin/policy-rc.d
    mapfile -t missing < <(packages_missing | sort -u)
    if ((${#missing[@]} == 0)); then
        say 'packages: all present'
        return
    fi
    ((EUID == 0)) || sudo=(sudo)
    say "packages: installing ${missing[*]}"
    "${sudo[@]}" apt-get update -qq
    for package in "${missing[@]}"; do
        # Older suites ship the client inside docker.io and know no docker-cli.
        if [[ $package == docker-cli && -z $(apt-cache search --names-only '^docker-cli$') ]]; then
            package=docker.io
        fi
        wanted+=("$package")
    done
    # Package scripts like to start their daemons. 101 means "not allowed"; an
    # existing policy is the machine owner's and stays.
    if [[ ! -e $policy ]]; then
        # shellcheck disable=SC2064  # expand now: the locals are gone when it runs
        trap "${sudo[*]} rm -f $policy" EXIT
        printf '#!/bin/sh\nexit 101\n' | "${sudo[@]}" tee "$policy" >/dev/null
        "${sudo[@]}" chmod 755 "$policy"
    fi
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${wanted[@]}" >/dev/null
    mapfile -t missing < <(packages_missing | sort -u)
    ((${#missing[@]} == 0)) || die "still missing after installation: ${missing[*]}"
    say 'packages: done, no daemon started'
}

packages_check() {
    local missing
    mapfile -t missing < <(packages_missing | sort -u)
    ((${#missing[@]} == 0)) || die "missing packages: ${missing[*]} (run: fleet packages)"
}
