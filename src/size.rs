//! Amounts of bytes as people read them.

/// `5.90 MB`
pub fn display(bytes: u64) -> String {
    indicatif::DecimalBytes(bytes).to_string()
}
