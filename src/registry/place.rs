//! Where a registry may send us: with a redirect, for an upload, to a token server. Pure.

use std::net::IpAddr;

use reqwest::Url;

/// The most characters of an address that an answer names.
const MAX_LENGTH: usize = 8 << 10;

/// The address that an answer names, which may be relative to what was `asked`. It is one that is no less protected than the
/// registry, `home`, holds no credentials, and does not lead into this machine, or to what clouds serve on a link of its own.
/// The error says why nothing is sent there.
pub(super) fn named(home: &Url, asked: &Url, address: &str) -> Result<Url, String> {
    let url = Some(address).filter(|address| address.len() <= MAX_LENGTH).and_then(|address| asked.join(address).ok());
    let url = url.ok_or("to what is no address")?;
    let host =
        url.host_str().filter(|_| matches!(url.scheme(), "https" | "http")).ok_or("to what is no web address")?;
    if url.scheme() == "http" && home.scheme() != "http" {
        return Err(format!("to {host} without TLS"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!("to {host} with credentials of its own"));
    }
    // A name may end in a dot, and be the same.
    let host = host.strip_suffix('.').unwrap_or(host);
    let is_near =
        if home.host_str().is_some_and(is_loopback) { is_link(host) } else { is_link(host) || is_loopback(host) };
    if is_near && home.host_str() != Some(host) {
        return Err(format!("to {host}, which is no place of a registry"));
    }
    Ok(url)
}

/// Top-level names that nobody can register anything beneath (RFC 6762, appendix G; RFC 8375; ICANN's `internal`).
const PRIVATE: [&str; 8] = ["corp", "home", "internal", "intranet", "lan", "local", "private", "test"];

/// What stands before a country's name where anybody can register something, as in `co.uk`.
const SHARED: [&str; 10] = ["ac", "co", "com", "edu", "go", "gov", "ne", "net", "or", "org"];

/// Whether a token server may be told who we are: it is on the registry's own host, or has a parent domain in common with it,
/// of two names at least, or of one that is nobody's but the network's own.
pub(super) fn is_related(home: &Url, realm: &Url) -> bool {
    let (Some(one), Some(other)) = (home.host_str(), realm.host_str()) else { return false };
    if one == other {
        return true;
    }
    if address(one).is_some() || address(other).is_some() {
        return false;
    }
    let common: Vec<_> = one.rsplit('.').zip(other.rsplit('.')).take_while(|(one, other)| one == other).collect();
    match &common[..] {
        [] => false,
        [(top, _)] => PRIVATE.contains(top),
        [(top, _), (second, _)] => !(top.len() == 2 && SHARED.contains(second)),
        _ => true,
    }
}

/// Whether credentials of one address are good for the other.
pub(super) fn is_same(one: &Url, other: &Url) -> bool {
    let origin = |url: &Url| (url.scheme().to_owned(), url.host_str().map(str::to_owned), url.port_or_known_default());
    origin(one) == origin(other)
}

fn address(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok().map(|it: IpAddr| it.to_canonical())
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.ends_with(".localhost") || address(host).is_some_and(|address| address.is_loopback())
}

/// Whether it is on a link and nowhere else, or no address of anybody.
fn is_link(host: &str) -> bool {
    address(host).is_some_and(|address| match address {
        IpAddr::V4(address) => address.is_link_local() || address.is_unspecified(),
        IpAddr::V6(address) => address.is_unicast_link_local() || address.is_unspecified(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_followed_only_where_a_registry_may_be() {
        let asked = |home: &str| Url::parse(&format!("{home}/v2/shop/web/blobs/uploads/")).unwrap();
        let to = |home: &str, address: &str| {
            named(&Url::parse(home).unwrap(), &asked(home), address).map(|url| url.to_string())
        };
        let home = "https://registry.internal:5000";
        for (address, leads_to) in [
            ("/v2/x?_state=a%3D", "https://registry.internal:5000/v2/x?_state=a%3D"),
            ("uuid", "https://registry.internal:5000/v2/shop/web/blobs/uploads/uuid"),
            ("https://store.internal/b", "https://store.internal/b"),
            ("https://10.0.0.9:9000/b", "https://10.0.0.9:9000/b"),
            ("//store.internal/b", "https://store.internal/b"),
        ] {
            assert_eq!(to(home, address), Ok(leads_to.to_owned()), "{address}");
        }
        let long = format!("/{}", "x".repeat(MAX_LENGTH));
        for (address, why) in [
            ("http://registry.internal:5000/v2/x", "to registry.internal without TLS"),
            ("file:///etc/passwd", "to what is no web address"),
            ("https://me:it@store.internal/", "to store.internal with credentials of its own"),
            ("https://169.254.169.254/latest", "to 169.254.169.254, which is no place of a registry"),
            ("https://[::ffff:169.254.169.254]/", "to [::ffff:a9fe:a9fe], which is no place of a registry"),
            ("https://[fe80::1]/", "to [fe80::1], which is no place of a registry"),
            ("https://127.0.0.1:2375/", "to 127.0.0.1, which is no place of a registry"),
            ("https://2130706433/", "to 127.0.0.1, which is no place of a registry"),
            ("https://localhost/", "to localhost, which is no place of a registry"),
            ("https://localhost./", "to localhost, which is no place of a registry"),
            ("https://0.0.0.0/", "to 0.0.0.0, which is no place of a registry"),
            ("https://[/", "to what is no address"),
            (&long, "to what is no address"),
        ] {
            assert_eq!(to(home, address), Err(why.to_owned()), "{address}");
        }
        // A registry on this machine, as in a test, may name itself.
        assert!(to("http://127.0.0.1:5000", "http://127.0.0.1:9000/x").is_ok());
        assert!(to("http://127.0.0.1:5000", "http://169.254.169.254/x").is_err());
    }

    #[test]
    fn a_login_goes_to_token_servers_of_the_registry_and_to_no_other() {
        let is_related = |home: &str, realm: &str| {
            let url = |host: &str| Url::parse(&format!("https://{host}/")).unwrap();
            is_related(&url(home), &url(realm))
        };
        for (home, realm) in [
            ("registry.example:5000", "registry.example:8443"),
            ("registry-1.docker.io", "auth.docker.io"),
            ("registry.gitlab.com", "gitlab.com"),
            ("registry.digitalocean.com", "api.digitalocean.com"),
            ("registry.internal:5000", "auth.internal"),
            ("registry.ab.io", "auth.ab.io"),
            ("registry.shop.co.uk", "login.shop.co.uk"),
            ("10.0.0.1:5000", "10.0.0.1:5001"),
        ] {
            assert!(is_related(home, realm), "{home} and {realm}");
        }
        for (home, realm) in [
            ("registry.example.com", "elsewhere.com"),
            ("registry.example.com", "example.com.elsewhere.net"),
            ("registry.shop.co.uk", "login.other.co.uk"),
            ("shop.io", "other.io"),
            ("10.0.0.1:5000", "10.0.0.2:5000"),
            ("registry", "elsewhere"),
        ] {
            assert!(!is_related(home, realm), "{home} and {realm}");
        }
    }

    #[test]
    fn credentials_are_for_scheme_host_and_port() {
        let is_same = |one: &str, other: &str| is_same(&Url::parse(one).unwrap(), &Url::parse(other).unwrap());
        assert!(is_same("https://a.internal/x", "https://a.internal:443/y"));
        for other in ["http://a.internal/", "https://a.internal:5000/", "https://b.internal/", "https://b.a.internal/"]
        {
            assert!(!is_same("https://a.internal/x", other), "{other}");
        }
    }
}
