//! Room for images, layers and logs.

use super::{Facts, Finding, Question};
use crate::fleet::machine::Disk;

const MIB: u64 = 1024 * 1024;

pub(super) fn judge(facts: &Facts) -> Finding {
    let Some(Disk { size, free, files }) = facts.disk.filter(|disk| disk.size > 0) else {
        let why = if facts.is_asked { "the host does not tell" } else { "an engine does not tell what is free" };
        return Finding::not_known(Question::Disk, why);
    };
    let part = |free: u64, all: u64| free.saturating_mul(100) / all;
    let short = format!("{} % free", part(free, size));
    let advice = "on the host: docker system df, and what is old there: docker image prune -a";
    let found = format!("{} MiB of {} MiB are free for {}", free / MIB, size / MIB, facts.engine.root);
    if part(free, size) < 2 || free < 200 * MIB {
        return Finding::bad(Question::Disk, short, format!("{found}: an image may not fit"), advice);
    }
    if let Some((all, left)) = files.filter(|(all, left)| part(*left, *all) < 10) {
        let found = format!("{left} of {all} files can still be made (inodes)");
        let finding = if part(left, all) < 1 { Finding::bad } else { Finding::warning };
        return finding(Question::Disk, "few inodes", found, advice);
    }
    if part(free, size) < 10 || free < 1024 * MIB {
        return Finding::warning(Question::Disk, short, found, advice);
    }
    Finding::ok(Question::Disk, short)
}
