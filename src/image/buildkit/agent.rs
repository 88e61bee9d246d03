//! SSH agents of the operator that a build may have something signed by. Keys stay with the agent.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use bollard_buildkit_proto::moby::sshforward::v1::ssh_server::Ssh;
use bollard_buildkit_proto::moby::sshforward::v1::{BytesMessage, CheckAgentRequest, CheckAgentResponse};
use futures_util::{Stream, StreamExt, stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tonic::{Request, Response, Status, Streaming, async_trait};

/// Where BuildKit says which agent it means, and what it means where it does not.
const ID: (&str, &str) = ("buildkit.ssh.id", "default");
/// Bytes that are carried at once. Agents answer in far fewer.
const CHUNK: usize = 16 << 10;

/// Their sockets, by id.
pub(super) struct Agents(pub(super) Arc<BTreeMap<String, PathBuf>>);

impl Agents {
    fn socket(&self, id: &str) -> Result<&PathBuf, Status> {
        let id = if id.is_empty() { ID.1 } else { id };
        let none = || Status::not_found(format!("the build has no agent `{id}` under `ssh` in the manifest"));
        self.0.get(id).ok_or_else(none)
    }
}

#[async_trait]
impl Ssh for Agents {
    async fn check_agent(&self, request: Request<CheckAgentRequest>) -> Result<Response<CheckAgentResponse>, Status> {
        self.socket(&request.into_inner().id).map(|_| Response::new(CheckAgentResponse {}))
    }

    type ForwardAgentStream = Pin<Box<dyn Stream<Item = Result<BytesMessage, Status>> + Send>>;

    async fn forward_agent(
        &self,
        request: Request<Streaming<BytesMessage>>,
    ) -> Result<Response<Self::ForwardAgentStream>, Status> {
        let id = request.metadata().get(ID.0).and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
        let agent = UnixStream::connect(self.socket(&id)?).await;
        let agent = agent.map_err(|error| Status::unavailable(format!("the SSH agent does not answer: {error}")))?;
        let (read, mut write) = agent.into_split();
        let mut asked = request.into_inner();
        let asking = async move {
            while let Some(Ok(message)) = asked.next().await {
                if write.write_all(&message.data).await.is_err() {
                    break;
                }
            }
            // Dropped here, which is how the agent learns that nothing more comes.
        };
        let answers = stream::unfold(read, async |mut read| {
            let mut data = vec![0; CHUNK];
            let count = read.read(&mut data).await.ok().filter(|count| *count > 0)?;
            data.truncate(count);
            Some((Ok(BytesMessage { data }), read))
        });
        // Questions are carried for as long as answers are listened for.
        let asking = stream::once(asking).filter_map(|()| async { None });
        Ok(Response::new(Box::pin(stream::select(asking, answers))))
    }
}

#[cfg(test)]
mod tests {
    use bollard_buildkit_proto::moby::sshforward::v1::ssh_client::SshClient;
    use bollard_buildkit_proto::moby::sshforward::v1::ssh_server::SshServer;
    use hyper_util::rt::TokioIo;
    use tokio::net::UnixListener;
    use tonic::transport::{Channel, Endpoint, Server};

    use super::*;

    /// A client that asks for what is offered, as BuildKit does.
    async fn client(agents: BTreeMap<String, PathBuf>) -> SshClient<Channel> {
        let (ours, theirs) = tokio::io::duplex(CHUNK);
        let incoming = stream::iter([Ok::<_, std::io::Error>(ours)]);
        let server = Server::builder().add_service(SshServer::new(Agents(Arc::new(agents))));
        tokio::spawn(server.serve_with_incoming(incoming));
        let mut theirs = Some(theirs);
        let connect = tower::service_fn(move |_| {
            let stream = theirs.take().map(TokioIo::new).ok_or_else(|| std::io::Error::other("once only"));
            async { stream }
        });
        SshClient::new(Endpoint::from_static("http://builder").connect_with_connector(connect).await.unwrap())
    }

    fn message(text: &str) -> BytesMessage {
        BytesMessage { data: text.as_bytes().to_vec() }
    }

    #[tokio::test]
    async fn questions_reach_the_agent_and_answers_come_back() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("agent");
        let agent = UnixListener::bind(&socket).unwrap();
        let answering = tokio::spawn(async move {
            let (mut stream, _) = agent.accept().await.unwrap();
            let mut asked = [0; 4];
            stream.read_exact(&mut asked).await.unwrap();
            stream.write_all(b"signed").await.unwrap();
            // The end of the questions reaches it too.
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).await.unwrap();
            (asked, rest)
        });
        let mut client = client(BTreeMap::from([("default".to_owned(), socket)])).await;
        client.check_agent(CheckAgentRequest { id: String::new() }).await.expect("the default agent");
        let mut request = Request::new(stream::iter([message("sign")]));
        request.metadata_mut().insert(ID.0, "default".parse().unwrap());
        let mut answers = client.forward_agent(request).await.unwrap().into_inner();
        assert_eq!(answers.message().await.unwrap(), Some(message("signed")));
        assert_eq!(answering.await.unwrap(), (*b"sign", Vec::new()));
        assert_eq!(answers.message().await.unwrap(), None);
    }

    #[tokio::test]
    async fn an_agent_that_the_build_does_not_name_is_not_asked() {
        let mut client = client(BTreeMap::new()).await;
        let refused = client.check_agent(CheckAgentRequest { id: "other".to_owned() }).await.unwrap_err();
        assert_eq!(refused.message(), "the build has no agent `other` under `ssh` in the manifest");
        let mut request = Request::new(stream::iter([message("sign")]));
        request.metadata_mut().insert(ID.0, "other".parse().unwrap());
        assert_eq!(client.forward_agent(request).await.unwrap_err().code(), tonic::Code::NotFound);
    }
}
