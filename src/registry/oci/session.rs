//! An upload that a registry has begun, and how much of it is sent at a time. Pure.

use reqwest::Url;
use reqwest::header::{HeaderMap, RANGE};

/// Bytes that are sent with one request. Some registries take no more.
const PIECE_SIZE: u64 = 4 << 20;
/// The most that are sent with one, for a registry that asks for more; a piece is whole in memory.
const LARGEST: u64 = 64 << 20;

/// An upload that a registry has begun.
pub(super) struct Session {
    pub url: Url,
    /// Bytes that it has.
    pub at: u64,
    /// The least that it takes of them at a time, but for the last.
    pub least: u64,
}

impl Session {
    /// One at its beginning, by the answer that began it.
    pub fn new(url: Url, headers: &HeaderMap) -> Self {
        let least = headers.get("oci-chunk-min-length").and_then(|least| least.to_str().ok()?.trim().parse().ok());
        Self { url, at: 0, least: least.unwrap_or_default() }
    }

    /// How many bytes are sent next, of a blob of this size. The error says why none are.
    pub fn piece(&self, blob: u64) -> Result<u64, String> {
        let piece = (blob - self.at).min(self.least.max(PIECE_SIZE));
        if piece <= LARGEST {
            return Ok(piece);
        }
        Err(format!(
            "it takes no pieces of less than {} bytes, and {LARGEST} is the most that are sent at a time",
            self.least
        ))
    }
}

/// How many bytes a registry says that it has: `Range: 0-1023`.
pub(super) fn end_of(headers: &HeaderMap) -> Option<u64> {
    let range = headers.get(RANGE)?.to_str().ok()?.trim();
    let last = range.strip_prefix("bytes=").unwrap_or(range).strip_prefix("0-")?;
    last.parse::<u64>().ok()?.checked_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_as_long_as_the_registry_asks_for_or_the_last_or_there_is_none() {
        let piece = |least: &str, at: u64, blob: u64| {
            let mut headers = HeaderMap::new();
            headers.insert("oci-chunk-min-length", least.parse().unwrap());
            Session { at, ..Session::new(Url::parse("http://registry/").unwrap(), &headers) }.piece(blob).ok()
        };
        for (least, at, blob, sent) in [
            ("0", 0, 100 << 20, Some(4 << 20)),
            ("1048576", 0, 100 << 20, Some(4 << 20)),
            ("6291456", 0, 100 << 20, Some(6 << 20)),
            ("6291456", 99 << 20, 100 << 20, Some(1 << 20)),
            (" 67108864 ", 0, 100 << 20, Some(64 << 20)),
            ("67108865", 0, 100 << 20, None),
            ("67108865", 0, 64 << 20, Some(64 << 20)),
            ("18446744073709551615", 0, 100 << 20, None),
            ("18446744073709551616", 0, 100 << 20, Some(4 << 20)),
            ("-1", 0, 100 << 20, Some(4 << 20)),
            ("6M", 0, 100 << 20, Some(4 << 20)),
        ] {
            assert_eq!(piece(least, at, blob), sent, "{least} at {at} of {blob}");
        }
    }
}
