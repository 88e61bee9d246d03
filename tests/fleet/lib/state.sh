# shellcheck shell=bash
# What a fleet is: written once by `up` as fleet.env (for shells, and for ourselves)
# and fleet.json (for programs).

nodes() { # every machine
    hosts
    balancers
    if $BUILDER; then printf 'builder\n'; fi
}
hosts() { seq -f 'h%g' 1 "$COUNT"; }
machines_ssh() { nodes | grep -vx -e "$TCP" -e builder || true; }

host_addr() {
    case $1 in
        builder) printf '%s.3' "$SUBNET" ;;
        lb*) printf '%s.%s' "$SUBNET" $((3 + ${1#lb})) ;;
        *) printf '%s.%s' "$SUBNET" $((10 + ${1#h})) ;;
    esac
}

host_kind() {
    case $1 in
        builder) printf 'local' ;;
        lb*) printf 'balancer' ;;
        "$TCP") printf 'tcp' ;;
        *) printf 'ssh' ;;
    esac
}

# host_engine_of HOST : which engine it has; the last word on a host counts.
host_engine_of() {
    local entry engine=debian12
    for entry in $ENGINES; do
        if [[ ${entry%%=*} == "$1" ]]; then engine=${entry#*=}; fi
    done
    printf '%s' "$engine"
}

# Names end up in interface names (15 characters at most) and in patterns, and the
# directory in socket paths (107 characters at most): refuse early what fails late.
state_validate() {
    [[ $NAME =~ ^[a-z0-9]{1,10}$ ]] || usage_error "--name: 1 to 10 of a-z 0-9"
    [[ $COUNT =~ ^[1-9][0-9]*$ && $COUNT -le 99 ]] || usage_error '--hosts: 1 to 99'
    [[ $BALANCERS =~ ^[0-6]$ ]] || usage_error '--balancers: 0 to 6'
    [[ $CHECK =~ ^[a-z0-9\ ]+$ ]] || usage_error "--check: like 'inter 200ms fall 2 rise 1', or none"
    [[ $SUBNET =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || usage_error '--subnet: like 10.77.0'
    [[ $DIR =~ ^/[A-Za-z0-9._/-]+$ ]] || usage_error '--dir: only A-Z a-z 0-9 . _ - /'
    ((${#DIR} <= 80)) || usage_error '--dir: path too long for sockets below it'
    if [[ -z $BUILDER ]]; then BUILDER=$REGISTRY; fi
    if [[ -z $TCP ]]; then
        if ((COUNT > 1)); then TCP=h$COUNT; else TCP=none; fi
    fi
    [[ $TCP == none ]] || hosts | grep -x -- "$TCP" >/dev/null || usage_error "--tcp: no such host: $TCP"
    local entry
    for entry in $ENGINES; do
        [[ $entry =~ ^h[0-9]+=(debian12|newest|newest-containerd|none)$ ]] ||
            usage_error "--engine: like h1=debian12, newest, newest-containerd or none, and not $entry"
        hosts | grep -x -- "${entry%%=*}" >/dev/null || usage_error "--engine: no such host: ${entry%%=*}"
    done
    [[ $TCP == none || $(host_engine_of "$TCP") != none ]] || usage_error "--tcp: $TCP has no engine"
}

state_save() {
    local host
    {
        printf 'FLEET_NAME=%s\nFLEET_DIR=%s\nFLEET_SUBNET=%s\n' "$NAME" "$DIR" "$SUBNET"
        printf 'FLEET_COUNT=%s\nFLEET_HOSTS="%s"\nFLEET_TCP=%s\n' "$COUNT" "$(hosts | paste -sd' ')" "$TCP"
        printf 'FLEET_HAS_REGISTRY=%s\nFLEET_HAS_HAPROXY=%s\nFLEET_HAS_BUILDER=%s\nFLEET_DISK=%s\n' \
            "$REGISTRY" "$HAPROXY" "$BUILDER" "$DISK"
        printf 'FLEET_BALANCERS=%s\nFLEET_CHECK="%s"\nFLEET_ENGINES="%s"\n' "$BALANCERS" "$CHECK" "$ENGINES"
        printf 'FLEET_OPERATOR=%s.254\nFLEET_SSH_CONFIG=%s\n' "$SUBNET" "$DIR/ssh/config"
        for host in $(hosts); do printf 'FLEET_%s=%s\n' "${host^^}" "$(host_addr "$host")"; done
        if $REGISTRY; then
            printf 'FLEET_REGISTRY=%s.1:5000\nFLEET_REGISTRY_USER=shipctl\n' "$SUBNET"
            printf 'FLEET_REGISTRY_PASSWORD_FILE=%s\n' "$DIR/registry/password"
        fi
        if $HAPROXY; then
            printf 'FLEET_LB=%s.2\nFLEET_LB_SOCKET=%s\n' "$SUBNET" "$DIR/haproxy/admin.sock"
        fi
    } >"$DIR/fleet.env"
    state_json >"$DIR/fleet.json"
    give_to_caller "$DIR/fleet.env" "$DIR/fleet.json"
}

# Every value is of a validated alphabet, so no escaping is needed.
state_json() {
    local host separator=''
    printf '{\n  "name": "%s",\n  "dir": "%s",\n  "subnet": "%s",\n' "$NAME" "$DIR" "$SUBNET"
    printf '  "operator": "%s.254",\n  "hosts": [' "$SUBNET"
    for host in $(hosts); do
        printf '%s\n    {"name": "%s", "address": "%s", "kind": "%s", "engine": "%s", "socket": "%s", "netns": "%s"}' \
            "$separator" "$host" "$(host_addr "$host")" "$(host_kind "$host")" "$(host_engine_of "$host")" \
            "$DIR/$host/docker.sock" "$(ns "$host")"
        separator=,
    done
    printf '\n  ],\n  "ssh": {"user": "deploy", "config": "%s", "key": "%s", "known_hosts": "%s"},\n' \
        "$DIR/ssh/config" "$DIR/ssh/id_ed25519" "$DIR/ssh/known_hosts"
    printf '  "tls": {"ca": "%s", "cert": "%s", "key": "%s"}' "$DIR/certs/"{ca,cert,key}.pem
    $REGISTRY && printf ',\n  "registry": {"address": "%s.1:5000", "user": "shipctl", "password_file": "%s"}' \
        "$SUBNET" "$DIR/registry/password"
    $HAPROXY && printf ',\n  "haproxy": {"url": "http://%s.2/", "socket": "%s"}' "$SUBNET" "$DIR/haproxy/admin.sock"
    if ((BALANCERS)); then
        printf ',\n  "balancers": ['
        separator=''
        for host in $(balancers); do
            printf '%s\n    {"name": "%s", "address": "%s", "url": "http://%s", "socket": "%s", "master": "%s"}' \
                "$separator" "$host" "$(host_addr "$host")" "$(host_addr "$host")" \
                /run/haproxy/admin.sock /run/haproxy/master.sock
            separator=,
        done
        printf '\n  ]'
    fi
    $BUILDER && printf ',\n  "builder": {"socket": "%s"}' "$DIR/builder/docker.sock"
    printf '\n}\n'
}

state_load() {
    [[ -r $DIR/fleet.env ]] || die "no fleet at $DIR (start one with: fleet up --dir $DIR)"
    # shellcheck source=/dev/null
    . "$DIR/fleet.env"
    NAME=$FLEET_NAME SUBNET=$FLEET_SUBNET COUNT=$FLEET_COUNT TCP=$FLEET_TCP DISK=$FLEET_DISK
    REGISTRY=$FLEET_HAS_REGISTRY HAPROXY=$FLEET_HAS_HAPROXY BUILDER=$FLEET_HAS_BUILDER
    BALANCERS=$FLEET_BALANCERS CHECK=$FLEET_CHECK ENGINES=$FLEET_ENGINES
}

state_status() {
    local node power link engine
    printf '%-8s %-15s %-6s %-6s %-5s %s\n' HOST ADDRESS KIND POWER LINK ENGINE
    for node in $(nodes); do
        power=off link=- engine=-
        if proc_pid "$DIR/$node/init.pid" >/dev/null; then
            power=on
            link=$(ip -n "$(ns net)" -o link show "v$node" | grep '[<,]UP[,>]' >/dev/null && echo up || echo cut)
            if [[ $(host_kind "$node") == balancer ]]; then
                engine=$(balancer_ready "$node" && echo haproxy || echo down)
            else engine=$(host_docker "$node" version --format '{{.Server.Version}}' 2>/dev/null) || engine=down
            fi
        fi
        printf '%-8s %-15s %-6s %-6s %-5s %s\n' "$node" "$(host_addr "$node")" "$(host_kind "$node")" \
            "$power" "$link" "$engine"
    done
    if $REGISTRY; then printf 'registry %s.1:5000 %s\n' "$SUBNET" "$(registry_alive && echo on || echo off)"; fi
    if $HAPROXY; then printf 'haproxy  %s.2:80\n' "$SUBNET"; fi
}
