//! What an image consists of, as one digest that every engine gives the same: an id is that of its configuration in one
//! kind of store and that of its manifest in the other, and neither survives the way from one to the other.

use std::collections::BTreeMap;

use bollard::models::{ImageConfig, ImageInspect};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// All that makes containers of an image what they are.
#[derive(Serialize)]
struct Content<'a> {
    os: &'a str,
    architecture: &'a str,
    variant: &'a str,
    layers: &'a [String],
    user: &'a str,
    working_dir: &'a str,
    stop_signal: &'a str,
    env: &'a [String],
    entrypoint: &'a [String],
    cmd: &'a [String],
    shell: &'a [String],
    on_build: &'a [String],
    ports: Vec<&'a String>,
    volumes: Vec<&'a String>,
    labels: BTreeMap<&'a String, &'a String>,
    healthcheck: Option<Probe<'a>>,
}

/// What an image says about its health. Newer engines have further fields, which older ones would lose.
#[derive(Serialize)]
struct Probe<'a> {
    test: &'a [String],
    interval: i64,
    timeout: i64,
    retries: i64,
    start_period: i64,
}

/// `sha256:…` of an image's layers and configuration. What is empty counts as absent, as engines differ in that; `None` for
/// an image whose layers the engine does not tell.
pub fn content(image: &ImageInspect) -> Option<String> {
    let layers = layers(image)?;
    let none = ImageConfig::default();
    let config = image.config.as_ref().unwrap_or(&none);
    let content = Content {
        os: text(image.os.as_ref()),
        architecture: text(image.architecture.as_ref()),
        variant: text(image.variant.as_ref()),
        layers,
        user: text(config.user.as_ref()),
        working_dir: text(config.working_dir.as_ref()),
        stop_signal: text(config.stop_signal.as_ref()),
        env: list(config.env.as_ref()),
        entrypoint: list(config.entrypoint.as_ref()),
        cmd: list(config.cmd.as_ref()),
        shell: list(config.shell.as_ref()),
        on_build: list(config.on_build.as_ref()),
        ports: sorted(config.exposed_ports.as_ref()),
        volumes: sorted(config.volumes.as_ref()),
        labels: config.labels.iter().flatten().collect(),
        healthcheck: config.healthcheck.as_ref().map(|probe| Probe {
            test: list(probe.test.as_ref()),
            interval: probe.interval.unwrap_or_default(),
            timeout: probe.timeout.unwrap_or_default(),
            retries: probe.retries.unwrap_or_default(),
            start_period: probe.start_period.unwrap_or_default(),
        }),
    };
    let json = serde_json::to_vec(&content).unwrap_or_else(|error| unreachable!("an image is plain data: {error}"));
    Some(format!("sha256:{}", hex::encode(Sha256::digest(json))))
}

/// Digests of an image's layers as they are unpacked, lowest first.
pub fn layers(image: &ImageInspect) -> Option<&[String]> {
    image.root_fs.as_ref()?.layers.as_deref().filter(|layers| !layers.is_empty())
}

fn text(text: Option<&String>) -> &str {
    text.map_or("", String::as_str)
}

fn list(list: Option<&Vec<String>>) -> &[String] {
    list.map_or(&[], Vec::as_slice)
}

fn sorted(list: Option<&Vec<String>>) -> Vec<&String> {
    let mut sorted: Vec<_> = list.into_iter().flatten().collect();
    sorted.sort();
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(json: &str) -> ImageInspect {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn two_stores_tell_one_content_for_one_image() {
        let graph = r#"{ "Id": "sha256:aa", "Os": "linux", "Architecture": "amd64", "RootFS": { "Type": "layers", "Layers": ["sha256:1", "sha256:2"] },
            "Config": { "Hostname": "", "User": "", "Env": ["A=1"], "Cmd": ["/app"], "Image": "sha256:parent", "Volumes": null,
            "Labels": { "b": "2", "a": "1" }, "ExposedPorts": { "80/tcp": {}, "443/tcp": {} } } }"#;
        let containerd = r#"{ "Id": "sha256:bb", "Os": "linux", "Architecture": "amd64", "RootFS": { "Type": "layers", "Layers": ["sha256:1", "sha256:2"] },
            "Config": { "Env": ["A=1"], "Cmd": ["/app"], "Labels": { "a": "1", "b": "2" }, "ExposedPorts": { "443/tcp": {}, "80/tcp": {} } } }"#;
        assert_eq!(content(&image(graph)), content(&image(containerd)));
        assert!(content(&image(graph)).unwrap().starts_with("sha256:"));
        for changed in
            [("sha256:2", "sha256:3"), ("A=1", "A=2"), ("/app", "/other"), ("amd64", "arm64"), ("443", "444")]
        {
            assert_ne!(content(&image(graph)), content(&image(&graph.replace(changed.0, changed.1))), "{changed:?}");
        }
    }

    #[test]
    fn an_image_without_layers_has_no_content() {
        assert_eq!(content(&image(r#"{ "Id": "sha256:aa" }"#)), None);
    }
}
