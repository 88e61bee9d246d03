//! What a container uses of its host.

use serde::Serialize;

/// What a container uses.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Usage {
    /// Share of one processor, in percent; more than 100 where it uses several.
    pub cpu: f64,
    /// Bytes of memory, without what the kernel can take back at once.
    pub memory: u64,
    /// As many as it may have.
    pub memory_limit: u64,
    /// Bytes that came over networks since it was started.
    pub received: u64,
    /// Bytes that went.
    pub sent: u64,
    /// Bytes that were read from disks since then.
    pub read: u64,
    /// Bytes that were written.
    pub written: u64,
}
