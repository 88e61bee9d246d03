//! Where secrets are that a host keeps in memory: beneath `/run`, a file each, mounted into their container one by one.
//! Pure.

use crate::container::{ContainerSpec, FileDigest};
use crate::delivery::Delivery;
use crate::environment::FileTarget;
use crate::fleet::stamp::Stamp;

/// A directory of the host that is in memory (a tmpfs) on every system that starts with systemd or `OpenRC`.
pub const ROOT: &str = "/run/shipctl";
/// Label that names a container's directory beneath [`ROOT`].
pub const LABEL: &str = "shipctl.memory";

/// What a host held in memory, as archives. Nothing shows it.
#[derive(Default)]
pub struct Held(pub(super) Vec<Vec<u8>>);

/// The container's directory; `None` if nothing of it is in memory.
pub fn directory(spec: &ContainerSpec, stamp: &Stamp) -> Option<String> {
    let name = || if stamp.job.is_some() { stamp.created_as(spec) } else { spec.name(&stamp.spec).0 };
    files(spec).next().map(|_| name())
}

/// What is in memory, as paths of the host and places in the container.
pub fn mounts(spec: &ContainerSpec, stamp: &Stamp) -> Vec<(String, FileTarget)> {
    let Some(directory) = directory(spec, stamp) else { return Vec::new() };
    let mount = |(index, file): (usize, &FileDigest)| (format!("{ROOT}/{directory}/{index}"), file.target.clone());
    files(spec).enumerate().map(mount).collect()
}

fn files(spec: &ContainerSpec) -> impl Iterator<Item = &FileDigest> {
    spec.files.iter().filter(|file| file.deliver == Delivery::Memory)
}
