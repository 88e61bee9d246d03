//! Durations as people write them: `200ms`, `2s`, `1m30s`, `1h`.

use std::time::Duration;

/// Longest duration a manifest may ask for; longer ones are typing errors.
pub const MAX: Duration = Duration::from_hours(24);

/// Reads `1h2m3s4ms` in the Compose Specification's form: a unit is required, each at most once, in
/// falling order. `us` is read too, as Compose does. The error says what is allowed.
pub fn parse(text: &str) -> Result<Duration, String> {
    const UNITS: [(&str, u64); 5] =
        [("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1_000), ("us", 1)];
    let malformed = || format!("expected a duration such as `200ms`, `10s` or `1m30s`, found `{text}`");
    let (mut rest, mut micros, mut next_unit) = (text, 0u64, 0usize);
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let letters = rest[digits..].bytes().take_while(u8::is_ascii_alphabetic).count();
        let unit = UNITS.iter().position(|(name, _)| *name == &rest[digits..digits + letters]);
        let (Ok(count), Some(unit)) = (rest[..digits].parse::<u64>(), unit) else { return Err(malformed()) };
        if unit < next_unit {
            return Err(malformed());
        }
        micros = count.checked_mul(UNITS[unit].1).and_then(|part| micros.checked_add(part)).ok_or_else(malformed)?;
        next_unit = unit + 1;
        rest = &rest[digits + letters..];
    }
    let duration = Duration::from_micros(micros);
    match text {
        "" => Err(malformed()),
        _ if duration > MAX => Err(format!("`{text}` is longer than a day")),
        _ => Ok(duration),
    }
}

/// The shortest form that [`parse`] reads back as the same duration (to the microsecond).
pub fn display(duration: Duration) -> String {
    let mut micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (unit, size) in [("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1_000), ("us", 1)] {
        if micros >= size {
            text += &(micros / size).to_string();
            text += unit;
            micros %= size;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// For `#[serde(with = "…")]`.
pub mod text {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Writes [`super::display`].
    pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::display(*duration))
    }

    /// Reads [`super::parse`].
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        super::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for text in ["0s", "200ms", "1s", "1m30s", "24h", "1h1m1s1ms1us"] {
            assert_eq!(display(parse(text).unwrap()), text);
        }
    }

    #[test]
    fn a_duration_needs_units_in_order_and_a_sane_size() {
        for bad in ["", "30", "-5s", "1y", "5m30", "s", "1s1m", "1s1s", "1e9s", "25h", "99999999999999999999s", "1.5s"]
        {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
