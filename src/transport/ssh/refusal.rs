//! Why ssh gave up, read from what it wrote to its standard error. Pure.

use crate::fleet::SshDestination;
use crate::transport::TransportError;

/// Turns ssh's last words into an error for people, with the command that helps where there is one.
pub(super) fn explain(destination: &SshDestination, stderr: &str) -> TransportError {
    let lines: Vec<&str> = stderr.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let last = lines.last().copied().unwrap_or("ssh ended without a word");
    // Only the very last line may speak of host keys: what comes before can be a banner, which is the server's.
    let (message, hint) = if last == "Host key verification failed." {
        host_key(destination, &lines)
    } else if last.contains("Permission denied") || last.contains("Too many authentication failures") {
        let hint = "load a key that the host accepts: ssh-add, or IdentityFile in ~/.ssh/config";
        (format!("the host refused our login: {last}"), Some(hint.to_owned()))
    } else if last.contains("Could not resolve hostname") {
        (
            last.to_owned(),
            Some(format!("check the name `{}` in the manifest, or add it to ~/.ssh/config", destination.host)),
        )
    } else {
        (last.to_owned(), None)
    };
    TransportError { message: clean(&format!("ssh {destination}: {message}")), hint: hint.map(|hint| clean(&hint)) }
}

fn host_key(destination: &SshDestination, lines: &[&str]) -> (String, Option<String>) {
    let name_between = |before: &str, after: &str| {
        let found = lines.iter().find_map(|line| line.split_once(before)?.1.split_once(after).map(|(name, _)| name));
        found.filter(|name| is_plain(name)).map(str::to_owned)
    };
    if lines.iter().any(|line| line.contains("REVOKED HOST KEY DETECTED")) {
        return ("its host key has been revoked".to_owned(), None);
    }
    if let Some(name) = name_between("Host key for ", " has changed") {
        let file =
            lines.iter().find_map(|line| line.strip_prefix("Offending ")?.split_once(" key in ")?.1.rsplit_once(':'));
        let file = file
            .map(|(file, _)| file)
            .filter(|file| is_plain(file))
            .map_or(String::new(), |file| format!(" -f {file}"));
        let hint = format!("if the host was reinstalled, forget its old key: ssh-keygen{file} -R '{name}'");
        return ("its host key has CHANGED; somebody may be in the way".to_owned(), Some(hint));
    }
    let name =
        name_between("host key is known for ", " and you have requested").unwrap_or_else(|| destination.host.clone());
    let scan = match name.strip_prefix('[').and_then(|rest| rest.split_once("]:")) {
        Some((host, port)) => format!("-p {port} {host}"),
        None => name,
    };
    let hint = format!("compare its fingerprint with the host's own, then: ssh-keyscan {scan} >> ~/.ssh/known_hosts");
    ("its host key is not known".to_owned(), Some(hint))
}

/// Fit to be put into a command for a shell.
fn is_plain(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:[]/@%".contains(&byte);
    !text.is_empty() && !text.starts_with('-') && text.bytes().all(plain)
}

fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(stderr: &str) -> (String, String) {
        let destination = SshDestination { user: Some("deploy".into()), host: "web1".into(), port: Some(2222) };
        let error = explain(&destination, stderr);
        (error.message, error.hint.unwrap_or_default())
    }

    #[test]
    fn an_unknown_key_comes_with_the_command_that_enrols_it() {
        let (message, hint) = explained(
            "No ED25519 host key is known for [10.0.0.1]:2222 and you have requested strict checking.\r\nHost key verification failed.\r\n",
        );
        assert_eq!(message, "ssh deploy@web1:2222: its host key is not known");
        assert!(hint.ends_with("ssh-keyscan -p 2222 10.0.0.1 >> ~/.ssh/known_hosts"), "{hint}");
    }

    #[test]
    fn a_changed_key_comes_with_the_command_that_forgets_the_old_one() {
        let (message, hint) = explained(
            "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\nOffending ED25519 key in /root/.ssh/known_hosts:3\n\
             Host key for web1.example has changed and you have requested strict checking.\nHost key verification failed.\n",
        );
        assert!(message.contains("CHANGED"), "{message}");
        assert!(hint.ends_with("ssh-keygen -f /root/.ssh/known_hosts -R 'web1.example'"), "{hint}");
    }

    #[test]
    fn a_server_cannot_talk_us_into_a_command() {
        let banner = "Host key for x'; rm -rf / has changed\nHost key verification failed.\ndeploy@web1: Permission denied (publickey).";
        let (message, hint) = explained(banner);
        assert!(message.contains("refused our login"), "{message}");
        assert!(!hint.contains("rm"), "{hint}");
        let (_, hint) = explained("Host key for x'; rm -rf / has changed\x1b[2J\nHost key verification failed.");
        assert!(hint.ends_with("ssh-keyscan web1 >> ~/.ssh/known_hosts"), "{hint}");
    }
}
