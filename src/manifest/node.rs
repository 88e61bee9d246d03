//! The tree of a manifest: YAML without types. A scalar keeps its text until the key it stands under
//! says what it is, so `1.10` stays `1.10` and `NO` stays `NO`.

use std::sync::Arc;

use indexmap::IndexMap;

use super::source::Span;

/// A value with its place.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) kind: Kind,
    pub(crate) tag: Option<Tag>,
    /// Values of lower layers that this one was put in the place of, the last first.
    pub(crate) hidden: Vec<(Span, Arc<str>)>,
}

/// The three shapes of YAML.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// Text. Shared, because aliases repeat it.
    Scalar { text: Arc<str>, plain: bool },
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order of the file.
    Map(Map),
}

/// Entries of a mapping.
pub(crate) type Map = IndexMap<Arc<str>, Entry>;

/// A value and the place of its key.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: Span,
    pub(crate) value: Node,
}

/// The Compose Specification's tags for merging.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tag {
    /// `!reset`: the key is removed.
    Reset,
    /// `!override`: the value replaces instead of merging.
    Override,
}

impl Node {
    /// A value without a tag.
    pub(crate) fn new(span: Span, kind: Kind) -> Self {
        Self { span, kind, tag: None, hidden: Vec::new() }
    }

    /// Text as if it stood there without quotes.
    pub(crate) fn plain(span: Span, text: &str) -> Self {
        Self::new(span, Kind::Scalar { text: text.into(), plain: true })
    }

    /// YAML's null: nothing, `~` or `null`.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar { text, plain: true } if is_null(text))
    }

    /// Whether this is a scalar without quotes.
    pub(crate) fn is_plain(&self) -> bool {
        matches!(self.kind, Kind::Scalar { plain: true, .. })
    }

    /// The text of a scalar that is not null.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { text, .. } if !self.is_null() => Some(text),
            _ => None,
        }
    }

    /// The entry of a mapping under a key.
    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.kind {
            Kind::Map(map) => map.get(key),
            _ => None,
        }
    }

    /// Values in it, itself included.
    pub(crate) fn size(&self) -> usize {
        1 + match &self.kind {
            Kind::Scalar { .. } => 0,
            Kind::List(items) => items.iter().map(Self::size).sum(),
            Kind::Map(map) => map.values().map(|entry| entry.value.size()).sum::<usize>(),
        }
    }

    /// What this is, to follow "found".
    pub(crate) fn describe(&self) -> String {
        match &self.kind {
            _ if self.is_null() => "nothing".to_owned(),
            Kind::Scalar { text, .. } => quoted(text),
            Kind::List(_) => "a list".to_owned(),
            Kind::Map(_) => "a map".to_owned(),
        }
    }
}

/// Whether YAML takes a text without quotes for null.
pub(crate) fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// The operator's text in a message: in backquotes, escaped and not too long.
pub(crate) fn quoted(text: &str) -> String {
    const LONGEST: usize = 80;
    let shown: String = text
        .chars()
        .take(LONGEST)
        .flat_map(|c| if c == '\'' || c == '"' { vec![c] } else { c.escape_debug().collect() })
        .collect();
    let more = if text.chars().nth(LONGEST).is_some() { "…" } else { "" };
    format!("`{shown}{more}`")
}

/// `KEY=VALUE` entries of a list as a mapping (a key alone has a null value), as the Compose
/// Specification allows for `environment` and `labels`. `None` if an entry is no text or a key repeats.
pub(crate) fn pairs(list: &[Node]) -> Option<Map> {
    let mut map = Map::new();
    for item in list {
        let text = item.text()?;
        let (key, value) = match text.split_once('=') {
            Some((key, value)) => (key, Node::new(item.span, Kind::Scalar { text: value.into(), plain: false })),
            None => (text, Node::plain(item.span, "")),
        };
        if map.insert(key.into(), Entry { key: item.span, value }).is_some() {
            return None;
        }
    }
    Some(map)
}
