//! Words of a program as one line, which is what SSH carries. Pure.

use std::fmt::Write;

/// A line that runs a program with just these words, whatever shell the user has at the far end.
///
/// Shells do not quote alike: fish reads a backslash between single quotes, csh an exclamation mark. So the words travel to an
/// `sh` of their own in characters that mean the same to all of them, each other byte as the octal number that `printf %b`
/// reads.
pub(super) fn line(words: &[String]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("'{}'", word.replace('\'', r"'\''"))).collect();
    let mut encoded = String::new();
    for byte in format!("exec {}", quoted.join(" ")).bytes() {
        if byte.is_ascii_alphanumeric() || b"/._,:=@-".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "\\0{byte:03o}");
        }
    }
    format!("exec sh -c 'eval \"$(printf %b \"$0\")\"' '{encoded}'")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::process;

    const NASTY: [&str; 9] = [
        "plain",
        "",
        "it's",
        "$(id) `id` $HOME",
        "a\\b\\\\c\\n",
        "two\nlines\n",
        "!! ; | & > < * ? ~ #",
        "größer",
        "\"q\" %b \\0101",
    ];

    #[test]
    fn a_line_holds_nothing_that_shells_read_differently() {
        assert_eq!(
            line(&["printf".to_owned(), "it's".to_owned()]),
            r#"exec sh -c 'eval "$(printf %b "$0")"' 'exec\0040\0047printf\0047\0040\0047it\0047\0134\0047\0047s\0047'"#
        );
        let words: Vec<String> = NASTY.iter().map(|&word| word.to_owned()).collect();
        let (_, encoded) =
            line(&words).rsplit_once(" '").map(|(line, last)| (line.to_owned(), last.to_owned())).unwrap();
        assert!(
            encoded.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._,:=@-\\'".contains(&byte)),
            "{encoded}"
        );
        assert!(!encoded.contains("\\\\"), "two backslashes in a row are one to fish: {encoded}");
    }

    #[tokio::test]
    async fn every_shell_of_this_machine_passes_the_words_on_as_they_are() {
        let mut words = vec!["printf".to_owned(), "[%s]".to_owned()];
        words.extend(NASTY.iter().map(|&word| word.to_owned()));
        let expected = format!("[{}]", NASTY.join("]["));
        let mut tried = 0;
        for shell in ["sh", "dash", "bash", "zsh", "fish", "csh", "tcsh", "ksh", "busybox"] {
            let mut command = process::command(shell);
            if shell == "busybox" {
                command.arg("sh");
            }
            command.arg("-c").arg(line(&words));
            // A shell that is not installed cannot be wrong.
            let Ok(ended) = process::run(command, std::time::Duration::from_secs(10), 64 * 1024).await else {
                continue;
            };
            assert_eq!(String::from_utf8_lossy(&ended.output), expected, "{shell}");
            tried += 1;
        }
        assert!(tried >= 1);
    }
}
