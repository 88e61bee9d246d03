//! Programs in containers of Docker.

use async_trait::async_trait;
use bollard::container::LogOutput;
use bollard::errors::Error as DockerError;
use bollard::exec::{CreateExecOptions, ResizeExecOptions, StartExecOptions, StartExecResults};
use bollard::query_parameters::ResizeContainerTTYOptionsBuilder;
use futures_util::stream::BoxStream;
use futures_util::{Stream as Parts, StreamExt};

use super::DockerEngine;
use crate::container::ContainerId;
use crate::engine::EngineError;
use crate::engine::client::{SHORT, call};
use crate::engine::console::Stream;
use crate::engine::session::{OneOff, Program, Running, Session, Sessions, Size, Written};

/// The keys by which the engine leaves a program alone: of the usual ones the first is what a shell looks in its history by,
/// and the engine would keep it back.
pub(super) const DETACH: &str = "ctrl-^,ctrl-@";

#[async_trait]
impl Sessions for DockerEngine {
    async fn exec(&self, id: &ContainerId, program: &Program) -> Result<Session, EngineError> {
        let options = CreateExecOptions {
            cmd: Some(program.words.clone()),
            user: program.user.clone(),
            working_dir: program.directory.clone(),
            attach_stdin: Some(program.reads),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            tty: Some(program.terminal.is_some()),
            detach_keys: Some(DETACH.to_owned()),
            ..CreateExecOptions::default()
        };
        let exec = self.short(self.docker().create_exec(&id.0, options)).await?.id;
        let start = StartExecOptions { tty: program.terminal.is_some(), ..StartExecOptions::default() };
        let started = call(SHORT, self.docker().start_exec(&exec, Some(start))).await?;
        let running = Running::Exec(exec);
        if let Some(size) = program.terminal {
            // A program that has ended by now needs no size.
            drop(self.resize(&running, size).await);
        }
        match started {
            StartExecResults::Attached { output, input } => {
                Ok(Session { running, output: written(output), input, ended: None })
            }
            StartExecResults::Detached => Err(EngineError::Refused("the engine does not show the program".to_owned())),
        }
    }

    async fn create_beside(&self, id: &ContainerId, one_off: &OneOff) -> Result<ContainerId, EngineError> {
        self.create_one_off(id, one_off).await
    }

    async fn start_attached(&self, id: &ContainerId, one_off: &OneOff) -> Result<Session, EngineError> {
        self.start_one_off(id, one_off).await
    }

    async fn start(&self, id: &ContainerId) -> Result<(), EngineError> {
        self.start_beside(id).await
    }

    async fn resize(&self, running: &Running, size: Size) -> Result<(), EngineError> {
        let Size { rows: height, columns: width } = size;
        match running {
            Running::Exec(exec) => {
                self.short(self.docker().resize_exec(exec, ResizeExecOptions { height, width })).await
            }
            Running::Container(id) => {
                let options = ResizeContainerTTYOptionsBuilder::new().h(height.into()).w(width.into()).build();
                self.short(self.docker().resize_container_tty(&id.0, options)).await
            }
        }
    }

    async fn code(&self, running: &Running) -> Result<Option<i64>, EngineError> {
        match running {
            Running::Exec(exec) => Ok(self.short(self.docker().inspect_exec(exec)).await?.exit_code),
            Running::Container(id) => Ok(self
                .inspect(&id.0)
                .await?
                .state
                .filter(|state| state.running != Some(true))
                .and_then(|it| it.exit_code)),
        }
    }
}

/// What is written, by stream.
pub(super) fn written(
    output: impl Parts<Item = Result<LogOutput, DockerError>> + Send + 'static,
) -> BoxStream<'static, Result<Written, EngineError>> {
    let each = |part: Result<LogOutput, DockerError>| {
        let part = part?;
        let stream = if matches!(part, LogOutput::StdErr { .. }) { Stream::Stderr } else { Stream::Stdout };
        Ok(Written { stream, bytes: part.into_bytes() })
    };
    output.map(each).boxed()
}
