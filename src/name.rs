//! Names that end up in container names, labels and host names: validated once, so that no later
//! stage has to ask whether a name is safe to print or to put into a request.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 63 of a-z, 0-9, `-`, `_` and `.`, beginning and ending with a letter or digit")]
pub struct InvalidName;

/// The same as a regular expression, for other programs to check with.
pub(crate) const PATTERN: &str = "[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?";

fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    (1..=63).contains(&bytes.len())
        && plain(bytes[0])
        && plain(bytes[bytes.len() - 1])
        && bytes.iter().all(|byte| plain(*byte) || matches!(byte, b'-' | b'.' | b'_'))
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                if is_name(text) { Ok(Self(text.to_owned())) } else { Err(InvalidName) }
            }
        }

        impl TryFrom<String> for $type {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> String {
                name.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

name!(
    /// What is deployed as one: all environments of one repository share it.
    ProjectName
);
name!(
    /// A named target, such as `staging` or `prod`.
    EnvironmentName
);
name!(
    /// A machine of the fleet, by the name the manifest gives it (not necessarily its address).
    HostName
);
name!(
    /// A load balancer.
    BalancerName
);
name!(
    /// One application of the project.
    ServiceName
);
name!(
    /// Something that runs once for a release, such as a migration.
    JobName
);
name!(
    /// A secret by its name; its value is a [`crate::environment::secret::Secret`].
    SecretName
);
name!(
    /// A volume, network or config, by the name the manifest gives it.
    ResourceName
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_to_print_and_to_send() {
        for good in ["web", "web-1", "db.internal", "a", "a_b"] {
            assert!(good.parse::<HostName>().is_ok(), "{good}");
        }
        for bad in ["", "-web", "web-", "Web", "we b", "web\n", "wéb", "a/b", "$(x)", &"a".repeat(64)] {
            assert!(bad.parse::<HostName>().is_err(), "{bad:?}");
        }
    }
}
