//! Image references mean what they mean to Docker.

use proptest::prelude::*;
use shipctl::image::digest::{Digest, InvalidDigest};
use shipctl::image::reference::{ImageName, InvalidReference, is_registry};

const HEX: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

#[test]
fn a_name_is_completed_by_the_environments_registry_and_otherwise_as_docker_does() {
    let own = Some("registry.internal:5000");
    let digest = format!("sha256:{HEX}");
    for (text, registry, complete) in [
        ("nginx", None, "docker.io/library/nginx:latest"),
        ("nginx:1.27", None, "docker.io/library/nginx:1.27"),
        ("team/web", None, "docker.io/team/web:latest"),
        ("docker.io/nginx", own, "docker.io/library/nginx:latest"),
        ("index.docker.io/nginx", own, "docker.io/library/nginx:latest"),
        ("nginx", own, "registry.internal:5000/nginx:latest"),
        ("team/web:v2", own, "registry.internal:5000/team/web:v2"),
        ("localhost/web", own, "localhost/web:latest"),
        ("localhost:5000/web:v1", own, "localhost:5000/web:v1"),
        ("[::1]:5000/web", own, "[::1]:5000/web:latest"),
        ("10.0.0.1:5000/a/b/c__d:x", own, "10.0.0.1:5000/a/b/c__d:x"),
        ("HOST/web", None, "HOST/web:latest"),
        (&format!("web@{digest}"), own, &format!("registry.internal:5000/web@{digest}")),
        (&format!("web:v1@{digest}"), own, &format!("registry.internal:5000/web:v1@{digest}")),
    ] {
        let name: ImageName = text.parse().unwrap();
        assert_eq!(name.locate(registry).to_string(), complete, "{text}");
    }
}

#[test]
fn what_docker_refuses_is_refused_with_the_part_that_is_wrong() {
    use InvalidReference::{Empty, Long, Path, Registry, Tag, UpperCase};
    let text = str::to_owned;
    let digest = |text: &str| InvalidReference::Digest(InvalidDigest(text.to_owned()));
    for (bad, error) in [
        ("", Empty),
        ("Web", UpperCase(text("Web"))),
        ("team/Web:v1", UpperCase(text("team/Web"))),
        ("team//web", Path(text("team//web"))),
        ("/web", Path(text("/web"))),
        ("web/", Path(text("web/"))),
        ("-web", Path(text("-web"))),
        ("web-", Path(text("web-"))),
        ("a___b", Path(text("a___b"))),
        ("a..b", Path(text("a..b"))),
        ("web v1", Path(text("web v1"))),
        ("web\n", Path(text("web\n"))),
        ("wéb", Path(text("wéb"))),
        ("http://host/web", Registry(text("http:"))),
        ("host:0/web", Registry(text("host:0"))),
        ("host:99999/web", Registry(text("host:99999"))),
        ("-host.com/web", Registry(text("-host.com"))),
        ("user@host.com/web", digest("host.com/web")),
        ("[::g]/web", Registry(text("[::g]"))),
        ("host.com/", Path(text(""))),
        ("web:", Tag(text(""))),
        ("web:-v1", Tag(text("-v1"))),
        ("web:v1:v2", Tag(text("v1:v2"))),
        ("web:v 1", Tag(text("v 1"))),
        (&format!("web:{}", "t".repeat(129)), Tag("t".repeat(129))),
        (&"w".repeat(256), Long),
        ("web@sha256:12", digest("sha256:12")),
        ("web@", digest("")),
        (&format!("web@sha512:{HEX}"), digest(&format!("sha512:{HEX}"))),
        (&format!("web@sha256:{}", HEX.to_uppercase()), digest(&format!("sha256:{}", HEX.to_uppercase()))),
    ] {
        assert_eq!(bad.parse::<ImageName>(), Err(error), "{bad:?}");
    }
}

#[test]
fn another_tag_or_digest_of_the_same_repository() {
    let image = "team/web:v1".parse::<ImageName>().unwrap().locate(Some("host:5000"));
    let digest: Digest = format!("sha256:{HEX}").parse().unwrap();
    assert_eq!(image.repository(), "host:5000/team/web");
    assert_eq!(image.with_tag("v2").to_string(), "host:5000/team/web:v2");
    assert_eq!(image.with_digest(digest).to_string(), format!("host:5000/team/web@sha256:{HEX}"));
}

#[test]
fn people_see_the_name_they_wrote() {
    for (written, tag, label) in
        [("web", Some("abc"), "web:abc"), ("web:v1", Some("v1"), "web:v1"), ("host:5000/web", None, "host:5000/web")]
    {
        assert_eq!(written.parse::<ImageName>().unwrap().label(tag), label);
    }
}

#[test]
fn a_registry_is_a_host_with_an_optional_port() {
    for good in ["localhost", "registry", "a.b.c", "a:1", "10.0.0.1:65535", "[::1]", "[fe80::1]:5000"] {
        assert!(is_registry(good), "{good}");
    }
    for bad in ["", "a/b", "https://a", "a:", "a:x", "a:+1", "[::1", "a b", "a\r\nb", "-a", "a..b", "u@a", "$(x)"] {
        assert!(!is_registry(bad), "{bad:?}");
    }
}

proptest! {
    #[test]
    fn nothing_panics_and_what_is_accepted_survives_a_round_trip(text in "[a-zA-Z0-9:/@._\\-\\[\\] é\n]{0,40}") {
        if let Ok(name) = text.parse::<ImageName>() {
            let complete = name.locate(Some("host:5000"));
            let again = complete.to_string().parse::<ImageName>().unwrap().locate(None);
            prop_assert_eq!(complete.to_string(), again.to_string());
        }
    }
}
