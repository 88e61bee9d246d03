//! The forms in which a value turns up in the output of programs: quoted and escaped for JSON, YAML, shells, URLs and HTML,
//! in hex, and in base64 wherever it begins in what was encoded.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::SHORTEST;

/// Bytes of the shortest line of a value that is looked for by itself.
const SHORTEST_LINE: usize = 8;
/// Lines of a value that are looked for in every form; those of a longer one only quoted and escaped.
const FEW_LINES: usize = 100;
/// Columns after which programs break lines of base64.
const COLUMNS: [usize; 2] = [64, 76];
/// RFC 3986 leaves these alone.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// `encodeURIComponent` leaves these alone too.
const COMPONENT: &AsciiSet = &UNRESERVED.remove(b'!').remove(b'\'').remove(b'(').remove(b')').remove(b'*');
/// Some leave these alone in the user part or the path of a URL.
const USERINFO: &AsciiSet =
    &UNRESERVED.remove(b'$').remove(b'&').remove(b'+').remove(b',').remove(b';').remove(b'=').remove(b':').remove(b'!');

/// All forms of a value and, if it has several lines, of each; none of a value that is too short.
pub(super) fn of(value: &str) -> BTreeSet<String> {
    let mut forms = BTreeSet::new();
    if value.len() < SHORTEST {
        return forms;
    }
    whole(value, &mut forms);
    let trimmed = value.trim();
    if trimmed != value && trimmed.len() >= SHORTEST {
        whole(trimmed, &mut forms);
    }
    let lines: Vec<_> = trimmed.lines().map(str::trim).collect();
    // What says of every key that it is one is no secret.
    let telling = |line: &&&str| line.len() >= SHORTEST_LINE && !line.starts_with("-----");
    for line in lines.iter().filter(telling).filter(|_| lines.len() > 1) {
        if lines.len() > FEW_LINES {
            quoted(line, &mut forms);
        } else {
            whole(line, &mut forms);
        }
    }
    forms.retain(|form| form.len() >= SHORTEST);
    forms
}

fn whole(value: &str, forms: &mut BTreeSet<String>) {
    quoted(value, forms);
    percent(value, forms);
    let hex = hex::encode(value);
    forms.extend([hex.to_uppercase(), hex]);
    base64(value.as_bytes(), forms);
}

/// As it is, and as a text in JSON, YAML, a shell, HTML or a debugger's output.
fn quoted(value: &str, forms: &mut BTreeSet<String>) {
    let json = serde_json::to_string(value).unwrap_or_default();
    let json = json.strip_prefix('"').and_then(|json| json.strip_suffix('"')).unwrap_or_default().to_owned();
    // Go writes these so, and with it everything that belongs to Docker.
    let go = json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
    let units = |c: char| -> String {
        let escape = |unit: &mut u16| format!("\\u{unit:04x}");
        if c.is_ascii() { c.to_string() } else { c.encode_utf16(&mut [0; 2]).iter_mut().map(escape).collect() }
    };
    let ascii: String = json.chars().map(units).collect();
    let backslashed = |special: fn(char) -> bool| -> String {
        value.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect()
    };
    let html = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    forms.extend([
        value.to_owned(),
        json.replace('/', "\\/"),
        json,
        go,
        ascii,
        value.replace('\'', "''"),
        value.replace('\'', r"'\''"),
        value.replace('\'', r#"'"'"'"#),
        backslashed(|c| matches!(c, '"' | '\\' | '$' | '`')),
        backslashed(|c| {
            c.is_ascii()
                && !c.is_ascii_alphanumeric()
                && !matches!(c, '_' | '-' | '.' | '/' | ':' | '@' | '%' | '+' | ',')
        }),
        value.escape_debug().to_string(),
        value.escape_default().to_string(),
        html.replace('"', "&quot;").replace('\'', "&#39;"),
        html.replace('"', "&#34;").replace('\'', "&#x27;"),
        html,
    ]);
}

fn percent(value: &str, forms: &mut BTreeSet<String>) {
    for set in [UNRESERVED, COMPONENT, USERINFO, NON_ALPHANUMERIC] {
        let upper = utf8_percent_encode(value, set).to_string();
        let lower = utf8_percent_encode(value, set)
            .map(|part| if part.starts_with('%') { part.to_lowercase() } else { part.to_owned() });
        let lower = lower.collect::<String>();
        forms.extend([upper.replace("%20", "+"), lower.replace("%20", "+"), upper, lower]);
    }
}

/// What is the same in the base64 of every text that holds these bytes: at each of the three places where they can
/// begin in a group of three, without the characters that their neighbours have a part in.
fn base64(bytes: &[u8], forms: &mut BTreeSet<String>) {
    for (before, shared) in [(0, 0), (1, 2), (2, 3)] {
        let padded = [&[0; 2][..before], bytes].concat();
        let open = usize::from(!padded.len().is_multiple_of(3));
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            let text = engine.encode(&padded);
            let core = &text[shared..text.len() - open];
            forms.extend([core.to_owned(), core.replace('+', "%2B").replace('/', "%2F")]);
            if before == 0 {
                let padding = "=".repeat((4 - text.len() % 4) % 4);
                forms.extend([
                    text.clone(),
                    format!("{text}{padding}"),
                    format!("{text}{}", padding.replace('=', "%3D")),
                ]);
                let broken = COLUMNS.iter().filter(|columns| text.len() > **columns);
                forms.extend(broken.flat_map(|columns| text.as_bytes().chunks(*columns)).filter_map(|line| {
                    Some(str::from_utf8(line).ok()?.to_owned()).filter(|line| line.len() >= SHORTEST_LINE)
                }));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};

    use super::*;

    const VALUE: &str = "p@ss'w\"o/r$d<&>\\ ü?\n~second line=+";

    fn is_found(text: &str) -> bool {
        of(VALUE).iter().any(|form| text.contains(form.as_str()))
    }

    #[test]
    fn a_value_is_known_in_every_quoting() {
        let json = serde_json::to_string(VALUE).unwrap();
        for text in [
            VALUE.to_owned(),
            json.replace('/', "\\/"),
            json.replace('ü', "\\u00fc"),
            json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026"),
            json,
            format!("'{}'", VALUE.replace('\'', "''")),
            format!("'{}'", VALUE.replace('\'', r"'\''")),
            format!("{VALUE:?}"),
            hex::encode(VALUE),
            hex::encode_upper(VALUE),
            "p%40ss%27w%22o%2Fr%24d%3C%26%3E%5C%20%C3%BC%3F%0A~second%20line%3D%2B".to_owned(),
            "p%40ss'w%22o%2Fr%24d%3C%26%3E%5C%20%C3%BC%3F%0A~second%20line%3D%2B".to_owned(),
            "p%40ss%27w%22o%2fr%24d%3c%26%3e%5c+%c3%bc%3f%0a~second+line%3d%2b".to_owned(),
        ] {
            assert!(is_found(&format!("({text})")), "{text}");
        }
    }

    #[test]
    fn a_value_is_known_in_base64_wherever_it_begins() {
        for (before, after) in [("", ""), ("x", ""), ("xy", ""), ("user:", "\n"), ("u:", "tail"), ("xyz", "1")] {
            let text = format!("{before}{VALUE}{after}");
            for encoded in [STANDARD.encode(&text), URL_SAFE.encode(&text), STANDARD_NO_PAD.encode(&text)] {
                assert!(is_found(&encoded), "{before:?} {after:?}: {encoded}");
            }
        }
        let key = "x".repeat(200);
        let broken = STANDARD
            .encode(&key)
            .as_bytes()
            .chunks(76)
            .map(|line| String::from_utf8_lossy(line).into_owned())
            .collect::<Vec<_>>();
        for line in broken {
            assert!(of(&key).iter().any(|form| line.contains(form.as_str())), "{line}");
        }
    }

    #[test]
    fn each_line_of_a_key_is_known_and_its_frame_is_not() {
        let key = "-----BEGIN KEY-----\nMC4CAQAwBQYDK2Vw\nshort\n-----END KEY-----\n";
        let forms = of(key);
        assert!(forms.contains("MC4CAQAwBQYDK2Vw"));
        assert!(!forms.contains("-----BEGIN KEY-----") && !forms.contains("short"));
    }

    #[test]
    fn short_values_have_no_form() {
        assert!(of("12345").is_empty());
        assert!(of("123456").contains("123456"));
    }
}
