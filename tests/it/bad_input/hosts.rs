//! Addresses: what gets past here is handed to ssh and to sockets.

use super::{Case, catalogue};

#[test]
fn hosts() {
    let ssh = |name, text: &str| Case::hosts(name, &format!("a: {{ ssh: {text} }}"));
    let docker = |name, text: &str| Case::hosts(name, &format!("a: {{ docker: {text} }}"));
    let long = "a".repeat(300);
    let cases = vec![
        Case::hosts("no host", ""),
        Case::hosts("a host that is nothing", "a:"),
        Case::hosts("a host that is reached in two ways", "a: { ssh: a, docker: unix:///a }"),
        Case::hosts("a host twice", "a: { ssh: a }, a: { ssh: b }"),
        Case::hosts("one machine by two names", "a: { ssh: root@h }, b: { ssh: \"H:22\" }"),
        Case::hosts("one machine by two names with a dot at the end", "a: { ssh: h }, b: { ssh: h. }"),
        Case::hosts(
            "one machine by two spellings of its address",
            "a: { ssh: '[::1]' }, b: { ssh: '[0:0:0:0:0:0:0:1]' }",
        ),
        Case::hosts("one socket by two spellings", "a: { docker: unix:///run/d }, b: { docker: unix:///run//d }"),
        Case::hosts("a name in upper case", "Web1: { ssh: a }"),
        Case::hosts("a name with an escape", "\"a\\e[31m\": { ssh: a }"),
        Case::hosts("a name with a line end", "\"a\\nb\": { ssh: a }"),
        Case::hosts("a name with a NUL", "\"a\\0\": { ssh: a }"),
        Case::hosts("a name of 64 letters", &format!("{}: {{ ssh: a }}", "a".repeat(64))),
        ssh("an option of ssh", "-oProxyCommand=touch"),
        ssh("a long option of ssh", "--help"),
        ssh("an empty destination", "''"),
        ssh("a list of destinations", "[a, b]"),
        ssh("a space", "'a b'"),
        ssh("a command of a shell", "'a;b'"),
        ssh("a command in a dollar", "$$(touch x)"),
        ssh("a command in backquotes", "'`touch x`'"),
        ssh("a line end", "\"h\\nh2\""),
        ssh("an address in IPv6 without brackets", "'::1'"),
        ssh("brackets around a name", "'[web1]'"),
        ssh("a bracket without its end", "'[::1'"),
        ssh("a name in another alphabet", "wéb.example"),
        ssh("a name of 300 letters", &long),
        ssh("a host that is an option", "user@-host"),
        ssh("a user that is an option", "'-l@host'"),
        ssh("a user with a command", "'root;id@host'"),
        ssh("a user with an at sign", "a@b@c"),
        ssh("a user with an escape", "\"a\\e@h\""),
        ssh("an empty user", "'@host'"),
        ssh("a port of 0", "'h:0'"),
        ssh("a port of 70000", "'h:70000'"),
        ssh("an empty port", "'h:'"),
        ssh("a token of ssh", "'%h'"),
        ssh("a destination with its scheme", "ssh://root@h"),
        docker("TCP without TLS", "tcp://h:2375"),
        docker("TCP without a port", "tcp://h"),
        docker("TCP with a path", "tcp://h:2376/v1.41"),
        docker("TCP with a query", "tcp://h:2376?a=b"),
        docker("TCP with a user", "tcp://root@h:2376"),
        docker("a socket that is relative", "unix://docker.sock"),
        docker("a socket without a path", "unix:///"),
        docker("a pipe of Windows", "npipe:////./pipe/docker_engine"),
        docker("HTTP", "http://h:2375"),
        docker("HTTPS", "https://h:2376"),
        docker("a scheme in upper case", "TCP://h:2376"),
        docker("no scheme", "h:2375"),
        docker("SSH under docker", "ssh://root@h"),
        Case::hosts("half of the TLS files", "a: { docker: tcp://h:2376, tls: { ca: none.pem } }"),
        Case::hosts("TLS for a socket", "a: { docker: unix:///a, tls: {}, insecure: true }"),
        Case::hosts("a key that is unknown", "a: { ssh: a, lables: { b: c } }"),
    ];
    insta::assert_snapshot!("hosts", catalogue(cases));
}
