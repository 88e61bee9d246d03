//! Who runs this, and names that no other run has.

use std::hash::{BuildHasher, RandomState};

use jiff::Timestamp;

use crate::rollout::lock::Claim;

/// The claim of a new rollout, or of something else that nothing may happen beside.
pub(super) fn claim(kind: &str, now: Timestamp) -> Claim {
    let token = format!("{:016x}{:016x}", random(), random());
    // Sorts by time, and tells two runs of one second apart.
    let rollout = format!("{}-{}", now.strftime("%Y%m%dT%H%M%SZ"), &token[..6]);
    Claim { token, by: by(), kind: kind.to_owned(), rollout }
}

/// `user@machine`, as far as they are known.
pub(super) fn by() -> String {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let user = variable("USER").or_else(|| variable("LOGNAME")).or_else(account);
    let machine = file("/proc/sys/kernel/hostname").or_else(|| file("/etc/hostname")).or_else(|| variable("HOSTNAME"));
    format!("{}@{}", user.as_deref().unwrap_or("somebody"), machine.as_deref().unwrap_or("unknown"))
}

/// The account this process runs as, which pipelines often leave out of the environment.
fn account() -> Option<String> {
    let status = file("/proc/self/status")?;
    let uid = status.lines().find_map(|line| line.strip_prefix("Uid:"))?.split_whitespace().next()?;
    let accounts = file("/etc/passwd").unwrap_or_default();
    let fields = |line: &str| line.split(':').map(str::to_owned).collect::<Vec<_>>();
    let account = accounts.lines().map(fields).find(|fields| fields.get(2).is_some_and(|field| field == uid));
    Some(account.and_then(|fields| fields.into_iter().next()).unwrap_or_else(|| format!("uid {uid}")))
}

fn file(path: &str) -> Option<String> {
    std::fs::read_to_string(path).ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// Every hasher state is keyed from the system's randomness.
pub(super) fn random() -> u64 {
    RandomState::new().hash_one("shipctl")
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_two_names_are_the_same() {
        assert_ne!(super::random(), super::random());
    }

    #[test]
    fn an_operator_has_a_user_and_a_machine() {
        let by = super::by();
        let (user, machine) = by.split_once('@').unwrap();
        assert!(!user.is_empty() && !machine.is_empty(), "{by}");
    }
}
