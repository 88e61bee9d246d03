//! A program that is run within a container that runs already.

use bollard::Docker;
use bollard::container::LogOutput;
use bollard::errors::Error as DockerError;
use bollard::exec::{CreateExecOptions, StartExecResults};
use futures_util::StreamExt;

/// How a program ended, and what it wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Done {
    /// Its exit code; `None` if the engine does not know it.
    pub code: Option<i64>,
    /// Its standard output.
    pub output: Vec<u8>,
    /// Its standard error.
    pub complaints: String,
}

/// Runs a program to its end. Output beyond `longest` is not waited for.
pub(super) async fn execute(
    docker: &Docker,
    container: &str,
    words: Vec<String>,
    variables: Vec<String>,
    longest: u64,
) -> Result<Done, DockerError> {
    let options = CreateExecOptions {
        cmd: Some(words),
        env: Some(variables),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        ..CreateExecOptions::default()
    };
    let exec = docker.create_exec(container, options).await?;
    let mut done = Done::default();
    if let StartExecResults::Attached { mut output, .. } = docker.start_exec(&exec.id, None).await? {
        while let Some(part) = output.next().await {
            match part? {
                LogOutput::StdErr { message } => done.complaints.push_str(&String::from_utf8_lossy(&message)),
                other => done.output.extend_from_slice(&other.into_bytes()),
            }
            if done.output.len() as u64 > longest {
                break;
            }
        }
    }
    done.code = docker.inspect_exec(&exec.id).await?.exit_code;
    Ok(done)
}
