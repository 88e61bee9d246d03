//! A bare Docker endpoint over TCP with TLS.

use crate::support::process::{command, finish};
use crate::support::{Fleet, Project};

#[test]
fn a_bare_endpoint_is_deployed_to_without_ssh() {
    let fleet = Fleet::start();
    let mut project = Project::new(&fleet);
    project.ssh_config = project.path("no-such-file");
    project.edit("  h1: { ssh: deploy@h1 }\n  h2: { ssh: deploy@h2 }\n", "");
    let run = project.deploy(0);
    assert_eq!(fleet.releases(), ["-", "-", "v1"]);
    fleet.assert_true(&run);
    let answer = fleet.host("h3").get("/").expect("an answer");
    assert_eq!(answer["config"], "host=h3\n\n", "files reach it as they reach the others");
}

#[test]
fn a_client_certificate_that_the_endpoint_does_not_know_is_refused() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    project.install();
    let before = fleet.snapshot();
    let (cert, key) = (project.path("stranger.pem"), project.path("stranger-key.pem"));
    let mut openssl = command("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]);
    finish(openssl.args(["-subj", "/CN=operator", "-out"]).arg(&cert).arg("-keyout").arg(&key));
    project.edit(&fleet.file("certs/cert.pem").to_string_lossy(), &cert.to_string_lossy());
    project.edit(&fleet.file("certs/key.pem").to_string_lossy(), &key.to_string_lossy());
    project.tag("v2");
    let run = project.deploy(1);
    let said = run.result["error"].to_string();
    assert!(said.contains("host h3") && !said.contains("host h1"), "{run}");
    assert_eq!(fleet.snapshot(), before);
}

#[test]
fn an_endpoint_whose_certificate_another_authority_signed_is_refused() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    let other = project.path("other-ca.pem");
    let mut openssl = command("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]);
    finish(openssl.args(["-subj", "/CN=another authority", "-keyout", "/dev/null", "-out"]).arg(&other));
    let ca = format!("tls:\n      ca: {}", fleet.file("certs/ca.pem").display());
    project.edit(&ca, &format!("tls:\n      ca: {}", other.display()));
    let run = project.deploy(1);
    let said = run.result["error"].to_string();
    assert!(said.contains("host h3") && said.contains("certificate"), "{run}");
    assert_eq!(fleet.snapshot(), Vec::<String>::new());
}
