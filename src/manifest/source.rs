//! Where manifest text came from. A [`Span`] is small and copied into every node; [`Sources`] turns it
//! back into a file name and a line.

use std::sync::Arc;

/// A layer's text under the name that diagnostics give it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Source {
    /// Path relative to the project root, or `--set`.
    pub(crate) name: String,
    /// What was read.
    pub(crate) text: String,
    line_starts: Vec<usize>,
}

impl Source {
    /// Takes a text under a name.
    pub(crate) fn new(name: impl Into<String>, text: String) -> Arc<Self> {
        let line_starts = std::iter::once(0)
            .chain(text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i + 1))
            .collect();
        Arc::new(Self { name: name.into(), text, line_starts })
    }

    /// Line and column of a byte offset, both from 1; columns count characters.
    pub(crate) fn position(&self, offset: usize) -> (usize, usize) {
        let line = self.line_starts.partition_point(|start| *start <= offset);
        let start = self.line_starts[line - 1];
        let end = self.text.floor_char_boundary(offset.max(start));
        (line, self.text[start..end].chars().count() + 1)
    }

    /// The bytes of a line (from 1) without indentation and line end; for errors that only know a line.
    pub(crate) fn line_span(&self, line: usize) -> std::ops::Range<usize> {
        let line = line.clamp(1, self.line_starts.len());
        let start = self.line_starts[line - 1];
        let end = self.line_starts.get(line).copied().unwrap_or(self.text.len());
        let text = &self.text[start..end];
        start + (text.len() - text.trim_start().len()).min(text.trim_end().len())..start + text.trim_end().len()
    }
}

/// Bytes `start..end` of one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) file: FileId,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

/// Index into [`Sources`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileId(u32);

/// Files that one manifest is read from: layers, files that services extend, and files of variables.
pub(crate) const MAX_FILES: usize = 500;

/// All layers that were read for one manifest.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sources(Vec<Arc<Source>>);

impl Sources {
    /// Adds a layer's text. The layers of a manifest are few: files that extend one another and `--set`.
    pub(crate) fn add(&mut self, source: Arc<Source>) -> FileId {
        let id = FileId(u32::try_from(self.0.len()).unwrap_or(u32::MAX));
        self.0.push(source);
        id
    }

    /// Whether no further file may be read for this manifest.
    pub(crate) fn is_full(&self) -> bool {
        self.0.len() >= MAX_FILES
    }

    /// The source of a span.
    pub(crate) fn of(&self, span: Span) -> &Arc<Source> {
        &self.0[span.file.0 as usize]
    }

    /// `file:line` of a span, as provenance is shown.
    pub(crate) fn place(&self, span: Span) -> String {
        let source = self.of(span);
        match source.name.as_str() {
            // A `--set` has one line; its number says nothing.
            "--set" => source.name.clone(),
            name => format!("{name}:{}", source.position(span.start as usize).0),
        }
    }
}
