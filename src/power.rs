//! The door to the machine under an engine: which life it is in, and ending that. The one door that may reboot.

use std::sync::Arc;

use async_trait::async_trait;

use crate::engine::EngineError;
use crate::fleet::observed::Boot;
use crate::transport::{Answer, Transport};

/// The machine of one host.
#[async_trait]
pub trait Machine: Send + Sync {
    /// The life that it is in. Answered only once its engine can be asked too.
    async fn boot(&self) -> Result<Boot, EngineError>;

    /// Tells it to reboot, unless it is in another life than this by then: so a call that comes late or twice does nothing.
    /// That it was told is all that is known when this returns.
    async fn reboot(&self, from: &Boot) -> Result<(), EngineError>;
}

/// A machine that programs can be run on.
pub struct Shell(pub Arc<dyn Transport>);

/// Prints what differs from one life to the next: the kernel's own id of its boot, and when the first process began. A machine
/// of its own has another id; one that is a container shares its kernel's, and has another first process.
const LIFE: &str = r#"cat /proc/sys/kernel/random/boot_id; if [ -r /proc/1/stat ]; then sed "s/.*) //" /proc/1/stat | cut -d " " -f 20; else echo -; fi"#;

/// Reboots as root, or by `sudo` where nobody is asked for a password; by the init system's own program where there is one.
const REBOOT: &str = r#"PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; if [ "$(id -u)" = 0 ]; then as=; else as="sudo -n"; fi; $as systemctl reboot || $as reboot || $as shutdown -r now"#;

/// What a script says of itself in one line: its last complaint, else the end of what it printed.
fn said(answer: &Answer) -> String {
    let last = |text: &str| text.lines().rev().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned);
    let said = last(&answer.complaints).or_else(|| last(&answer.output));
    let said = said.unwrap_or_else(|| "it says nothing".to_owned());
    said.chars().filter(|c| !c.is_control()).collect()
}

impl Shell {
    async fn run(&self, script: &str) -> Result<Answer, EngineError> {
        match self.0.start(&["sh", "-c", script].map(str::to_owned)).await {
            Some(Ok(program)) => Ok(program.answer(&[]).await),
            // It may have been heard: a machine that goes down takes its answer with it.
            Some(Err(error)) => Err(EngineError::InDoubt(error.to_string())),
            None => Err(EngineError::Refused("no program can be run there: it is not reached by SSH".to_owned())),
        }
    }
}

#[async_trait]
impl Machine for Shell {
    async fn boot(&self) -> Result<Boot, EngineError> {
        let answer = self.run(LIFE).await?;
        life(&answer.output).ok_or_else(|| EngineError::Refused(format!("its boot cannot be told: {}", said(&answer))))
    }

    async fn reboot(&self, from: &Boot) -> Result<(), EngineError> {
        if self.boot().await? != *from {
            return Ok(());
        }
        let answer = self.run(REBOOT).await?;
        match answer.code {
            Some(0) => Ok(()),
            Some(_) => Err(EngineError::Refused(format!("it cannot be told to reboot: {}", said(&answer)))),
            None => Err(EngineError::InDoubt("it ended before it had answered".to_owned())),
        }
    }
}

/// The life that a machine says it is in. A login shell may talk first.
fn life(output: &str) -> Option<Boot> {
    let is_id = |line: &&str| line.len() == 36 && line.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
    let lines: Vec<_> = output.lines().map(str::trim).collect();
    let at = lines.iter().position(is_id)?;
    // Half of an answer would look like another life.
    let is_time = |text: &&&str| **text == "-" || !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let began = lines.get(at + 1).filter(is_time)?;
    Some(Boot(format!("{} {began}", lines[at])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_is_the_kernels_boot_and_the_first_process() {
        let told = |text: &str| life(text).map(|boot| boot.0);
        let id = "3f1c9a52-8a1e-4c6e-9d0e-0b7a1c2d3e4f";
        assert_eq!(told(&format!("{id}\n17\n")), Some(format!("{id} 17")));
        assert_eq!(told(&format!("Welcome!\n{id}\n4242\n")), Some(format!("{id} 4242")));
        assert_eq!(told(&format!("{id}\n-\n")), Some(format!("{id} -")), "who may not see it has the kernel's alone");
        assert_eq!(told(&format!("{id}\n")), None, "half of an answer is none");
        assert_eq!(told("cat: permission denied\n"), None);
    }
}
