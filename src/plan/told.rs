//! Who is told what comes of it. For whoever reads the plan; it tells nobody by itself.

use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};

use crate::environment::{Notification, Occasion};

/// Somebody who is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// How and where.
    pub to: String,
    /// Of what.
    pub on: BTreeSet<Occasion>,
}

impl From<&Notification> for Told {
    fn from(notification: &Notification) -> Self {
        Self { to: notification.to.to_string(), on: notification.on.clone() }
    }
}

impl Display for Told {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let on: Vec<_> = self.on.iter().map(|occasion| occasion.as_str()).collect();
        write!(f, "{}, on {}", self.to, on.join(", "))
    }
}
