# shellcheck shell=bash
# A private registry: TLS by the fleet's authority, one user. It sits on the bridge's
# own address, so that stopping it is a fault of the registry and of nothing else.

registry_alive() { proc_pid "$DIR/registry/pid" >/dev/null; }

registry_create() {
    local home="$DIR/registry" password
    mkdir -p "$home/data" "$DIR/docker"
    password=$(openssl rand -hex 16)
    (umask 077 && printf '%s' "$password" >"$home/password")
    # Cheapest bcrypt: every blob request is authenticated, and this is no bank.
    htpasswd -Bbn -C 4 shipctl "$password" >"$home/htpasswd" 2>/dev/null
    cat >"$home/config.yml" <<CONFIG
version: 0.1
log: {level: info, formatter: text}
storage:
  filesystem: {rootdirectory: $home/data}
  delete: {enabled: true}
http:
  addr: $SUBNET.1:5000
  tls: {certificate: $DIR/ca/registry.pem, key: $DIR/ca/registry-key.pem}
auth:
  htpasswd: {realm: fleet, path: $home/htpasswd}
CONFIG
    (umask 077 && printf '{"auths":{"%s.1:5000":{"auth":"%s"}}}\n' "$SUBNET" \
        "$(printf 'shipctl:%s' "$password" | base64 -w0)" >"$DIR/docker/config.json")
    give_to_caller "$home/password"
}

registry_start() {
    if registry_alive; then return; fi
    # Without the trace exporter's variables newer versions try to phone out.
    daemon "$(ns net)" "$DIR/registry/log" env OTEL_TRACES_EXPORTER=none \
        docker-registry serve "$DIR/registry/config.yml"
    proc_save "$DIR/registry/pid" "$DAEMON_PID"
}

registry_stop() { proc_end "$DIR/registry/pid" TERM; }

registry_mirror() {
    local home="$DIR/registry"
    cat >"$home/mirror.yml" <<CONFIG
version: 0.1
log: {level: info, formatter: text}
storage:
  filesystem: {rootdirectory: $home/data}
  maintenance: {readonly: {enabled: true}}
http:
  addr: $SUBNET.1:5001
CONFIG
    daemon "$(ns net)" "$home/mirror-log" env OTEL_TRACES_EXPORTER=none docker-registry serve "$home/mirror.yml"
    proc_save "$home/mirror-pid" "$DAEMON_PID"
    poll_alive 20 "$home/mirror-pid" curl -sf -m 2 -o /dev/null --noproxy '*' "http://$SUBNET.1:5001/v2/" && return
    tail -n 5 "$home/mirror-log" >&2
    die 'the mirror does not answer (log above)'
}

registry_ready() {
    curl -sf -m 2 -o /dev/null --noproxy '*' --cacert "$DIR/certs/ca.pem" \
        -u "shipctl:$(<"$DIR/registry/password")" "https://$SUBNET.1:5000/v2/"
}

registry_wait() {
    poll_alive 20 "$DIR/registry/pid" registry_ready && return
    tail -n 5 "$DIR/registry/log" >&2
    die 'the registry does not answer (log above)'
}
