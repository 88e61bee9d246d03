//! The archive that `docker save` makes, in each of its forms: its layers by their place in the file.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::fs::FileExt;

use serde::Deserialize;
use tar::{Archive, EntryType};

/// The most entries of an archive. Older engines write three for each layer.
const MAX_ENTRIES: usize = 4096;
/// The most bytes of what is read into memory: manifest and configuration.
const MAX_TEXT: u64 = 4 << 20;
/// Media type of a layer that is not packed.
const PLAIN: &str = "application/vnd.oci.image.layer.v1.tar";

/// Why an archive is not taken for an image.
#[derive(Debug, thiserror::Error)]
pub enum OddArchive {
    /// It cannot be read.
    #[error("the saved image cannot be read: {0}")]
    Read(#[from] io::Error),
    /// It is not what engines write.
    #[error("the saved image is odd: {0}")]
    Odd(String),
}

/// A layer of a saved image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Digest of what is in it, unpacked.
    pub diff_id: String,
    /// Digest of the file, which differs if it is packed.
    pub digest: String,
    /// Its media type.
    pub media_type: &'static str,
    /// Where it begins in the archive.
    pub offset: u64,
    /// Its bytes there.
    pub size: u64,
}

impl Layer {
    /// Whether it lies packed in the archive.
    pub fn is_packed(&self) -> bool {
        self.media_type != PLAIN
    }
}

/// One image, saved.
#[derive(Debug)]
pub struct Saved {
    /// Its configuration, to the byte: its digest is the image's id in many engines.
    pub config: Vec<u8>,
    /// Its layers, lowest first.
    pub layers: Vec<Layer>,
    file: File,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    config: String,
    layers: Vec<String>,
}

#[derive(Deserialize)]
struct Config {
    rootfs: RootFs,
}

#[derive(Deserialize)]
struct RootFs {
    diff_ids: Vec<String>,
}

/// A file of the archive, or another name of one.
enum Found {
    File { offset: u64, size: u64 },
    Link(String),
}

impl Saved {
    /// Finds the one image of an archive.
    pub fn read(mut file: File) -> Result<Self, OddArchive> {
        file.rewind()?;
        let found = index(&file)?;
        let manifest = text(&file, &found, "manifest.json")?;
        let entries: Vec<Entry> = parsed(&manifest, "manifest.json")?;
        let [entry] = &entries[..] else { return Err(odd(format!("it holds {} images", entries.len()))) };
        let config = text(&file, &found, &entry.config)?;
        let Config { rootfs: RootFs { diff_ids } } = parsed(&config, "the configuration")?;
        if diff_ids.len() != entry.layers.len() {
            return Err(odd(format!("{} layers, but {} digests of layers", entry.layers.len(), diff_ids.len())));
        }
        let layers = diff_ids.into_iter().zip(&entry.layers).map(|(diff_id, path)| layer(&file, &found, diff_id, path));
        Ok(Self { layers: layers.collect::<Result<_, _>>()?, config, file })
    }

    /// Reads bytes of a layer. It is not to be called where nothing may block.
    pub fn read_at(&self, offset: u64, size: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; size];
        self.file.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }
}

fn odd(what: impl Into<String>) -> OddArchive {
    OddArchive::Odd(what.into())
}

fn index(file: &File) -> Result<HashMap<String, Found>, OddArchive> {
    let mut found = HashMap::new();
    let mut archive = Archive::new(file);
    for entry in archive.entries_with_seek()? {
        let entry = entry?;
        if found.len() == MAX_ENTRIES {
            return Err(odd(format!("it has more than {MAX_ENTRIES} entries")));
        }
        let name = entry.path()?.to_string_lossy().trim_start_matches("./").to_owned();
        let what = match entry.header().entry_type() {
            EntryType::Regular | EntryType::Continuous => {
                Found::File { offset: entry.raw_file_position(), size: entry.size() }
            }
            // Older engines write a layer that occurs twice once, and a link to it.
            EntryType::Symlink | EntryType::Link => {
                let link = entry.link_name()?.map(|link| link.to_string_lossy().into_owned()).unwrap_or_default();
                let is_relative = entry.header().entry_type() == EntryType::Symlink;
                Found::Link(if is_relative { beside(&name, &link) } else { link })
            }
            _ => continue,
        };
        found.insert(name, what);
    }
    Ok(found)
}

/// What a link in an archive leads to, as a name in the archive.
fn beside(name: &str, link: &str) -> String {
    let mut parts: Vec<&str> = name.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn place(found: &HashMap<String, Found>, name: &str) -> Result<(u64, u64), OddArchive> {
    let missing = || odd(format!("{name:?} is not in it"));
    let target = match found.get(name).ok_or_else(missing)? {
        Found::File { offset, size } => return Ok((*offset, *size)),
        Found::Link(target) => target,
    };
    // A link to a link is nothing that engines write, and may be a circle.
    match found.get(target) {
        Some(Found::File { offset, size }) => Ok((*offset, *size)),
        _ => Err(missing()),
    }
}

fn text(file: &File, found: &HashMap<String, Found>, name: &str) -> Result<Vec<u8>, OddArchive> {
    let (offset, size) = place(found, name)?;
    if size > MAX_TEXT {
        return Err(odd(format!("{name:?} has {size} bytes")));
    }
    let mut bytes = Vec::new();
    let mut at = file;
    at.seek(io::SeekFrom::Start(offset))?;
    at.take(size).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn parsed<'a, T: Deserialize<'a>>(json: &'a [u8], what: &str) -> Result<T, OddArchive> {
    serde_json::from_slice(json).map_err(|error| odd(format!("{what}: {error}")))
}

fn layer(file: &File, found: &HashMap<String, Found>, diff_id: String, path: &str) -> Result<Layer, OddArchive> {
    if !is_digest(&diff_id) {
        return Err(odd(format!("{diff_id:?} is no digest")));
    }
    let (offset, size) = place(found, path)?;
    let mut magic = [0; 4];
    let read = file.read_at(&mut magic, offset)?;
    let media_type = match &magic[..read.min(usize::try_from(size).unwrap_or(usize::MAX))] {
        [0x1f, 0x8b, ..] => "application/vnd.oci.image.layer.v1.tar+gzip",
        [0x28, 0xb5, 0x2f, 0xfd] => "application/vnd.oci.image.layer.v1.tar+zstd",
        _ => PLAIN,
    };
    // The name says it where engines write blobs; elsewhere they are not packed.
    let blob = path.strip_prefix("blobs/sha256/").map(|hex| format!("sha256:{hex}"));
    let digest = blob.filter(|digest| is_digest(digest)).unwrap_or_else(|| diff_id.clone());
    Ok(Layer { diff_id, digest, media_type, offset, size })
}

fn is_digest(text: &str) -> bool {
    let hex = text.strip_prefix("sha256:").unwrap_or_default();
    hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}
