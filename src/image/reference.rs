//! Image references as people write them, read by Docker's own rules. Pure.

use std::fmt;
use std::str::FromStr;

use super::digest::{Digest, InvalidDigest};

/// The registry that Docker means when a name has none.
pub const DEFAULT_REGISTRY: &str = "docker.io";

/// The tag that Docker means when a reference has neither tag nor digest.
pub const DEFAULT_TAG: &str = "latest";

/// The most bytes of `host/path` that registries and engines accept.
const MAX_NAME: usize = 255;

/// Why a text is not an image reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidReference {
    /// Nothing at all.
    #[error("an image reference may not be empty")]
    Empty,
    /// The part before the first `/` is meant as a registry, but is none.
    #[error("{0:?} is not a registry: expected `host` or `host:port`")]
    Registry(String),
    /// A part of the path breaks the rules because of its case; the most frequent mistake by far.
    #[error("{0:?} is not a repository name: it must be lower case")]
    UpperCase(String),
    /// A part of the path breaks the rules.
    #[error("{0:?} is not a repository name: expected a-z and 0-9, separated by `/`, `.`, `_`, `__` or `-`")]
    Path(String),
    /// The whole name is too long.
    #[error("the name is longer than {MAX_NAME} characters")]
    Long,
    /// What follows `:` is not a tag.
    #[error("{0:?} is not a tag: expected 1 to 128 of A-Z, a-z, 0-9, `_`, `.` and `-`, not beginning with `.` or `-`")]
    Tag(String),
    /// What follows `@` is not a digest.
    #[error(transparent)]
    Digest(#[from] InvalidDigest),
}

/// An image reference as it is written: `[host[:port]/]path[:tag][@digest]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageName {
    registry: Option<String>,
    path: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

impl ImageName {
    /// The registry, if one is written.
    pub fn registry(&self) -> Option<&str> {
        self.registry.as_deref()
    }

    /// The repository within its registry, as it is written.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The tag, if one is written.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, if one is written.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The name as it is written, with this tag: what people know the image by.
    pub fn label(&self, tag: Option<&str>) -> String {
        let registry = self.registry.iter().map(|registry| format!("{registry}/"));
        registry.chain([self.path.clone()]).chain(tag.map(|tag| format!(":{tag}"))).collect()
    }

    /// Completes the name. A name without a registry is one of `registry` where the environment has a
    /// registry, and otherwise one of Docker's default registry, where a name of one part belongs to `library`.
    #[must_use]
    pub fn locate(self, registry: Option<&str>) -> Reference {
        let Self { registry: written, mut path, tag, digest } = self;
        let registry = written.as_deref().or(registry).unwrap_or(DEFAULT_REGISTRY);
        let registry = if registry == "index.docker.io" { DEFAULT_REGISTRY } else { registry }.to_owned();
        if registry == DEFAULT_REGISTRY && !path.contains('/') {
            path.insert_str(0, "library/");
        }
        Reference { registry, path, tag, digest }
    }
}

impl FromStr for ImageName {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        if text.is_empty() {
            return Err(InvalidReference::Empty);
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse()?)),
            None => (text, None),
        };
        let (registry, rest) = match rest.split_once('/') {
            Some((first, after)) if is_meant_as_registry(first) => (Some(first), after),
            _ => (None, rest),
        };
        let (path, tag) = match rest.split_once(':') {
            Some((path, tag)) => (path, Some(tag)),
            None => (rest, None),
        };
        if let Some(registry) = registry.filter(|registry| !is_registry(registry)) {
            return Err(InvalidReference::Registry(registry.to_owned()));
        }
        if path.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(InvalidReference::UpperCase(path.to_owned()));
        }
        if !path.split('/').all(is_path_part) {
            return Err(InvalidReference::Path(path.to_owned()));
        }
        // The name must still fit once it is complete.
        let is_dockers = registry.is_none_or(|registry| matches!(registry, DEFAULT_REGISTRY | "index.docker.io"));
        let library = if is_dockers && !path.contains('/') { "library/".len() } else { 0 };
        if registry.unwrap_or(DEFAULT_REGISTRY).len() + 1 + library + path.len() > MAX_NAME {
            return Err(InvalidReference::Long);
        }
        if let Some(tag) = tag.filter(|tag| !is_tag(tag)) {
            return Err(InvalidReference::Tag(tag.to_owned()));
        }
        Ok(Self { registry: registry.map(str::to_owned), path: path.to_owned(), tag: tag.map(str::to_owned), digest })
    }
}

/// A complete reference: it names one repository of one registry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    registry: String,
    path: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

impl Reference {
    /// What stands for the list of a registry's repositories, which is none of them.
    pub(crate) fn catalog(registry: &str) -> Self {
        Self { registry: registry.to_owned(), path: "_catalog".to_owned(), tag: None, digest: None }
    }

    /// `host[:port]`.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The repository within its registry.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// `host[:port]/path`, without tag and digest.
    pub fn repository(&self) -> String {
        format!("{}/{}", self.registry, self.path)
    }

    /// The tag; Docker's default where there is neither tag nor digest, none where there is only a digest.
    pub fn tag(&self) -> Option<&str> {
        match (&self.tag, &self.digest) {
            (Some(tag), _) => Some(tag),
            (None, None) => Some(DEFAULT_TAG),
            (None, Some(_)) => None,
        }
    }

    /// The digest.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The same repository, by this tag. The tag must have come from a reference or be hexadecimal.
    #[must_use]
    pub fn with_tag(&self, tag: &str) -> Self {
        Self { tag: Some(tag.to_owned()), digest: None, ..self.clone() }
    }

    /// The same image at another registry, which must be `host[:port]`.
    #[must_use]
    pub fn at(&self, registry: &str) -> Self {
        Self { registry: registry.to_owned(), ..self.clone() }
    }

    /// The same repository, by this digest alone.
    #[must_use]
    pub fn with_digest(&self, digest: Digest) -> Self {
        Self { tag: None, digest: Some(digest), ..self.clone() }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.path)?;
        if let Some(tag) = self.tag() {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

/// Docker's rule for telling `host/name` from `name/name`.
fn is_meant_as_registry(first: &str) -> bool {
    first == "localhost" || first.contains(['.', ':', '[']) || first.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// Whether this is `host`, `host:port`, `[v6]` or `[v6]:port`, as it may begin an image reference.
pub fn is_registry(text: &str) -> bool {
    let is_port =
        |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse().is_ok_and(|port: u16| port > 0);
    if let Some((address, port)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        let port_is_fine = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return port_is_fine && address.parse::<std::net::Ipv6Addr>().is_ok();
    }
    let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
    let is_label = |label: &str| {
        let alphanumeric = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let bytes = label.as_bytes();
        alphanumeric(bytes.first())
            && alphanumeric(bytes.last())
            && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
    };
    port.is_none_or(is_port) && host.split('.').all(is_label)
}

/// Runs of a-z and 0-9, between which stand `.`, `_`, `__` or any number of `-`.
fn is_path_part(part: &str) -> bool {
    let plain = |byte: char| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    part.starts_with(plain)
        && part.ends_with(plain)
        && part.split(plain).all(|gap| matches!(gap, "" | "." | "_" | "__") || gap.bytes().all(|byte| byte == b'-'))
}

pub(crate) fn is_tag(tag: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=128).contains(&tag.len())
        && tag.bytes().next().is_some_and(word)
        && tag.bytes().all(|byte| word(byte) || matches!(byte, b'.' | b'-'))
}
