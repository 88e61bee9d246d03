# shellcheck shell=bash
# Keys: the fleet's own certificate authority and SSH keys. Elliptic curves, because
# RSA key generation alone would take longer than starting the fleet.

# certs_issue FILE-STEM COMMON-NAME USAGE ALT-NAMES : FILE-STEM.pem and FILE-STEM-key.pem
certs_issue() {
    local stem=$1 subject=$2 usage=$3 alt=$4
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
        -subj "/CN=$subject" -keyout "$stem-key.pem" -out "$stem.csr" 2>/dev/null
    openssl x509 -req -in "$stem.csr" -days 30 -CA "$DIR/certs/ca.pem" -CAkey "$DIR/ca/ca-key.pem" \
        -set_serial "0x$(openssl rand -hex 15)" -out "$stem.pem" -extfile - 2>/dev/null <<EXT
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = $usage
subjectAltName = $alt
EXT
    rm -f "$stem.csr"
}

certs_create() {
    mkdir -p "$DIR/ca" "$DIR/certs" "$DIR/ssh/hostkeys"
    chmod 700 "$DIR/ca" "$DIR/certs" "$DIR/ssh"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \
        -subj "/CN=fleet $NAME CA" -addext 'keyUsage = critical, keyCertSign, cRLSign' \
        -keyout "$DIR/ca/ca-key.pem" -out "$DIR/certs/ca.pem" 2>/dev/null
    if [[ $TCP != none ]]; then
        certs_issue "$DIR/ca/$TCP" "$TCP" serverAuth "IP:$(host_addr "$TCP"), DNS:$TCP"
        # The names ca.pem, cert.pem, key.pem are what DOCKER_CERT_PATH expects.
        certs_issue "$DIR/ca/client" operator clientAuth DNS:operator
        mv "$DIR/ca/client.pem" "$DIR/certs/cert.pem"
        mv "$DIR/ca/client-key.pem" "$DIR/certs/key.pem"
    fi
    $REGISTRY && certs_issue "$DIR/ca/registry" registry serverAuth "IP:$SUBNET.1, DNS:registry"
    ssh-keygen -q -t ed25519 -N '' -C operator -f "$DIR/ssh/id_ed25519"
    local host
    for host in $(machines_ssh); do certs_hostkey "$host"; done
    certs_ssh_config
}

certs_hostkey() {
    rm -f "$DIR/ssh/hostkeys/$1" "$DIR/ssh/hostkeys/$1.pub"
    ssh-keygen -q -t ed25519 -N '' -C "$1" -f "$DIR/ssh/hostkeys/$1"
}

# Strict on purpose: a fleet that accepts any host key could not show that a changed
# one is refused.
certs_ssh_config() {
    local host address
    : >"$DIR/ssh/known_hosts"
    {
        for host in $(machines_ssh); do
            address=$(host_addr "$host")
            printf 'Host %s %s\n    HostName %s\n' "$host" "$address" "$address"
            printf '%s,%s %s\n' "$host" "$address" "$(cut -d' ' -f1,2 "$DIR/ssh/hostkeys/$host.pub")" \
                >>"$DIR/ssh/known_hosts"
        done
        cat <<CONFIG
Host *
    User deploy
    IdentityFile $DIR/ssh/id_ed25519
    IdentitiesOnly yes
    UserKnownHostsFile $DIR/ssh/known_hosts
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
    UpdateHostKeys no
    BatchMode yes
    ConnectTimeout 5
CONFIG
    } >"$DIR/ssh/config"
    give_to_caller "$DIR/ssh"
}
