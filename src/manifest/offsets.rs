//! Characters → bytes: the parser counts the former, everything else the latter.

use super::source::{FileId, Span};

/// Byte offset of each character (empty for ASCII, where they are the same), and of the end.
pub(super) struct Offsets(Vec<u32>, u32);

impl Offsets {
    /// For one text.
    pub(super) fn new(text: &str) -> Self {
        let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let starts = if text.is_ascii() { Vec::new() } else { text.char_indices().map(|(at, _)| offset(at)).collect() };
        Self(starts, offset(text.len()))
    }

    fn byte(&self, index: usize) -> u32 {
        match self.0.get(index) {
            Some(offset) => *offset,
            None if self.0.is_empty() => u32::try_from(index).unwrap_or(u32::MAX).min(self.1),
            None => self.1,
        }
    }

    /// The bytes of the characters `start..end`.
    pub(super) fn span(&self, file: FileId, start: usize, end: usize) -> Span {
        let start = self.byte(start);
        Span { file, start, end: self.byte(end).max(start) }
    }
}
