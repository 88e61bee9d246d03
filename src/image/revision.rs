//! Where the files of a build come from: the commit, as git has it. An operator without git, or without a repository, builds
//! all the same.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::time::timeout;

use crate::transport::process;

/// Longest wait for git. Looking for changes in a large repository takes its time.
const GIT: Duration = Duration::from_secs(20);

/// A commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Revision {
    /// Its hash; `-dirty` behind it where files of the context differ from it.
    pub(super) commit: String,
    /// Where the repository is fetched from, without any login.
    pub(super) source: Option<String>,
}

/// The commit that is checked out in `root`, if there is one; `context` is the part of it that is built from.
pub(super) async fn of(root: &Path, context: &Path) -> Option<Revision> {
    let commit = git(root, &["rev-parse", "HEAD"]).await?;
    let context = context.to_string_lossy();
    let changes = git(root, &["status", "--porcelain", "--", &context]).await?;
    let source = git(root, &["config", "--get", "remote.origin.url"]).await;
    let dirty = if changes.is_empty() { "" } else { "-dirty" };
    Some(Revision { commit: format!("{commit}{dirty}"), source: source.map(|url| without_login(&url)) })
}

async fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let mut git = process::command("git");
    git.arg("-C").arg(root).args(arguments).stdout(Stdio::piped());
    // It may not write into the repository, nor ask anything.
    git.env("GIT_OPTIONAL_LOCKS", "0").env("GIT_TERMINAL_PROMPT", "0");
    let output = timeout(GIT, git.output()).await.ok()?.ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// `https://token@host/path` → `https://host/path`. The user alone is no secret, and SSH needs one.
fn without_login(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let authority = match authority.rsplit_once('@') {
        Some((user, host)) if scheme == "ssh" => format!("{}@{host}", user.split(':').next().unwrap_or_default()),
        Some((_, host)) => host.to_owned(),
        None => authority.to_owned(),
    };
    format!("{scheme}://{authority}/{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_loses_its_login() {
        for (written, shown) in [
            ("https://token@git.example/shop/web.git", "https://git.example/shop/web.git"),
            ("https://ann:secret@git.example:8443/shop", "https://git.example:8443/shop"),
            ("ssh://git:secret@git.example:2222/shop", "ssh://git@git.example:2222/shop"),
            ("git@git.example:shop/web.git", "git@git.example:shop/web.git"),
            ("/srv/git/shop", "/srv/git/shop"),
        ] {
            assert_eq!(without_login(written), shown);
        }
    }
}
