//! A command inside a container.

use bollard::Docker;
use bollard::errors::Error as DockerError;
use bollard::exec::{CreateExecOptions, StartExecResults};

use crate::container::ContainerId;
use crate::engine::docker::output::{clean_line, last_lines, tail};
use crate::health::NotReady;

/// Runs a command; exit code 0 is a yes. Whoever calls sets the time limit; a command that takes longer is left to itself,
/// because the engine has no way to end it.
pub(super) async fn run(docker: &Docker, container: &ContainerId, command: &[String]) -> Result<(), NotReady> {
    let (code, output) =
        execute(docker, container, command).await.map_err(|error| NotReady(clean_line(&error.to_string())))?;
    let said = last_lines(&output, 1).pop();
    match (code, said) {
        (Some(0), _) => Ok(()),
        (Some(code), Some(line)) => Err(NotReady(format!("exit code {code}: {line}"))),
        (Some(code), None) => Err(NotReady(format!("exit code {code}"))),
        (None, _) => Err(NotReady("the command ended without an exit code".to_owned())),
    }
}

async fn execute(
    docker: &Docker,
    container: &ContainerId,
    command: &[String],
) -> Result<(Option<i64>, Vec<u8>), DockerError> {
    let options = CreateExecOptions {
        cmd: Some(command.to_vec()),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        ..CreateExecOptions::default()
    };
    let exec = docker.create_exec(&container.0, options).await?;
    let output = match docker.start_exec(&exec.id, None).await? {
        StartExecResults::Attached { output, .. } => tail(output).await?,
        StartExecResults::Detached => Vec::new(),
    };
    Ok((docker.inspect_exec(&exec.id).await?.exit_code, output))
}
