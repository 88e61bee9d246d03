//! Addresses as manifests write them. Strict: what gets past here is handed to ssh and to sockets, and
//! must never be read as an option or be expanded by a shell.

use std::net::Ipv6Addr;
use std::path::PathBuf;
use std::str::FromStr;

use super::{Endpoint, SshDestination};

/// Why a text is not an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    /// No host at all.
    #[error("the host is missing")]
    NoHost,
    /// Characters that no host name has, or a first character that makes it an option.
    #[error("a host is letters, digits, `.`, `-` and `_`, begins with a letter or digit, and has at most 253 of them")]
    Host,
    /// An IPv6 address without brackets, or brackets around something else.
    #[error("an IPv6 address stands in brackets, such as `[2001:db8::1]`")]
    Ipv6,
    /// Characters that no login name has, or a first character that makes it an option.
    #[error("a user is letters, digits, `.`, `-` and `_`, and does not begin with `-` or `.`")]
    User,
    /// A port that is none.
    #[error("a port is a number from 1 to 65535")]
    Port,
    /// A TCP endpoint needs its port.
    #[error("the port is missing: write `tcp://host:2376`")]
    NoPort,
    /// Something behind the port.
    #[error("a TCP endpoint has no path or query: write `tcp://host:port`")]
    Path,
    /// A socket that is not absolute.
    #[error("a socket is an absolute path: write `unix:///var/run/docker.sock`")]
    Socket,
    /// An address that belongs under `ssh:`.
    #[error("an SSH host stands under `ssh:`, as `[user@]host[:port]`")]
    Ssh,
    /// Any other scheme.
    #[error("use `tcp://host:port` or `unix:///path`")]
    Scheme,
}

impl FromStr for SshDestination {
    type Err = InvalidAddress;

    /// Reads `[user@]host[:port]`.
    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let (user, rest) = match text.rsplit_once('@') {
            Some((user, rest)) if is_user(user) => (Some(user.to_owned()), rest),
            Some(_) => return Err(InvalidAddress::User),
            None => (None, text),
        };
        let (host, port) = host_and_port(rest)?;
        Ok(Self { user, host, port })
    }
}

impl FromStr for Endpoint {
    type Err = InvalidAddress;

    /// Reads `tcp://host:port` or `unix:///path`. A TCP endpoint comes without certificates; whether it
    /// may stay so is for the caller to decide.
    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let Some((scheme, rest)) = text.split_once("://") else { return Err(InvalidAddress::Scheme) };
        match scheme {
            "tcp" if rest.contains(['/', '?', '#']) => Err(InvalidAddress::Path),
            "tcp" => match host_and_port(rest)? {
                (host, Some(port)) => Ok(Self::Tcp { host, port, tls: None }),
                (_, None) => Err(InvalidAddress::NoPort),
            },
            "unix" if rest.len() > 1 && rest.starts_with('/') && !rest.contains(char::is_control) => {
                Ok(Self::Unix(PathBuf::from(rest)))
            }
            "unix" => Err(InvalidAddress::Socket),
            "ssh" => Err(InvalidAddress::Ssh),
            _ => Err(InvalidAddress::Scheme),
        }
    }
}

/// `host[:port]`, an IPv6 address in brackets; the host comes without them.
pub(crate) fn host_and_port(text: &str) -> Result<(String, Option<u16>), InvalidAddress> {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (host, port) = rest.split_once(']').ok_or(InvalidAddress::Ipv6)?;
        if host.parse::<Ipv6Addr>().is_err() {
            return Err(InvalidAddress::Ipv6);
        }
        match port.strip_prefix(':') {
            None if port.is_empty() => (host, None),
            None => return Err(InvalidAddress::Ipv6),
            port => (host, port),
        }
    } else {
        match text.split_once(':') {
            Some((_, port)) if port.contains(':') => return Err(InvalidAddress::Ipv6),
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        }
    };
    if host.is_empty() {
        return Err(InvalidAddress::NoHost);
    }
    if !text.starts_with('[') && !is_host(host) {
        return Err(InvalidAddress::Host);
    }
    Ok((host.to_owned(), port.map(self::port).transpose()?))
}

fn port(text: &str) -> Result<u16, InvalidAddress> {
    let digits = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    if digits { text.parse().map_err(|_| InvalidAddress::Port) } else { Err(InvalidAddress::Port) }
}

fn plain(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
}

fn is_host(text: &str) -> bool {
    text.len() <= 253 && plain(text) && text.starts_with(|c: char| c.is_ascii_alphanumeric())
}

fn is_user(text: &str) -> bool {
    text.len() <= 64 && plain(text) && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_are_read_back_as_they_are_shown() {
        for text in ["web1", "deploy@web1.internal", "deploy@10.0.0.1:2222", "[2001:db8::1]:22", "_svc@[::1]"] {
            assert_eq!(text.parse::<SshDestination>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_destination_is_never_an_option_or_shell_text() {
        let bad = [
            "",
            "@web1",
            "-oProxyCommand=touch x",
            "--help",
            "web 1",
            "a;b",
            "$(x)",
            "`x`",
            "h\nh2",
            "user@-host",
            "-l@host",
            "root;id@h",
            "a@b@c",
            "host:",
            "host:0",
            "host:70000",
            "host:+1",
            "::1",
            "[web1]",
            "[::1",
            "[::1]x",
            "wéb",
            ".",
            "%h",
            &"a".repeat(254),
        ];
        for text in bad {
            assert!(text.parse::<SshDestination>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn endpoints_are_tcp_or_unix() {
        for text in ["tcp://10.0.0.5:2376", "tcp://[::1]:2375", "unix:///var/run/docker.sock"] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), text);
        }
        let cases = [
            ("tcp://h", InvalidAddress::NoPort),
            ("tcp://h:1/v1.41", InvalidAddress::Path),
            ("tcp://h:1?x=y", InvalidAddress::Path),
            ("tcp://:1", InvalidAddress::NoHost),
            ("unix://docker.sock", InvalidAddress::Socket),
            ("npipe:////./pipe/docker", InvalidAddress::Scheme),
            ("http://h:2375", InvalidAddress::Scheme),
            ("ssh://root@h", InvalidAddress::Ssh),
            ("h:2375", InvalidAddress::Scheme),
        ];
        for (text, error) in cases {
            assert_eq!(text.parse::<Endpoint>(), Err(error), "{text}");
        }
    }
}
