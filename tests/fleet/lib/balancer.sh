# shellcheck shell=bash
# Balancers as machines of their own: lb1, lb2, … with HAProxy and an SSH server, and no engine.
#
# Nothing here helps a request along: no retry, no other server when one does not answer, no connection used twice
# (`retries 0`, no `redispatch`, `http-reuse never`). What fails, fails for the client to see.

balancers() { if ((BALANCERS)); then seq -f 'lb%g' 1 "$BALANCERS"; fi; }

# Checked every 200 ms, or with --check none not at all: then a server is up unless it is told otherwise.
balancer_config() {
    local host check="check $CHECK"
    if [[ $CHECK == none ]]; then check=''; fi
    cat <<CONFIG
global
    user haproxy
    group haproxy
    stats socket /run/haproxy/admin.sock user haproxy group haproxy mode 660 level admin expose-fd listeners
    server-state-file /var/lib/haproxy/server-state
    log stdout format raw local0
    maxconn 4000
    nbthread 1
    hard-stop-after 30s

defaults
    mode http
    log global
    option httplog
    option dontlog-normal
    retries 0
    no option redispatch
    http-reuse never
    load-server-state-from-file global
    timeout connect 2s
    timeout queue 5s
    timeout client 60s
    timeout server 60s
    timeout check 1s

frontend web
    bind $(host_addr "$1"):80
    default_backend app

backend app
    balance roundrobin
    option httpchk GET /up
CONFIG
    for host in $(hosts); do
        printf '    server %s %s:8080 %s\n' "$host" "$(host_addr "$host")" "$check"
    done
}

# A balancer answers 503 as long as no host runs anything.
balancer_ready() {
    curl -s -m 2 -o /dev/null --noproxy '*' "http://$(host_addr "$1")/" && host_ssh_ready "$1"
}

# shellcheck disable=SC2317  # called by poll
balancer_gone() { ! host_exec "$1" test -d "/proc/$2"; }

# balancer_do ACTION LB
balancer_do() {
    local action=$1 name=$2 pid signal
    [[ $(host_kind "$name") == balancer ]] || usage_error "$name is no balancer"
    host_pid "$name" >/dev/null || die "$name is off"
    if [[ $action == start ]]; then
        if host_exec "$name" test -e /run/haproxy.pid; then die "$name: haproxy is running"; fi
        host_exec "$name" bash /etc/fleet/run service haproxy
        poll 10 balancer_ready "$name" || die "$name: haproxy does not come up"
        return
    fi
    pid=$(host_exec "$name" cat /run/haproxy.pid) || die "$name: haproxy is not running"
    case $action in
        stop) signal=TERM ;;
        kill) signal=KILL ;;
        reload) signal=USR2 ;;
        *) usage_error 'balancer start|stop|kill|reload LB' ;;
    esac
    host_exec "$name" kill "-$signal" "$pid"
    if [[ $action == reload ]]; then return; fi
    poll 10 balancer_gone "$name" "$pid" || die "$name: haproxy does not end"
    # shellcheck disable=SC2016  # expanded inside the host
    # Workers end with their master, also with one that is killed.
    host_exec "$name" bash -c '
        while read -r pid; do kill -KILL "$pid"; done < <(pgrep -x haproxy) 2>/dev/null
        rm -f /run/haproxy.pid'
}

# Its configuration as it was after `up`, and no memory of what servers were told.
balancer_wipe() {
    local name=$1
    host_pid "$name" >/dev/null || host_boot "$name"
    net_link "$name" up
    if host_exec "$name" test -e /run/haproxy.pid; then balancer_do stop "$name"; fi
    host_exec "$name" bash -c 'cat >/etc/haproxy/haproxy.cfg; rm -f /var/lib/haproxy/*' < <(balancer_config "$name")
    balancer_do start "$name"
}
