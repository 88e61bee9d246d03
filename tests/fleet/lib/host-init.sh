#!/usr/bin/env bash
# Runs as pid 1 of a host, still seeing the machine's files: builds the host's own
# root filesystem on its disk and moves into it.
#
# The root is not a copy of the machine: /usr is shared read-only, everything else is
# the host's own. So two hosts never meet in a directory, nothing done on a host
# (even by root) reaches the machine, and a host's disk keeps its state over a reboot.
#
# A host with another engine than the machine's has a whole root of its own, TREE, which is read through an overlay.
set -euo pipefail

home=$FLEET_DIR/$HOST
root=$home/root
lib=$(dirname -- "${BASH_SOURCE[0]}")

# /proc still is the machine's here, so this is our pid as the machine sees it.
read -r stat </proc/self/stat
read -ra fields <<<"${stat##*) }"
printf '%s %s\n' "${stat%% *}" "${fields[19]}" >"$home/init.pid"

hostname "$HOST"
mkdir -p "$root"
if [[ -z $TREE ]]; then
    mount -o loop,noatime,noinit_itable "$home/disk.img" "$root"
else
    disk=$home/disk
    mkdir -p "$disk"
    mount -o loop,noatime,noinit_itable "$home/disk.img" "$disk"
    mkdir -p "$disk"/{upper,work,docker}
    mount -t overlay -o "lowerdir=$TREE,upperdir=$disk/upper,workdir=$disk/work" overlay "$root"
    # No engine keeps layers on an overlay: its data lies on the disk itself.
    mkdir -p "$root/var/lib/docker"
    mount --bind "$disk/docker" "$root/var/lib/docker"
fi

# What a tree brings with it.
first_boot_root() {
    local name
    mkdir -p "$root"/{usr,dev,proc,sys,run,tmp,root,srv,opt,mnt,home/deploy/.ssh,var/{lib/docker,log,tmp,empty},etc/{fleet,ssh,docker,ssl/certs}}
    chmod 1777 "$root/var/tmp"
    chmod 700 "$root/root"
    ln -sfn /run "$root/var/run"
    ln -sfn /proc/self/mounts "$root/etc/mtab"
    for name in bin sbin lib lib32 lib64 libx32; do
        if [[ -L /$name ]]; then cp -P "/$name" "$root/$name"; fi
    done
    # alternatives: /usr/sbin/iptables points there.
    for name in alternatives ld.so.cache ld.so.conf ld.so.conf.d; do
        if [[ -e /etc/$name ]]; then cp -a "/etc/$name" "$root/etc/"; fi
    done
    printf 'passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n' >"$root/etc/nsswitch.conf"
    cat >"$root/etc/passwd" <<'PASSWD'
root:x:0:0:root:/root:/bin/bash
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
sshd:x:100:65534::/run/sshd:/usr/sbin/nologin
deploy:x:1000:1000:deploy:/home/deploy:/bin/bash
haproxy:x:101:998:haproxy:/nonexistent:/usr/sbin/nologin
PASSWD
    printf 'root:x:0:\ntty:x:5:\nnogroup:x:65534:\ndocker:x:999:deploy\nhaproxy:x:998:deploy\ndeploy:x:1000:\n' >"$root/etc/group"
    # "*": no password fits, but the account is not locked (sshd refuses those).
    printf 'root:*:19000::::::\nsshd:*:19000::::::\ndeploy:*:19000::::::\n' >"$root/etc/shadow"
    chmod 600 "$root/etc/shadow"
}

first_boot() {
    local name
    if [[ -z $TREE ]]; then first_boot_root; fi
    printf '%s\n' "$HOST" >"$root/etc/hostname"
    {
        printf '127.0.0.1 localhost\n'
        for name in $HOSTS; do printf '%s %s\n' "$SUBNET.$((10 + ${name#h}))" "$name"; done
        for name in $BALANCERS; do printf '%s %s\n' "$SUBNET.$((3 + ${name#lb}))" "$name"; done
    } >"$root/etc/hosts"
    if [[ -n $REGISTRY ]]; then
        install -D -m 644 "$FLEET_DIR/certs/ca.pem" "$root/etc/docker/certs.d/$REGISTRY/ca.crt"
    fi
    case $KIND in
        ssh) first_boot_ssh ;;
        balancer)
            first_boot_ssh
            install -D -m 644 "$FLEET_DIR/$HOST/haproxy.cfg" "$root/etc/haproxy/haproxy.cfg"
            install -d -m 2775 -o 101 -g 998 "$root/var/lib/haproxy"
            ;;
        tcp)
            install -D -m 644 "$FLEET_DIR/certs/ca.pem" "$root/etc/docker/tls/ca.pem"
            install -m 600 "$FLEET_DIR/ca/$HOST.pem" "$root/etc/docker/tls/cert.pem"
            install -m 600 "$FLEET_DIR/ca/$HOST-key.pem" "$root/etc/docker/tls/key.pem"
            ;;
    esac
    case $ENGINE in
        newest-containerd)
            printf '{"features": {"containerd-snapshotter": true}}\n' >"$root/etc/docker/daemon.json"
            ;;
        none) first_boot_fresh ;;
    esac
}

# Whoever installs an engine here starts it with no options of ours, so they wait where it will look for them: its
# containers have to be found when the host ends.
first_boot_fresh() {
    cat >"$root/etc/docker/daemon.json" <<JSON
{
  "cgroup-parent": "$CGROUP",
  "exec-opts": ["native.cgroupdriver=cgroupfs"],
  "storage-driver": "overlay2",
  "hosts": ["unix:///run/docker.sock", "unix:///run/fleet/docker.sock"]
}
JSON
    install -D -m 600 "$FLEET_DIR/ssh/id_ed25519.pub" "$root/root/.ssh/authorized_keys"
    sed -i 's/^PermitRootLogin .*/PermitRootLogin prohibit-password/' "$root/etc/ssh/sshd_config"
}

first_boot_ssh() {
    install -m 600 "$FLEET_DIR/ssh/id_ed25519.pub" "$root/home/deploy/.ssh/authorized_keys"
    chmod 700 "$root/home/deploy" "$root/home/deploy/.ssh"
    chown -R 1000:1000 "$root/home/deploy"
    install -m 600 "$FLEET_DIR/ssh/hostkeys/$HOST" "$root/etc/ssh/ssh_host_ed25519_key"
    cat >"$root/etc/ssh/sshd_config" <<SSHD
ListenAddress $ADDRESS
HostKey /etc/ssh/ssh_host_ed25519_key
PidFile /run/sshd.pid
UsePAM no
UseDNS no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin no
MaxStartups 200
MaxSessions 200
LogLevel VERBOSE
Subsystem sftp internal-sftp
SSHD
    # Newer servers punish an address for failed logins; tests fail logins on purpose.
    if grep -qa persourcepenalties "$TREE/usr/sbin/sshd"; then
        printf 'PerSourcePenalties no\n' >>"$root/etc/ssh/sshd_config"
    fi
}

# The baseline lists what belongs to an untouched host; being the last file written,
# it also tells that the first boot was complete.
if [[ ! -s $root/etc/fleet/baseline ]]; then
    first_boot
    touch "$root/etc/fleet/"{run,env,switch,baseline}
    (cd "$root" && find . -xdev -path ./var/lib/docker -prune -o -print | sort) >"$home/baseline"
    mv "$home/baseline" "$root/etc/fleet/baseline"
fi
install -m 755 "$lib/host-run.sh" "$root/etc/fleet/run"
printf 'KIND=%s\nADDRESS=%s\nCGROUP=%s\nENGINE=%s\n' "$KIND" "$ADDRESS" "$CGROUP" "$ENGINE" >"$root/etc/fleet/env"

if [[ -z $TREE ]]; then
    mount --rbind /usr "$root/usr"
    mount -o remount,bind,ro "$root/usr"
    # What the machine's owner put into /usr/local is no part of a host.
    mount -t tmpfs -o size=1m,mode=755 tmpfs "$root/usr/local"
    # Nothing here may turn the machine itself off.
    install -m 755 "$lib/host-switch.sh" "$root/etc/fleet/switch"
    for program in systemctl reboot shutdown poweroff halt sudo; do
        readlink -f -- "$(command -v "$program")" || true
    done | sort -u | while read -r program; do
        if [[ $program == /usr/* ]]; then mount --bind "$root/etc/fleet/switch" "$root$program"; fi
    done
    install -D -m 755 "$lib/host-switch.sh" "$root/usr/local/bin/sudo"
    install -m 755 "$lib/host-switch.sh" "$root/usr/local/bin/reboot"
fi
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/dev/shm"
mount --rbind /sys "$root/sys"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
# Where the machine and the host meet: the second engine socket, and the logs.
mkdir -m 700 "$root/run/fleet" "$root/run/machine"
mkdir -m 755 "$root/run/sshd" "$root/run/lock"
mount --bind "$home" "$root/run/fleet"

# pivot_root, not chroot: runc cannot remount "/" inside a chroot.
cd "$root"
pivot_root . run/machine
umount -l run/machine
rmdir run/machine
exec /usr/bin/bash /etc/fleet/run boot
