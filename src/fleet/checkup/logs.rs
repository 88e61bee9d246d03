//! What containers print fills disks. Those of shipctl have bounds of their own; this is about all others.

use super::{Facts, Finding, Question};
use crate::fleet::machine::Content;
use crate::fleet::settings::{self, DEFAULT_DRIVER, Settings};

pub(super) fn judge(facts: &Facts) -> Finding {
    let driver = facts.engine.log_driver.as_str();
    if driver == "none" {
        let found = "containers without a log driver of their own keep nothing of what they print";
        return Finding::warning(
            Question::Logs,
            driver,
            found,
            "shipctl host setup ENV leaves that to you: see daemon.json",
        );
    }
    if driver != DEFAULT_DRIVER {
        return Finding::ok(Question::Logs, driver);
    }
    let text = match &facts.settings {
        Content::Text(text) => text,
        Content::Absent if facts.is_asked => "",
        Content::Unreadable => return Finding::not_known(Question::Logs, format!("{} is not for us", settings::PATH)),
        Content::Absent => {
            return Finding::not_known(Question::Logs, "an engine does not tell how its logs are bounded");
        }
    };
    match Settings::read(text) {
        Ok(settings) => {
            if let Some(size) = settings.max_size() {
                return Finding::ok(Question::Logs, format!("{size} each"));
            }
            let found =
                "logs of containers that are not shipctl's grow without end, unless dockerd was started with a bound";
            let advice = "shipctl host setup ENV, or `log-opts` in daemon.json";
            Finding::warning(Question::Logs, "no bound", found, advice)
        }
        Err(error) => {
            let advice = "put it right before the engine is restarted: it would not start";
            Finding::bad(Question::Logs, "invalid", error.to_string(), advice)
        }
    }
}
