//! Mirrors of Docker Hub.

use std::fmt;
use std::str::FromStr;

use crate::fleet::parse::host_and_port;

/// What is no mirror, but what is mirrored.
const DOCKERS: [&str; 3] = ["docker.io", "index.docker.io", "registry-1.docker.io"];

/// A registry that gives what Docker Hub has, as engines take it under `registry-mirrors`: an address without a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// Speak plain HTTP.
    pub insecure: bool,
    /// `host[:port]`, in lower case.
    pub host: String,
}

/// Why a text is no mirror's address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMirror {
    /// Neither `https` nor `http`.
    #[error("it begins with neither `https://` nor `http://`")]
    Scheme,
    /// Something that an address does not have, with which engines would not start.
    #[error("{0}")]
    Host(String),
}

impl FromStr for Mirror {
    type Err = InvalidMirror;

    fn from_str(text: &str) -> Result<Self, InvalidMirror> {
        let (insecure, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (false, rest),
            (None, Some(rest)) => (true, rest),
            (None, None) => return Err(InvalidMirror::Scheme),
        };
        let host = rest.strip_suffix('/').unwrap_or(rest);
        if host.contains(['/', '?', '#', '@']) {
            return Err(InvalidMirror::Host("engines take a host and a port only: no path, no login".to_owned()));
        }
        let (name, _) = host_and_port(host).map_err(|error| InvalidMirror::Host(error.to_string()))?;
        let host = host.to_lowercase();
        if DOCKERS.contains(&&*name.to_lowercase()) {
            return Err(InvalidMirror::Host("that is Docker Hub itself".to_owned()));
        }
        Ok(Self { insecure, host })
    }
}

impl fmt::Display for Mirror {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}", if self.insecure { "http" } else { "https" }, self.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_is_an_address_as_engines_take_it() {
        for (text, read) in [
            ("https://mirror.internal", Ok("https://mirror.internal")),
            ("https://mirror.internal:5000/", Ok("https://mirror.internal:5000")),
            ("http://[fd00::5]:5000", Ok("http://[fd00::5]:5000")),
            ("https://Mirror.internal", Ok("https://mirror.internal")),
            ("https://docker.io", Err("that is Docker Hub itself")),
            ("mirror.internal", Err("it begins with neither `https://` nor `http://`")),
            ("https://mirror.internal/hub", Err("engines take a host and a port only: no path, no login")),
            ("https://ann:hunter2@mirror.internal", Err("engines take a host and a port only: no path, no login")),
            ("https://:5000", Err("the host is missing")),
            ("https://mirror.internal:0", Err("a port is a number from 1 to 65535")),
        ] {
            let found = text.parse::<Mirror>().map(|mirror| mirror.to_string()).map_err(|error| error.to_string());
            assert_eq!(found, read.map(str::to_owned).map_err(str::to_owned), "{text}");
        }
    }
}
