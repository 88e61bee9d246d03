# shellcheck shell=bash
# The load balancer in front of all hosts, as a "machine" of its own.

haproxy_create() {
    local home="$DIR/haproxy" host
    mkdir -p "$home"
    cat >"$home/haproxy.cfg" <<CONFIG
global
    stats socket $home/admin.sock mode 660 level admin expose-fd listeners
    log stdout format raw local0
    maxconn 4000

defaults
    mode http
    log global
    option httplog
    option dontlog-normal
    timeout connect 500ms
    timeout queue 5s
    timeout client 60s
    timeout server 60s
    timeout check 500ms
    timeout tunnel 1h

frontend web
    bind $SUBNET.2:80
    # Sending a POST twice because the first answer got lost is not a retry but a fault.
    http-request disable-l7-retry if ! { method GET HEAD OPTIONS }
    default_backend app

backend app
    balance roundrobin
    option httpchk GET /up
    retries 3
    option redispatch 1
    retry-on conn-failure empty-response
    default-server check inter 200ms fall 2 rise 1
CONFIG
    for host in $(hosts); do
        printf '    server %s %s:8080\n' "$host" "$(host_addr "$host")" >>"$home/haproxy.cfg"
    done
}

haproxy_start() {
    net_attach lb "$SUBNET.2"
    daemon "$(ns lb)" "$DIR/haproxy/log" haproxy -db -f "$DIR/haproxy/haproxy.cfg"
    proc_save "$DIR/haproxy/pid" "$DAEMON_PID"
}

# 503 is the right answer of a balancer whose hosts run nothing yet.
haproxy_ready() {
    [[ -S $DIR/haproxy/admin.sock ]] && curl -s -m 2 -o /dev/null --noproxy '*' "http://$SUBNET.2/"
}

haproxy_wait() {
    if poll_alive 20 "$DIR/haproxy/pid" haproxy_ready; then
        give_to_caller "$DIR/haproxy/admin.sock"
        return
    fi
    tail -n 5 "$DIR/haproxy/log" >&2
    die 'haproxy does not answer (log above)'
}
