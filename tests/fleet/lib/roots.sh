# shellcheck shell=bash
# Root filesystems of hosts that have an engine of their own, or none yet. Built once from Debian's archive, kept beside
# the fleets, and only ever read: what a host writes goes to its own disk.

ROOTS=${FLEET_ROOTS:-/var/cache/shipctl-fleet}
# What every such host has, whatever its engine. The firewall's tools come before the engine, so that it finds them chosen.
ROOT_PACKAGES=(openssh-server iptables iproute2 procps ca-certificates)

# Where this machine gets its own packages from.
mirror() {
    local found
    # shellcheck disable=SC2016  # apt puts it in, not bash
    found=${FLEET_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -m1 '/debian/$')} || :
    printf '%s' "${found:?no Debian archive among the sources of apt; name one in FLEET_MIRROR}"
}

# root_of HOST : the tree that the host's engine is in; empty for the machine's own.
root_of() {
    case $(host_engine_of "$1") in
        newest | newest-containerd) printf '%s/newest' "$ROOTS" ;;
        none) printf '%s/none' "$ROOTS" ;;
    esac
}

# root_ensure NAME : a tree gets its name last of all, so one that has it is complete.
root_ensure() {
    local name=$1 tree="$ROOTS/$1" part="$ROOTS/$1.part" lock
    [[ $name == newest || $name == none ]] || usage_error "no such root: $name (newest or none)"
    if [[ -d $tree ]]; then return; fi
    command -v debootstrap >/dev/null || die 'missing packages: debootstrap (run: fleet packages)'
    mkdir -p "$ROOTS"
    exec {lock}>"$ROOTS/$name.lock"
    flock "$lock"
    if [[ ! -d $tree ]]; then
        say "root $name: building from $(mirror)"
        root_discard "$part"
        # In the background, because bash goes on after a failure in whatever is part of a condition.
        "root_build_$name" "$part" </dev/null >"$ROOTS/$name.log" 2>&1 {lock}>&- &
        if ! wait "$!"; then
            tail -n 20 "$ROOTS/$name.log" >&2
            root_discard "$part"
            die "root $name cannot be built (log above, and in $ROOTS/$name.log)"
        fi
        mv -- "$part" "$tree"
    fi
    exec {lock}>&-
}

# What fails half-way may have left things mounted.
root_discard() {
    local at
    for at in "$1"/{proc,sys}; do
        if mountpoint -q "$at"; then umount -R "$at"; fi
    done
    rm -rf --one-file-system -- "$1"
}

# root_bootstrap TREE SUITE : a small Debian with an SSH server and the operator's account, in which nothing is started.
# Scripts of suites that this debootstrap does not know are all the same one.
root_bootstrap() {
    local tree=$1 suite=$2 script=$2
    [[ -e /usr/share/debootstrap/scripts/$suite ]] || script=sid
    debootstrap --variant=minbase --include="$(IFS=,; printf '%s' "${ROOT_PACKAGES[*]}")" \
        "$suite" "$tree" "$(mirror)" "/usr/share/debootstrap/scripts/$script"
    printf '#!/bin/sh\nexit 101\n' >"$tree/usr/sbin/policy-rc.d"
    chmod 755 "$tree/usr/sbin/policy-rc.d"
    # "*": no password fits, but the account is not locked (sshd refuses those).
    chroot "$tree" useradd --uid 1000 --create-home --shell /bin/bash --password '*' deploy
    rm -f "$tree"/etc/ssh/ssh_host_* "$tree/etc/hostname"
    mkdir -p "$tree/etc/fleet" "$tree/home/deploy/.ssh" "$tree/root/.ssh" "$tree/etc/docker"
}

root_apt() {
    local tree=$1
    shift
    chroot "$tree" env DEBIAN_FRONTEND=noninteractive LC_ALL=C apt-get -y --no-install-recommends "$@"
}

root_close() {
    rm -rf -- "$1/usr/sbin/policy-rc.d" "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*.bin "$1"/var/cache/apt/archives/*.deb
}

# The newest engine that Debian has.
root_build_newest() {
    root_bootstrap "$1" forky
    root_apt "$1" install docker.io docker-cli
    chroot "$1" usermod --append --groups docker deploy
    root_close "$1"
}

# A host as it comes from whoever sells it: no engine, an account that may become root, and a source of packages, which is
# a directory because a fleet has no way out.
root_build_none() {
    local tree=$1 shelf="$1/srv/packages" deb
    root_bootstrap "$tree" bookworm
    root_apt "$tree" install sudo
    printf 'deploy ALL=(ALL) NOPASSWD: ALL\n' >"$tree/etc/sudoers.d/deploy"
    chmod 440 "$tree/etc/sudoers.d/deploy"
    root_apt "$tree" clean
    root_apt "$tree" install --download-only docker.io
    mkdir -p "$shelf"
    mv "$tree"/var/cache/apt/archives/*.deb "$shelf/"
    for deb in "$shelf"/*.deb; do
        dpkg-deb --field "$deb"
        printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' \
            "${deb##*/}" "$(stat -c %s "$deb")" "$(sha256sum "$deb" | cut -d' ' -f1)"
    done >"$shelf/Packages"
    rm -f "$tree"/etc/apt/sources.list.d/*
    printf 'deb [trusted=yes] file:/srv/packages ./\n' >"$tree/etc/apt/sources.list"
    root_close "$tree"
    # Stands in for an init system: elsewhere the engine runs once it is installed.
    cat >"$tree/usr/sbin/policy-rc.d" <<'POLICY'
#!/bin/sh
case "$*" in *docker*start*) bash /etc/fleet/run service dockerd ;; esac
exit 101
POLICY
    chmod 755 "$tree/usr/sbin/policy-rc.d"
}
