//! kamal-proxy as a balancer. The proxy here takes the commands that its documentation describes (`deploy`, `pause`, `resume`,
//! `stop`, `list`), and lists services as it does: columns one below the other, every cell coloured, some of them empty.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use shipctl::balancer::kamal_proxy::{Done, KamalProxy, Proxy};
use shipctl::balancer::{Admin, BalancerError, LoadBalancer, Member, Members};
use shipctl::environment::balancer::KamalService;
use shipctl::name::HostName;

use crate::balancer_contract::{Case, assert_silent};

#[derive(Clone, Debug, PartialEq, Eq)]
struct Service {
    target: String,
    state: &'static str,
    options: Vec<String>,
}

/// The proxy of a host.
#[derive(Clone, Default)]
struct Sim {
    services: Arc<Mutex<BTreeMap<String, Service>>>,
    /// A target that its own check finds ill.
    ill: bool,
    is_gone: bool,
}

impl Sim {
    fn with(service: Service) -> Self {
        let sim = Self::default();
        sim.services.lock().expect("no panic").insert("shop-web".to_owned(), service);
        sim
    }

    fn service(&self) -> Service {
        self.services.lock().expect("no panic")["shop-web"].clone()
    }

    fn list(&self) -> String {
        let mut rows = vec![["Service", "Host", "Path", "Target", "State", "TLS"].map(str::to_owned)];
        rows.extend(
            self.services.lock().expect("no panic").iter().map(|(name, service)| {
                [name.as_str(), "*", "", &service.target, service.state, "no"].map(str::to_owned)
            }),
        );
        let width = |column: usize| rows.iter().map(|row: &[String; 6]| row[column].len()).max().unwrap_or(0);
        let cell = |(column, cell): (usize, &String)| {
            format!("\u{1b}[1;34m{cell}\u{1b}[0m{}  ", " ".repeat(width(column) - cell.len()))
        };
        let line = |row: &[String; 6]| row.iter().enumerate().map(cell).collect::<Vec<_>>().concat() + "\n";
        rows.iter().map(line).collect::<Vec<_>>().concat()
    }

    fn set(&self, name: &str, state: &'static str) -> Result<String, String> {
        let mut services = self.services.lock().expect("no panic");
        let service = services.get_mut(name).ok_or_else(|| "Error: service not found".to_owned())?;
        service.state = state;
        Ok(String::new())
    }

    fn do_it(&self, arguments: &[String]) -> Result<String, String> {
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        match words[..] {
            ["list"] => Ok(self.list()),
            ["pause", name, "--drain-timeout", "20000ms", "--max-pause", "60000ms"] => self.set(name, "paused"),
            ["resume", name] => self.set(name, "running"),
            [
                "deploy",
                name,
                "--target",
                target,
                "--deploy-timeout",
                "30000ms",
                "--drain-timeout",
                "20000ms",
                ref options @ ..,
            ] => {
                if self.ill {
                    return Err("Error: target failed to become healthy within configured timeout".to_owned());
                }
                let mut services = self.services.lock().expect("no panic");
                // A service keeps being paused.
                let state = services.get(name).map_or("running", |service| service.state);
                let options = options.iter().map(|&word| word.to_owned()).collect();
                services.insert(name.to_owned(), Service { target: target.to_owned(), state, options });
                Ok(String::new())
            }
            ref other => panic!("{other:?}"),
        }
    }
}

#[async_trait]
impl Proxy for Sim {
    async fn run(&self, arguments: &[String]) -> Result<Done, BalancerError> {
        if self.is_gone {
            return Err(BalancerError::Unreachable("container kamal-proxy: no such container".to_owned()));
        }
        Ok(match self.do_it(arguments) {
            Ok(output) => Done { code: Some(0), output: output.into_bytes(), complaints: String::new() },
            Err(complaints) => Done { code: Some(1), output: Vec::new(), complaints },
        })
    }
}

fn members() -> Members {
    let member = |number: u8| {
        let name = format!("web{number}");
        (
            name.clone(),
            Member { host: name.parse().expect("a name"), addresses: Vec::new(), ports: Vec::new(), bound: None },
        )
    };
    [("shop-web".to_owned(), [1, 2].map(member).into())].into()
}

fn balancer(proxies: &[Sim; 2]) -> KamalProxy {
    let proxy = |(number, sim): (usize, &Sim)| {
        let host: HostName = format!("web{}", number + 1).parse().expect("a name");
        (host, Box::new(sim.clone()) as Box<dyn Proxy>)
    };
    let service = KamalService {
        container: "kamal-proxy".to_owned(),
        target: "web:80".to_owned(),
        deploy: vec!["--host=shop.example.com".to_owned()],
        max_pause: Duration::from_mins(1),
    };
    KamalProxy::new(proxies.iter().enumerate().map(proxy).collect(), service, members(), Duration::from_secs(20))
}

fn at(target: &str, state: &'static str) -> Sim {
    Sim::with(Service { target: target.to_owned(), state, options: Vec::new() })
}

#[tokio::test]
async fn kamal_proxy_keeps_the_contract() {
    let proxies = [at("web:80", "running"), at("web:80", "running")];
    let balancer = balancer(&proxies);
    Case { balancer: &balancer, backend: "shop-web", server: "web1", other: "web2" }.holds().await;
    balancer.drain("shop-web", "web1").await.expect("a drain");
    assert_eq!((proxies[0].service().state, proxies[1].service().state), ("paused", "running"));
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_an_error() {
    let gone = || Sim { is_gone: true, ..Sim::default() };
    assert_silent(&balancer(&[gone(), gone()]), "shop-web", "web1").await;
}

#[tokio::test]
async fn a_container_of_kamals_goes_on_serving_until_ours_takes_its_place() {
    let proxies = [at("shop-web-3f2a:80", "running"), Sim::default()];
    let balancer = balancer(&proxies);
    for server in ["web1", "web2"] {
        let seen = balancer.server("shop-web", server).await.expect("an answer").expect("a server");
        assert_eq!(seen.admin, Admin::Drain, "nothing of ours gets requests");
    }
    balancer.drain("shop-web", "web1").await.expect("a drain");
    assert_eq!(proxies[0].service().state, "running", "it is not ours to pause");
    for (server, proxy) in ["web1", "web2"].into_iter().zip(&proxies) {
        balancer.admit("shop-web", server).await.expect("an admit");
        let options = vec!["--host=shop.example.com".to_owned()];
        assert_eq!(proxy.service(), Service { target: "web:80".to_owned(), state: "running", options });
    }
}

#[tokio::test]
async fn what_served_before_a_first_move_does_so_again_when_it_is_undone() {
    let proxies = [at("shop-web-3f2a:80", "running"), Sim::default()];
    let balancer = balancer(&proxies);
    balancer.admit("shop-web", "web1").await.expect("an admit");
    balancer.drain("shop-web", "web1").await.expect("a drain");
    let service = proxies[0].service();
    assert_eq!((service.target.as_str(), service.state), ("shop-web-3f2a:80", "running"));
    let seen = balancer.server("shop-web", "web1").await.expect("an answer").expect("a server");
    assert_eq!(seen.admin, Admin::Drain, "nothing of ours gets requests");
}

#[tokio::test]
async fn what_the_proxys_own_check_finds_ill_is_not_admitted() {
    let ill = Sim { ill: true, ..at("shop-web-3f2a:80", "running") };
    let balancer = balancer(&[ill.clone(), Sim::default()]);
    let Err(BalancerError::Refused(why)) = balancer.admit("shop-web", "web1").await else { panic!("it is admitted") };
    assert!(why.starts_with("kamal-proxy on web1, asked to deploy: Error: target failed"), "{why}");
    assert_eq!(ill.service().target, "shop-web-3f2a:80");
}

#[tokio::test]
async fn what_somebody_has_stopped_stays_stopped() {
    let proxies = [at("web:80", "stopped"), at("web:80", "running")];
    let balancer = balancer(&proxies);
    assert_eq!(balancer.servers("shop-web").await.expect("servers")["web1"].admin, Admin::Maintenance);
    assert!(balancer.drain("shop-web", "web1").await.is_err() && balancer.admit("shop-web", "web1").await.is_err());
    assert_eq!(proxies[0].service().state, "stopped");
}
