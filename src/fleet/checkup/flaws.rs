//! Flaws that are known in versions of what containers run by. Few, and grave: each lets somebody out of a container or past the
//! engine's permissions. It is no scanner.

use super::version::Version;
use super::{EngineFacts, Finding, Question};

/// A flaw, and the versions from which on it is mended, one for each line of versions that got a fix. Lines after the last
/// never had it.
struct Flaw {
    component: &'static str,
    name: &'static str,
    means: &'static str,
    mended: &'static [&'static str],
}

/// Each by the advisory of its project, found beneath `github.com/<project>/security/advisories`.
const FLAWS: [Flaw; 5] = [
    // opencontainers/runc, GHSA-xr7r-f8xq-vfvv.
    Flaw {
        component: "runc",
        name: "CVE-2024-21626",
        means: "a container can get at the host's files",
        mended: &["1.1.12"],
    },
    // opencontainers/runc, GHSA-9493-h29p-rfm2, GHSA-qw9x-cqr3-wc7r, GHSA-cgrx-mc8f-2prm.
    Flaw {
        component: "runc",
        name: "CVE-2025-31133, -52565 and -52881",
        means: "a container can write to the host's kernel",
        mended: &["1.2.8", "1.3.3", "1.4.0-rc.3"],
    },
    // containerd/containerd, GHSA-pwhc-rpq9-4c8w.
    Flaw {
        component: "containerd",
        name: "CVE-2024-25621",
        means: "users of the host can read what only root should",
        mended: &["1.7.29", "2.0.7", "2.1.5", "2.2.0"],
    },
    // moby/moby, GHSA-v23v-6jw2-98fq.
    Flaw {
        component: "Engine",
        name: "CVE-2024-41110",
        means: "authorisation plugins, where there are any, can be passed by",
        mended: &["23.0.15", "25.0.6", "26.1.5", "27.1.1"],
    },
    // moby/buildkit, GHSA-m3r6-h7wv-7xxv, GHSA-4v98-7qmw-rqr8, GHSA-wr6v-9f75-vh2g: BuildKit before 0.12.5, which is in the
    // engine.
    Flaw {
        component: "Engine",
        name: "CVE-2024-23651, -23652 and -23653",
        means: "what is built there can get at the host",
        mended: &["24.0.9", "25.0.2"],
    },
];

pub(super) fn judge(engine: &EngineFacts) -> Vec<Finding> {
    let version = |component: &str| match component {
        "Engine" => Some(&engine.version),
        other => engine.components.get(other),
    };
    let mut found = Vec::new();
    for flaw in &FLAWS {
        let Some(text) = version(flaw.component) else { continue };
        if Version::read(text).is_some_and(|version| !flaw.is_mended_in(&version)) {
            let component = if flaw.component == "Engine" { "the engine" } else { flaw.component };
            let words =
                format!("{component} {text} has {}: {}; mended in {}", flaw.name, flaw.means, flaw.mended.join(", "));
            found.push(words);
        }
    }
    if found.is_empty() {
        let seen = FLAWS.iter().all(|flaw| version(flaw.component).and_then(|text| Version::read(text)).is_some());
        let why = "the engine does not tell all versions of what it consists of";
        return vec![if seen {
            Finding::ok(Question::Flaws, "none known")
        } else {
            Finding::not_known(Question::Flaws, why)
        }];
    }
    let advice =
        "upgrade it, unless your distribution has mended it: Debian and Ubuntu do so without another upstream version";
    let short = found.len().to_string();
    found.into_iter().map(|words| Finding::warning(Question::Flaws, &short, words, advice)).collect()
}

impl Flaw {
    fn is_mended_in(&self, version: &Version) -> bool {
        let mended: Vec<_> = self.mended.iter().filter_map(|text| Version::read(text)).collect();
        let is_after_all = mended.iter().all(|fixed| version >= fixed);
        is_after_all || mended.iter().any(|fixed| fixed.line() == version.line() && version >= fixed)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use insta::assert_snapshot;

    use super::*;

    fn flaws(engine: &str, containerd: &str, runc: &str) -> String {
        let components =
            [("containerd", containerd), ("runc", runc)].map(|(name, text)| (name.to_owned(), text.to_owned()));
        let facts = EngineFacts {
            version: engine.to_owned(),
            components: BTreeMap::from(components),
            ..EngineFacts::default()
        };
        let told = judge(&facts).into_iter().map(|finding| finding.found.unwrap_or(finding.short));
        told.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn each_line_of_versions_is_held_against_its_own_fix() {
        assert_snapshot!(flaws("20.10.24+dfsg1", "1.6.20~ds1", "1.1.5+ds1-1+deb12u1"), @r"
        runc 1.1.5+ds1-1+deb12u1 has CVE-2024-21626: a container can get at the host's files; mended in 1.1.12
        runc 1.1.5+ds1-1+deb12u1 has CVE-2025-31133, -52565 and -52881: a container can write to the host's kernel; mended in 1.2.8, 1.3.3, 1.4.0-rc.3
        containerd 1.6.20~ds1 has CVE-2024-25621: users of the host can read what only root should; mended in 1.7.29, 2.0.7, 2.1.5, 2.2.0
        the engine 20.10.24+dfsg1 has CVE-2024-41110: authorisation plugins, where there are any, can be passed by; mended in 23.0.15, 25.0.6, 26.1.5, 27.1.1
        the engine 20.10.24+dfsg1 has CVE-2024-23651, -23652 and -23653: what is built there can get at the host; mended in 24.0.9, 25.0.2
        ");
        assert_eq!(flaws("29.0.1", "v2.2.0", "1.3.3"), "none known");
        assert_eq!(flaws("27.1.1", "1.7.29", "1.2.8"), "none known");
        assert_eq!(flaws("28.0.0", "2.1.5", "1.4.0-rc.3"), "none known");
        assert!(flaws("27.0.3", "2.1.4", "1.3.2").matches("CVE-").count() >= 3);
        assert!(flaws("24.0.9", "1.7.29", "1.2.8").contains("CVE-2024-41110"), "24.0 never got that one");
        assert!(!flaws("24.0.9", "1.7.29", "1.2.8").contains("CVE-2024-23651"));
        assert!(flaws("dev", "1.7.29", "1.2.8").contains("does not tell all"));
    }
}
