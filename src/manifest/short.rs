//! The Compose Specification's one-line forms, taken apart but not yet judged: merging compares
//! their parts, resolving checks them.

/// `[[ip:]host:]container[/protocol]`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PortText<'a> {
    pub(crate) host_ip: Option<&'a str>,
    pub(crate) host: Option<&'a str>,
    pub(crate) container: &'a str,
    pub(crate) protocol: &'a str,
}

/// Takes a short port apart. An IPv6 address stands in brackets.
pub(crate) fn port(text: &str) -> PortText<'_> {
    let (rest, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let (rest, container) = rest.rsplit_once(':').map_or((None, rest), |(rest, container)| (Some(rest), container));
    let (host_ip, host) = match rest {
        None => (None, None),
        Some(rest) => match rest.rsplit_once(':') {
            Some((ip, host)) if !rest.ends_with(']') => (Some(ip), Some(host)),
            _ => (None, Some(rest)),
        },
    };
    PortText { host_ip, host: host.filter(|host| !host.is_empty()), container, protocol }
}

/// `[source:]target[:options]`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct VolumeText<'a> {
    pub(crate) source: Option<&'a str>,
    pub(crate) target: &'a str,
    pub(crate) options: Option<&'a str>,
}

/// Takes a short volume apart.
pub(crate) fn volume(text: &str) -> VolumeText<'_> {
    match text.split_once(':') {
        None => VolumeText { source: None, target: text, options: None },
        Some((source, rest)) => {
            let (target, options) =
                rest.split_once(':').map_or((rest, None), |(target, options)| (target, Some(options)));
            VolumeText { source: Some(source), target, options }
        }
    }
}

/// Splits a command as a shell splits words: quotes and backslashes group, nothing is expanded. The
/// error says what is unbalanced.
pub(crate) fn words(text: &str) -> Result<Vec<String>, String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\', None | Some('"')) => match chars.next() {
                // Within double quotes a backslash only escapes what is special there.
                Some(next) if quote.is_some() && !matches!(next, '"' | '\\' | '$' | '`') => {
                    word.get_or_insert_default().extend([c, next]);
                }
                Some(next) => word.get_or_insert_default().push(next),
                None => return Err("ends with a backslash".to_owned()),
            },
            ('\'' | '"', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (_, Some(open)) if c == open => quote = None,
            (_, None) if c.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    match quote {
        Some(open) => Err(format!("has a `{open}` without its end")),
        None => Ok(words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_a_shell_does() {
        let cases: [(&str, &[&str]); 6] = [
            ("", &[]),
            ("  a  b ", &["a", "b"]),
            (r#"sh -c "echo 'x y'""#, &["sh", "-c", "echo 'x y'"]),
            (r"a\ b 'c\d'", &["a b", r"c\d"]),
            (r#""a\"b\n" ''"#, &[r#"a"b\n"#, ""]),
            ("--x=$HOME;rm", &["--x=$HOME;rm"]),
        ];
        for (text, expected) in cases {
            assert_eq!(words(text).unwrap(), expected, "{text}");
        }
        assert!(words("'a").is_err() && words("a\\").is_err());
    }

    #[test]
    fn ports_come_apart_from_the_right() {
        let parts = |text| {
            let PortText { host_ip, host, container, protocol } = port(text);
            (host_ip, host, container, protocol)
        };
        assert_eq!(parts("80"), (None, None, "80", "tcp"));
        assert_eq!(parts("8080:80/udp"), (None, Some("8080"), "80", "udp"));
        assert_eq!(parts("127.0.0.1:8080:80"), (Some("127.0.0.1"), Some("8080"), "80", "tcp"));
        assert_eq!(parts("127.0.0.1::80"), (Some("127.0.0.1"), None, "80", "tcp"));
        assert_eq!(parts("[::1]:8080:80"), (Some("[::1]"), Some("8080"), "80", "tcp"));
    }
}
