//! Images of a realistic shape: a large layer that never changes and a smaller one that every release changes.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::fleet::Fleet;

const STABLE: u64 = 56 << 20;
const CHANGING: u64 = 5_900 << 10;

const DOCKERFILE: &str = "\
FROM scratch
COPY fixture-app stable /
COPY changing /
ARG RELEASE MODE
ENV RELEASE=$RELEASE MODE=$MODE
EXPOSE 80
ENTRYPOINT [\"/fixture-app\"]
";

/// Builds and pushes.
pub(crate) struct Images<'f> {
    fleet: &'f Fleet,
    context: tempfile::TempDir,
    repository: String,
}

impl<'f> Images<'f> {
    pub(crate) fn new(fleet: &'f Fleet) -> Result<Self> {
        let context = tempfile::tempdir()?;
        fs::write(context.path().join("Dockerfile"), DOCKERFILE)?;
        fs::copy(program(), context.path().join("fixture-app"))?;
        random(&context.path().join("stable"), STABLE)?;
        Ok(Self { fleet, context, repository: format!("{}/shop/web", fleet.registry()?) })
    }

    /// Where hosts pull from.
    pub(crate) fn repository(&self) -> &str {
        &self.repository
    }

    /// Makes a release whose application behaves in this way.
    pub(crate) fn publish(&self, release: &str, mode: &str) -> Result<()> {
        random(&self.context.path().join("changing"), CHANGING)?;
        let image = format!("{}:{release}", self.repository);
        let (release, mode) = (format!("RELEASE={release}"), format!("MODE={mode}"));
        let context = self.context.path().to_string_lossy();
        self.fleet.docker(
            "builder",
            &["build", "-q", "--build-arg", &release, "--build-arg", &mode, "-t", &image, &context],
        )?;
        self.fleet.docker("builder", &["push", "-q", &image])
    }
}

fn program() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/fixture/fixture-app")
}

/// Random bytes, which no compression makes smaller.
fn random(path: &Path, length: u64) -> Result<()> {
    let mut source = fs::File::open("/dev/urandom")?.take(length);
    std::io::copy(&mut source, &mut fs::File::create(path)?)?;
    Ok(())
}
