use serde_json::json;

use super::*;

fn members(ports: &[u16]) -> Members {
    let member = |number: u8| {
        let addresses = vec![format!("10.0.0.{number}")];
        (
            format!("h{number}"),
            Member {
                host: format!("h{number}").parse().expect("a name"),
                addresses,
                ports: ports.to_vec(),
                bound: None,
            },
        )
    };
    ["web", "shop.example.com", "srv0"].map(|name| (name.to_owned(), (1..=3).map(member).collect())).into()
}

fn proxy(dials: &[&str]) -> Value {
    let upstreams: Vec<_> = dials.iter().map(|dial| json!({ "dial": dial, "max_requests": 9 })).collect();
    json!({ "handler": "reverse_proxy", "upstreams": upstreams })
}

const ALL: [&str; 3] = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"];

fn app() -> App {
    let site = json!({ "handler": "subroute", "routes": [{ "handle": [proxy(&ALL)] }] });
    App::new(json!({ "servers": { "srv0": { "listen": [":80"], "routes": [
        { "match": [{ "host": ["shop.example.com"] }], "handle": [site] },
    ] } } }))
}

fn counts() -> Value {
    let counts: Vec<_> = ALL.iter().map(|dial| json!({ "address": dial, "num_requests": 2, "fails": 0 })).collect();
    json!(counts)
}

fn dials(app: &App) -> Vec<&str> {
    let handler = app.0.pointer("/servers/srv0/routes/0/handle/0/routes/0/handle/0").expect("the handler");
    upstreams(handler).iter().map(dial).collect()
}

#[test]
fn what_is_drained_is_still_there_and_comes_back_to_its_place() {
    let (members, mut app) = (members(&[80]), app());
    let (backend, untouched) = ("shop.example.com", app.0.clone());
    for server in ["h2", "h1"] {
        assert_eq!(app.park(backend, server, &members[backend][server], &members), Ok(true));
        assert_eq!(app.park(backend, server, &members[backend][server], &members), Ok(false), "it is idempotent");
    }
    assert_eq!(dials(&app), ["10.0.0.3:80"]);
    let servers = app.servers(backend, &counts(), &members).expect("servers");
    let seen: Vec<_> = servers.iter().map(|(name, one)| (name.as_str(), one.admin, one.sessions)).collect();
    let two = Some(2);
    assert_eq!(seen, [("h1", Admin::Drain, two), ("h2", Admin::Drain, two), ("h3", Admin::Ready, two)]);
    for server in ["h1", "h2"] {
        assert_eq!(app.restore(backend, server, &members[backend][server], &members), Ok(true));
        assert_eq!(app.restore(backend, server, &members[backend][server], &members), Ok(false), "it is idempotent");
    }
    assert_eq!(app.0, untouched);
}

#[test]
fn the_last_upstream_can_be_drained_and_comes_back() {
    let (members, mut app) = (members(&[80]), app());
    for server in ["h1", "h2", "h3"] {
        app.park("srv0", server, &members["srv0"][server], &members).expect("parked");
    }
    assert!(dials(&app).is_empty());
    assert!(app.restore("srv0", "h2", &members["srv0"]["h2"], &members).expect("restored"));
    assert_eq!(dials(&app), ["10.0.0.2:80"]);
    for server in ["h3", "h1"] {
        app.restore("srv0", server, &members["srv0"][server], &members).expect("restored");
    }
    assert_eq!(dials(&app), ALL, "in whatever order they come back");
}

#[test]
fn a_backend_is_an_id_a_domain_or_a_server_and_never_a_guess() {
    let members = members(&[80]);
    let mut app = app();
    for backend in ["shop.example.com", "srv0"] {
        assert_eq!(app.servers(backend, &counts(), &members).expect("servers").len(), 3);
    }
    let refused = app.servers("web", &counts(), &members).expect_err("nothing is called so");
    assert_eq!(refused.to_string(), "Caddy has no reverse_proxy with the @id, domain or server `web`");
    let routes = app.0.pointer_mut("/servers/srv0/routes").and_then(Value::as_array_mut).expect("routes");
    routes.push(json!({ "handle": [proxy(&["10.9.0.9:80"])] }));
    assert_eq!(app.servers("srv0", &counts(), &members).expect("the one with hosts").len(), 3);
    let routes = app.0.pointer_mut("/servers/srv0/routes").and_then(Value::as_array_mut).expect("routes");
    let mut named = proxy(&ALL);
    named["@id"] = json!("web");
    routes.push(json!({ "handle": [named] }));
    let refused = app.servers("srv0", &counts(), &members).expect_err("two have hosts");
    assert_eq!(refused.to_string(), "Caddy has 3 handlers for `srv0`: give the right one an @id");
    assert_eq!(app.servers("web", &counts(), &members).expect("by its @id").len(), 3);
}

#[test]
fn an_upstream_that_is_no_hosts_keeps_its_address_and_none_is_touched_for_another() {
    let (members, mut app) = (members(&[8080]), app());
    let servers = app.servers("srv0", &counts(), &members).expect("servers");
    assert_eq!(servers.keys().collect::<Vec<_>>(), ALL.iter().collect::<Vec<_>>(), "the port is another");
    let refused = app.park("srv0", "h1", &members["srv0"]["h1"], &members).expect_err("no upstream");
    assert_eq!(refused.to_string(), "Caddy has no upstream for h1 in `srv0`");
    assert!(app.restore("srv0", "h1", &members["srv0"]["h1"], &members).is_err());
    assert!(app.servers("srv0", &json!([]), &members).is_err(), "what is not counted is not idle");
}
