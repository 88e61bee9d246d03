use std::fs::File;
use std::io::{Read, Seek, Write};

use sha2::{Digest, Sha256};

use super::*;
use crate::fleet::layers::Store;

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// Contents of the layers, lowest first.
const LAYERS: [&str; 3] = ["the base, which is large", "a library", "the application"];

fn diff_ids() -> Vec<String> {
    LAYERS.map(|layer| digest(layer.as_bytes())).to_vec()
}

fn config() -> String {
    serde_json::json!({ "os": "linux", "rootfs": { "type": "layers", "diff_ids": diff_ids() } }).to_string()
}

/// What is written into an archive: a file, or a link from one name to another.
enum Put<'a> {
    File(&'a str, &'a str),
    Link(&'a str, &'a str),
    /// A file that begins as gzip does.
    Packed(&'a str),
}

fn archive(entries: &[Put<'_>]) -> File {
    let mut archive = tar::Builder::new(tempfile::tempfile().unwrap());
    for entry in entries {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        match entry {
            Put::File(name, text) => {
                header.set_size(text.len() as u64);
                archive.append_data(&mut header, name, text.as_bytes()).unwrap();
            }
            Put::Packed(name) => {
                header.set_size(3);
                archive.append_data(&mut header, name, &[0x1f, 0x8b, 8][..]).unwrap();
            }
            Put::Link(name, target) => {
                header.set_entry_type(tar::EntryType::Symlink);
                header.set_size(0);
                archive.append_link(&mut header, name, target).unwrap();
            }
        }
    }
    archive.into_inner().unwrap()
}

/// As Docker 20.10 saves it.
fn old_form() -> File {
    let manifest =
        r#"[{"Config":"c0.json","RepoTags":["shop/web:v1"],"Layers":["a/layer.tar","b/layer.tar","c/layer.tar"]}]"#;
    archive(&[
        Put::File("a/VERSION", "1.0"),
        Put::File("a/layer.tar", LAYERS[0]),
        Put::File("b/layer.tar", LAYERS[1]),
        Put::File("c/layer.tar", LAYERS[2]),
        Put::File("c0.json", &config()),
        Put::File("manifest.json", manifest),
        Put::File("repositories", "{}"),
    ])
}

/// As newer ones do: blobs, and both an index and a manifest over them. The last layer is packed, as in containerd.
fn new_form() -> File {
    let blob = |text: &str| format!("blobs/{}", digest(text.as_bytes()).replace(':', "/"));
    let layers = [blob(LAYERS[0]), blob(LAYERS[1]), format!("blobs/sha256/{}", "ab".repeat(32))];
    let manifest =
        serde_json::json!([{ "Config": blob(&config()), "RepoTags": ["shop/web:v1"], "Layers": layers }]).to_string();
    archive(&[
        Put::File(&layers[0], LAYERS[0]),
        Put::File(&layers[1], LAYERS[1]),
        Put::Packed(&layers[2]),
        Put::File(&blob(&config()), &config()),
        Put::File("index.json", "{}"),
        Put::File("manifest.json", &manifest),
        Put::File("oci-layout", "{}"),
    ])
}

/// The files of an archive that is sent, as `name: text`; digests are cut.
fn read(saved: &Saved, archive: &[Piece]) -> Vec<String> {
    let mut file = tempfile::tempfile().unwrap();
    for piece in archive {
        match piece {
            Piece::Bytes(bytes) => file.write_all(bytes).unwrap(),
            Piece::Saved { offset, size } => {
                let bytes = saved.read_at(*offset, usize::try_from(*size).unwrap()).unwrap();
                file.write_all(&bytes).unwrap();
            }
        }
    }
    file.rewind().unwrap();
    let mut archive = tar::Archive::new(file);
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let mut text = String::new();
        let name = entry.path().unwrap().display().to_string();
        // What is packed is no text.
        if entry.read_to_string(&mut text).is_err() {
            "(packed)".clone_into(&mut text);
        }
        short(&format!("{name}: {text}"))
    });
    entries.collect()
}

/// Cuts digests to what tells them apart.
fn short(text: &str) -> String {
    let known = [("base", &LAYERS[0]), ("library", &LAYERS[1]), ("app", &LAYERS[2]), ("config", &&*config())]
        .map(|(name, content)| (hex::encode(Sha256::digest(content.as_bytes())), name));
    known.iter().fold(text.to_owned(), |text, (hex, name)| text.replace(hex, name))
}

const NAME: &str = "shipctl/shop/web:c0ffee";

#[test]
fn a_graph_driver_is_sent_the_layers_that_it_lacks_and_told_of_all() {
    for form in [old_form(), new_form()] {
        let saved = Saved::read(form).unwrap();
        let sent = read(&saved, &thin(&saved, NAME, Store::Graph, &[true, true, false]));
        assert_eq!(
            sent[0],
            r#"manifest.json: [{"Config":"config.json","RepoTags":["shipctl/shop/web:c0ffee"],"Layers":["base/layer.tar","library/layer.tar","app/layer.tar"]}]"#
        );
        assert!(sent[1].starts_with("config.json: {"), "{sent:?}");
        assert!(sent[2].starts_with("app/layer.tar: "), "{sent:?}");
        assert_eq!(sent.len(), 3, "{sent:?}");
    }
}

#[test]
fn the_containerd_store_is_sent_blobs_by_their_digest() {
    let saved = Saved::read(old_form()).unwrap();
    let sent = read(&saved, &thin(&saved, NAME, Store::Containerd, &[true, false, true]));
    let names: Vec<_> = sent.iter().map(|file| file.split(": ").next().unwrap()).collect();
    assert_eq!((names[0], names[1]), ("oci-layout", "index.json"));
    assert!(sent[1].contains(r#""io.containerd.image.name":"docker.io/shipctl/shop/web:c0ffee""#), "{sent:?}");
    assert!(
        sent[2].contains(r#"{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:app","size":15}"#)
    );
    assert_eq!(&names[3..], ["blobs/sha256/config", "blobs/sha256/library"]);
    assert_eq!(sent[4], "blobs/sha256/library: a library");
}

#[test]
fn a_packed_blob_stays_what_it_is() {
    let saved = Saved::read(new_form()).unwrap();
    let sent = read(&saved, &thin(&saved, NAME, Store::Containerd, &[false, false, false]));
    let packed = "ab".repeat(32);
    assert!(sent[2].contains(&format!("v1.tar+gzip\",\"digest\":\"sha256:{packed}\"")), "{sent:?}");
    assert!(sent.iter().any(|file| file.starts_with(&format!("blobs/sha256/{packed}: "))), "{sent:?}");
}

#[test]
fn a_layer_that_occurs_twice_is_sent_once() {
    let twice = digest(LAYERS[0].as_bytes());
    let config = serde_json::json!({ "rootfs": { "diff_ids": [twice, twice] } }).to_string();
    let manifest = r#"[{"Config":"c.json","RepoTags":null,"Layers":["a/layer.tar","b/layer.tar"]}]"#;
    let saved = Saved::read(archive(&[
        Put::File("a/layer.tar", LAYERS[0]),
        Put::Link("b/layer.tar", "../a/layer.tar"),
        Put::File("c.json", &config),
        Put::File("manifest.json", manifest),
    ]));
    let saved = saved.unwrap();
    assert_eq!((saved.layers[0].offset, saved.layers[0].size), (saved.layers[1].offset, saved.layers[1].size));
    assert_eq!(read(&saved, &thin(&saved, NAME, Store::Graph, &[false, false])).len(), 3);
}

#[test]
fn what_no_engine_writes_is_refused() {
    let manifest = r#"[{"Config":"c.json","Layers":["a/layer.tar"]}]"#;
    let good = format!(r#"{{"rootfs":{{"diff_ids":["{}"]}}}}"#, digest(b"x"));
    let odd = |config: &str, manifest: &str, layer: Put<'_>| {
        let entries = [layer, Put::File("c.json", config), Put::File("manifest.json", manifest)];
        Saved::read(archive(&entries)).map(drop).map_err(|error| error.to_string())
    };
    let layer = || Put::File("a/layer.tar", "x");
    assert_eq!(odd(&good, manifest, layer()), Ok(()));
    let two = r#"[{"Config":"c.json","Layers":[]},{"Config":"c.json","Layers":[]}]"#;
    for (config, manifest, layer, why) in [
        (&*good, "[]", layer(), "it holds 0 images"),
        (&good, two, layer(), "it holds 2 images"),
        (&good, "{", layer(), "manifest.json: "),
        (&good, r#"[{"Config":"../c.json","Layers":[]}]"#, layer(), r#""../c.json" is not in it"#),
        (&good, r#"[{"Config":"c.json","Layers":[]}]"#, layer(), "0 layers, but 1 digests of layers"),
        ("{}", manifest, layer(), "the configuration: "),
        (r#"{"rootfs":{"diff_ids":["sha256:../x"]}}"#, manifest, layer(), "is no digest"),
        (&good, manifest, Put::File("b/layer.tar", "x"), r#""a/layer.tar" is not in it"#),
        (&good, manifest, Put::Link("a/layer.tar", "../../../etc/passwd"), r#""a/layer.tar" is not in it"#),
        (&good, manifest, Put::Link("a/layer.tar", "layer.tar"), r#""a/layer.tar" is not in it"#),
        (&" ".repeat(5 << 20), manifest, layer(), "has 5242880 bytes"),
    ] {
        let said = odd(config, manifest, layer).unwrap_err();
        assert!(said.contains(why), "{said} / {why}");
    }
    let without = Saved::read(archive(&[Put::File("a/layer.tar", "x")])).unwrap_err().to_string();
    assert_eq!(without, r#"the saved image is odd: "manifest.json" is not in it"#);
    let names: Vec<_> = (0..5000).map(|number| number.to_string()).collect();
    let many: Vec<_> = names.iter().map(|name| Put::File(name, "")).collect();
    assert!(Saved::read(archive(&many)).unwrap_err().to_string().contains("more than 4096 entries"));
    let mut cut = old_form();
    cut.set_len(700).unwrap();
    cut.rewind().unwrap();
    assert!(Saved::read(cut).is_err());
}

/// A saved layer as it is packed.
fn layer(saved: &Saved, number: usize) -> Packed {
    let Layer { offset, size, .. } = saved.layers[number];
    let mut packing = Packing::begin(saved, offset, size, tempfile::tempfile().unwrap());
    while !packing.go_on(saved).unwrap() {}
    packing.end().unwrap()
}

#[test]
fn a_layer_gets_smaller_unless_it_is_packed_already() {
    // More than is packed at once, and all the same; the second one begins as gzip does.
    let text = |begin: &[u8]| [begin, &vec![b'x'; 3 << 20][..]].concat();
    let (plain, gzip) = (text(b""), text(&[0x1f, 0x8b, 8]));
    let config = serde_json::json!({ "rootfs": { "diff_ids": [digest(&plain), digest(&gzip)] } }).to_string();
    let manifest = r#"[{"Config":"c.json","Layers":["a/layer.tar","b/layer.tar"]}]"#;
    let mut archive = tar::Builder::new(tempfile::tempfile().unwrap());
    for (name, bytes) in [
        ("a/layer.tar", &plain[..]),
        ("b/layer.tar", &gzip),
        ("c.json", config.as_bytes()),
        ("manifest.json", manifest.as_bytes()),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        archive.append_data(&mut header, name, bytes).unwrap();
    }
    let saved = Saved::read(archive.into_inner().unwrap()).unwrap();
    assert!(layer(&saved, 0).size() < 100_000);
    let kept = layer(&saved, 1).size();
    assert!((3 << 20..(3 << 20) + 10_000).contains(&kept), "{kept}");
}
