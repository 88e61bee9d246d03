//! `host …`: the hosts themselves, and not what is deployed to them.

use anyhow::anyhow;

use crate::cli::host::HostSelectors;
use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::fleet::select::Selection;
use crate::fleet::{Endpoint, Host};

pub(super) mod check;
pub(super) mod exec;
pub(super) mod setup;

/// The hosts that are meant, by name.
fn meant<'e>(environment: &'e Environment, selectors: &HostSelectors) -> Result<Vec<&'e Host>> {
    let selection = Selection::resolve(environment, &selectors.hosts, &[]).map_err(Error::bad_input)?;
    Ok(environment.hosts.values().filter(|host| selection.has_host(&host.name)).collect())
}

/// The same, all of which can be logged in to.
fn by_ssh<'e>(environment: &'e Environment, selectors: &HostSelectors) -> Result<Vec<&'e Host>> {
    let meant = meant(environment, selectors)?;
    let (by_ssh, bare): (Vec<_>, Vec<_>) =
        meant.into_iter().partition(|host| matches!(host.endpoint, Endpoint::Ssh(_)));
    if bare.is_empty() {
        return Ok(by_ssh);
    }
    let named = |hosts: &[&Host]| hosts.iter().map(|host| host.name.to_string()).collect::<Vec<_>>();
    let source = anyhow!(
        "{} reached by an engine's API alone, through which nothing can be run on a host itself",
        match &named(&bare)[..] {
            [one] => format!("{one} is"),
            several => format!("{} are", several.join(", ")),
        }
    );
    let hint = match &named(&by_ssh)[..] {
        [] => "reach the host by SSH, with `ssh:` in the manifest".to_owned(),
        others => format!("leave it out: --host {}", others.join(",")),
    };
    Err(Error::bad_input(source).hint(hint))
}
