//! What a plan says of images that the builder sends: how much of them each host lacks, as far as that was told.

use insta::assert_snapshot;
use shipctl::container::PinnedImage;
use shipctl::environment::Environment;
use shipctl::fleet::layers::{Holding, Layer, Layers, Store};
use shipctl::fleet::observed::Observed;
use shipctl::plan::saved;

use crate::plan_deploy::{deploy, fleet};
use crate::support::environment::{direct, environment, host, image, transferred};

/// Layers by their content, with their megabytes.
fn layers(all: &[(&str, u64)]) -> Vec<Layer> {
    all.iter().map(|(content, size)| Layer { content: (*content).to_owned(), bytes: size * 1_000_000 }).collect()
}

fn contents(all: &[&str]) -> Vec<String> {
    all.iter().map(|&content| content.to_owned()).collect()
}

fn sent(environment: &Environment, tag: &str) -> PinnedImage {
    transferred(environment, image(tag))
}

/// Three hosts that run v1, of which it is known what they have; v2 has another layer in the middle.
fn known(environment: &Environment) -> Observed {
    let v2 = layers(&[("base", 50), ("library", 8), ("app", 3)]);
    let v1 = contents(&["base", "old library", "app"]);
    let holding = |store| Holding { store, images: vec![contents(&["other"]), v1.clone()] };
    Observed {
        layers: Layers {
            images: [(sent(environment, "v2").digest().to_owned(), v2)].into(),
            held: [(host(1), holding(Store::Graph)), (host(2), holding(Store::Containerd))].into(),
        },
        ..fleet(environment, &["v1"])
    }
}

fn prepared(text: &str) -> String {
    text.lines().filter(|line| line.contains("prepare ")).map(str::trim).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_plan_says_how_much_each_host_lacks_as_its_engine_keeps_images() {
    let environment = direct(environment(3));
    let plan = deploy(&environment, &known(&environment), "v2");
    assert_snapshot!(prepared(&plan.to_string()), @r"
    prepare web1: send shop/web:v2 (763276327632): 2 of 3 layers (about 11.00 MB of 61.00 MB unpacked)
    prepare web2: send shop/web:v2 (763276327632): 1 of 3 layers (about 8.00 MB of 61.00 MB unpacked)
    prepare web3: send what is missing of shop/web:v2 (763276327632)
    ");
}

#[test]
fn a_host_that_has_all_layers_is_sent_none() {
    let environment = direct(environment(1));
    let mut observed = known(&environment);
    let all = Holding { store: Store::Graph, images: vec![contents(&["base", "library", "app"])] };
    observed.layers.held = [(host(1), all)].into();
    let plan = deploy(&environment, &observed, "v2");
    assert_snapshot!(prepared(&plan.to_string()), @"prepare web1: send shop/web:v2 (763276327632): 0 of 3 layers");
}

#[test]
fn of_two_images_with_one_base_the_base_is_sent_once() {
    let environment = direct(environment(1));
    let images = ["v1", "v2"].map(|tag| sent(&environment, tag));
    let known = Layers {
        images: [
            (images[0].digest().to_owned(), layers(&[("base", 50), ("app", 3)])),
            (images[1].digest().to_owned(), layers(&[("base", 50), ("tool", 2), ("tool", 2)])),
        ]
        .into(),
        held: [(host(1), Holding { store: Store::Graph, images: Vec::new() })].into(),
    };
    let loads = known.loads(&host(1), &images);
    let said: Vec<_> = images.iter().map(|image| loads[image.digest()].to_string()).collect();
    assert_eq!(
        said,
        ["2 of 2 layers (about 53.00 MB of 53.00 MB unpacked)", "2 of 3 layers (about 2.00 MB of 52.00 MB unpacked)"]
    );
}

#[test]
fn a_reviewed_plan_is_the_same_whatever_hosts_have_by_now() {
    let environment = direct(environment(3));
    let reviewed = deploy(&environment, &known(&environment), "v2");
    let reread = saved::read(&saved::write(&reviewed).expect("JSON")).expect("a plan");
    assert_eq!(reread, reviewed);
    let now = deploy(&environment, &fleet(&environment, &["v1"]), "v2");
    assert_ne!(now, reviewed);
    saved::compare(&reviewed, &now).expect("the same plan");
}
