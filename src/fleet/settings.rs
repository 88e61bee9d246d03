//! The settings of an engine, `daemon.json`: what of them matters here, and what is put into them. Pure.

use serde_json::{Map, Value, json};

/// Where engines read them.
pub const PATH: &str = "/etc/docker/daemon.json";
/// The driver that engines have by default. It keeps all that containers print, unless it is told otherwise.
pub const DEFAULT_DRIVER: &str = "json-file";
/// What it is told: as shipctl tells it for its own containers.
const ROTATION: [(&str, &str); 2] = [("max-size", "10m"), ("max-file", "3")];

/// Where it looks for what is Docker Hub's.
const MIRRORS: &str = "registry-mirrors";

/// A mirror's address without the `/` that engines put behind it.
pub fn bare(mirror: &str) -> &str {
    mirror.trim_end_matches('/')
}

/// An engine's settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings(Map<String, Value>);

/// Why a text is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{PATH} is not a JSON object: {0}")]
pub struct Invalid(String);

impl Settings {
    /// Reads them. A file without a character holds none, as engines take it.
    pub fn read(text: &str) -> Result<Self, Invalid> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        match serde_json::from_str(text) {
            Ok(Value::Object(settings)) => Ok(Self(settings)),
            Ok(_) => Err(Invalid("it holds something else".to_owned())),
            Err(error) => Err(Invalid(error.to_string())),
        }
    }

    /// The log driver of containers that have none of their own, if it is set.
    pub fn driver(&self) -> Option<&str> {
        self.0.get("log-driver")?.as_str()
    }

    /// How large a container's log gets before another file is begun, if that is set.
    pub fn max_size(&self) -> Option<&str> {
        self.0.get("log-opts")?.get("max-size")?.as_str()
    }

    /// Whether containers run on while the engine does not.
    pub fn restores(&self) -> bool {
        self.0.get("live-restore").and_then(Value::as_bool).unwrap_or(false)
    }

    /// Where it looks before Docker Hub.
    pub fn mirrors(&self) -> Vec<&str> {
        self.0
            .get(MIRRORS)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(bare)
            .collect()
    }

    /// What is in these and not in the others, for people.
    pub fn beyond(&self, others: &Self) -> Vec<String> {
        let logs = (self.max_size() != others.max_size()).then(|| "rotated logs".to_owned());
        let restores = (self.restores() && !others.restores()).then(|| "live-restore".to_owned());
        let known = others.mirrors();
        let mirrors = self.mirrors().into_iter().filter(|mirror| !known.contains(mirror));
        logs.into_iter().chain(restores).chain(mirrors.map(|mirror| format!("the mirror {mirror}"))).collect()
    }

    /// The same with rotated logs, live-restore and these mirrors of Docker Hub behind those that it has; all else stays as it
    /// is, in its order. What the engine was started with as `flags` is left alone: an engine refuses to start with a setting
    /// in both places. A swarm's refuses live-restore.
    #[must_use]
    pub fn completed(&self, flags: &[String], swarm: bool, mirrors: &[String]) -> Self {
        let has = |flag: &str| flags.iter().any(|word| word == flag || word.starts_with(&format!("{flag}=")));
        let mut settings = self.0.clone();
        let is_default = self.driver().is_none_or(|driver| driver == DEFAULT_DRIVER);
        if is_default && !has("--log-driver") && !has("--log-opt") && self.max_size().is_none() {
            settings.entry("log-driver").or_insert_with(|| json!(DEFAULT_DRIVER));
            let options = settings.entry("log-opts").or_insert_with(|| json!({}));
            for (name, value) in ROTATION {
                if let Some(options) = options.as_object_mut() {
                    options.entry(name).or_insert_with(|| json!(value));
                }
            }
        }
        if !self.restores() && !has("--live-restore") && !swarm {
            settings.insert("live-restore".to_owned(), json!(true));
        }
        if !mirrors.is_empty() && !has("--registry-mirror") {
            let list = settings.entry(MIRRORS).or_insert_with(|| json!([]));
            if let Some(list) = list.as_array_mut() {
                let known = self.mirrors();
                list.extend(mirrors.iter().filter(|mirror| !known.contains(&&***mirror)).map(|mirror| json!(mirror)));
            }
        }
        Self(settings)
    }

    /// Whether an engine takes up the difference while it runs: live-restore and mirrors are among what it reads again.
    pub fn is_reloaded_to(&self, other: &Self) -> bool {
        let without = |settings: &Self| {
            let mut settings = settings.0.clone();
            settings.shift_remove("live-restore");
            settings.shift_remove(MIRRORS);
            settings
        };
        without(self) == without(other)
    }

    /// As they are written.
    pub fn text(&self) -> String {
        format!("{:#}\n", Value::Object(self.0.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(text: &str, flags: &[&str], swarm: bool) -> String {
        let flags: Vec<_> = flags.iter().map(|&flag| flag.to_owned()).collect();
        Settings::read(text).unwrap().completed(&flags, swarm, &[]).text().split_whitespace().collect()
    }

    #[test]
    fn what_is_missing_is_added_and_nothing_is_lost() {
        const ALL: &str =
            r#""log-driver":"json-file","log-opts":{"max-size":"10m","max-file":"3"},"live-restore":true"#;
        for (text, expected) in [
            ("", format!("{{{ALL}}}")),
            (r#"{"dns": ["10.0.0.1"], "mtu": 1400}"#, format!(r#"{{"dns":["10.0.0.1"],"mtu":1400,{ALL}}}"#)),
            (
                r#"{"log-opts": {"labels": "a"}, "live-restore": false}"#,
                r#"{"log-opts":{"labels":"a","max-size":"10m","max-file":"3"},"live-restore":true,"log-driver":"json-file"}"#
                    .to_owned(),
            ),
            (
                r#"{"log-opts": {"max-size": "1g"}}"#,
                r#"{"log-opts":{"max-size":"1g"},"live-restore":true}"#.to_owned(),
            ),
            (r#"{"log-driver": "local"}"#, r#"{"log-driver":"local","live-restore":true}"#.to_owned()),
        ] {
            assert_eq!(completed(text, &[], false), expected, "{text}");
            assert_eq!(completed(&expected, &[], false), expected, "it is so already");
        }
    }

    #[test]
    fn what_would_keep_an_engine_from_starting_is_not_set() {
        assert_eq!(completed("", &["dockerd", "--log-opt", "max-size=1m", "--live-restore=true"], false), "{}");
        assert_eq!(completed(r#"{"log-driver": "local"}"#, &[], true), r#"{"log-driver":"local"}"#);
    }

    #[test]
    fn mirrors_come_behind_those_that_are_there() {
        let mirrored = |text: &str, flags: &[&str]| {
            let flags: Vec<_> = flags.iter().map(|&flag| flag.to_owned()).chain(["--log-opt=a=b".to_owned()]).collect();
            let mirrors = ["https://a:5000".to_owned(), "https://b".to_owned()];
            let settings = Settings::read(text).unwrap().completed(&flags, true, &mirrors).text();
            settings.split_whitespace().collect::<String>()
        };
        assert_eq!(mirrored("", &[]), r#"{"registry-mirrors":["https://a:5000","https://b"]}"#);
        let theirs = r#"{"registry-mirrors":["https://c","https://b/"],"mtu":1400}"#;
        let all = r#"{"registry-mirrors":["https://c","https://b/","https://a:5000"],"mtu":1400}"#;
        assert_eq!((mirrored(theirs, &[]), mirrored(all, &[])), (all.to_owned(), all.to_owned()));
        assert_eq!(mirrored("", &["dockerd", "--registry-mirror=https://c"]), "{}");
    }

    #[test]
    fn what_is_no_object_is_refused_with_its_place() {
        let refused = |text: &str| Settings::read(text).unwrap_err().to_string();
        assert_eq!(
            refused("{\n  \"dns\": [,]\n}"),
            "/etc/docker/daemon.json is not a JSON object: expected value at line 2 column 11"
        );
        assert_eq!(refused("[]"), "/etc/docker/daemon.json is not a JSON object: it holds something else");
    }

    #[test]
    fn an_engine_takes_up_live_restore_and_mirrors_while_it_runs_and_nothing_else() {
        let read = |text: &str| Settings::read(text).unwrap();
        assert!(read(r#"{"mtu": 1400}"#).is_reloaded_to(&read(r#"{"mtu": 1400, "live-restore": true}"#)));
        assert!(read("{}").is_reloaded_to(&read(r#"{"registry-mirrors": ["https://a"]}"#)));
        assert!(!read("{}").is_reloaded_to(&read(r#"{"log-driver": "local"}"#)));
    }
}
