//! Versions as engines and distributions write them.

use std::cmp::Ordering;

/// A version that can be compared: its numbers, and which candidate before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    numbers: [u64; 3],
    /// `1.4.0-rc.3` comes before `1.4.0`.
    candidate: Option<u64>,
}

impl Version {
    /// Reads `1.1.5+ds1-1+deb12u1`, `v1.7.18`, `20.10.24+dfsg1`, `1.4.0-rc.3`: what a distribution adds is passed over.
    pub(super) fn read(text: &str) -> Option<Self> {
        let text = text.trim().trim_start_matches('v');
        let end = text.find(['+', '~', '-', ' ']).unwrap_or(text.len());
        let (numbers, rest) = text.split_at(end);
        let mut parts = numbers.split('.').map(|part| part.parse().ok());
        let numbers = [parts.next()??, parts.next().flatten().unwrap_or(0), parts.next().flatten().unwrap_or(0)];
        let candidate = rest.strip_prefix("-rc").map(|rest| {
            let digits: String = rest.trim_start_matches('.').chars().take_while(char::is_ascii_digit).collect();
            digits.parse().unwrap_or(0)
        });
        Some(Self { numbers, candidate })
    }

    /// Its first two numbers: what gets fixes of its own.
    pub(super) fn line(&self) -> (u64, u64) {
        (self.numbers[0], self.numbers[1])
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let last = |version: &Self| version.candidate.unwrap_or(u64::MAX);
        self.numbers.cmp(&other.numbers).then(last(self).cmp(&last(other)))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_in_the_order_in_which_they_came() {
        let order =
            ["1.1.5+ds1-1+deb12u1", "v1.1.12", "1.2.8", "1.4.0-rc.1", "1.4.0-rc.3", "1.4.0", "20.10.24+dfsg1", "29.0"];
        let versions: Vec<_> = order.iter().map(|text| Version::read(text).unwrap()).collect();
        assert!(versions.is_sorted(), "{versions:?}");
        assert!(versions[3] < versions[4] && versions[4] < versions[5]);
        assert_eq!(Version::read("20.10.24+dfsg1").unwrap().line(), (20, 10));
        assert_eq!(Version::read("dev"), None);
    }
}
