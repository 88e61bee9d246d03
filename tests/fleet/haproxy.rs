//! The shipped configuration of a balancer, as the balancer itself reads it.

use crate::support::process::{command, finish};

#[test]
fn haproxy_accepts_the_shipped_template_whatever_is_quoted_into_it() {
    let project = tempfile::tempdir().expect("a directory");
    let write = |path: &str, text: &[u8]| {
        let path = project.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        std::fs::write(path, text).expect("a file");
    };
    let shipped = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    for template in ["haproxy.cfg.j2", "parts/header.j2"] {
        write(&format!("templates/{template}"), &std::fs::read(shipped.join(template)).expect("a shipped template"));
    }
    let manifest = r#"project: shop
hosts:
  web1: { ssh: deploy@10.0.0.1 }
  web2: { ssh: deploy@10.0.0.2, labels: { standby: "true" } }
configs: { it: { template: templates/haproxy.cfg.j2, variables: { port: "80", path: "/up?a='b c'\"$$x#\\" } } }
services:
  front: { image: shop/front, health: none, ports: ["80:8080"], configs: [{ source: it, target: /etc/it }] }
"#;
    write("environments/prod.yml", manifest.as_bytes());
    let rendered = finish(
        command(env!("CARGO_BIN_EXE_shipctl"))
            .current_dir(project.path())
            .args(["config", "render", "prod", "--host", "web1"]),
    );
    write("haproxy.cfg", rendered.as_bytes());
    finish(command("haproxy").args(["-c", "-f"]).arg(project.path().join("haproxy.cfg")));
}
