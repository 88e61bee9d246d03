//! Prometheus's HTTP API. The server here answers in the form that its documentation describes.

use shipctl::metrics::prometheus::Prometheus;
use shipctl::metrics::{Metrics, Sample};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// What is made of an answer, and the first line of the request.
async fn asked(query: &str, status: &str, body: &str) -> (Result<Vec<Sample>, String>, String) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}/prometheus", listener.local_addr().expect("an address"));
    let answer = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let server = async {
        let (mut stream, _) = listener.accept().await.expect("a question");
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await.expect("a request"));
        }
        stream.write_all(answer.as_bytes()).await.expect("somebody reads");
        String::from_utf8_lossy(&request).lines().next().unwrap_or_default().to_owned()
    };
    let prometheus = Prometheus::new(&address, None);
    tokio::join!(prometheus.ask(query), server)
}

async fn answered(status: &str, body: &str) -> Result<Vec<Sample>, String> {
    asked("up", status, body).await.0
}

fn sample(labels: &str, value: &str) -> Sample {
    Sample { labels: labels.to_owned(), value: value.to_owned() }
}

#[tokio::test]
async fn numbers_come_with_what_they_are_about() {
    let vector = r#"{"status":"success","data":{"resultType":"vector","result":[
        {"metric":{"__name__":"up","instance":"web1:80"},"value":[1435781451.781,"1"]},
        {"metric":{},"value":[1435781451,"NaN"]}]}}"#;
    let (samples, request) = asked("rate(x{a=\"b\"}[5m]) > 0 + 1", "200 OK", vector).await;
    assert_eq!(samples, Ok(vec![sample(r#"{__name__="up",instance="web1:80"}"#, "1"), sample("", "NaN")]));
    let expected =
        "GET /prometheus/api/v1/query?query=rate%28x%7Ba%3D%22b%22%7D%5B5m%5D%29%20%3E%200%20%2B%201 HTTP/1.1";
    assert_eq!(request, expected);
    let scalar = r#"{"status":"success","data":{"resultType":"scalar","result":[1435781460.781,"+Inf"]}}"#;
    assert_eq!(answered("200 OK", scalar).await, Ok(vec![sample("", "+Inf")]));
    let nothing = r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#;
    assert_eq!(answered("200 OK", nothing).await, Ok(Vec::new()));
}

#[tokio::test]
async fn whatever_is_not_an_answer_is_an_error_that_says_why() {
    let cases = [
        (
            "400 Bad Request",
            r#"{"status":"error","errorType":"bad_data","error":"parse error at char 3"}"#,
            "it answered 400 Bad Request: parse error at char 3",
        ),
        ("503 Service Unavailable", "try\nlater", "it answered 503 Service Unavailable: try"),
        ("200 OK", "<html>", "its answer cannot be read: expected value at line 1 column 1"),
        ("302 Found", "", "it answered 302 Found: "),
        (
            "200 OK",
            r#"{"status":"success","warnings":["a store did not answer"],"data":{"resultType":"vector","result":[]}}"#,
            "its answer may not be whole: a store did not answer",
        ),
        (
            "200 OK",
            r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#,
            "its answer is a matrix, and not numbers of now",
        ),
        ("200 OK", r#"{"status":"success"}"#, "its answer has no data"),
    ];
    for (status, body, expected) in cases {
        let said = answered(status, body).await.expect_err("an error");
        assert!(said.starts_with(expected), "{said}");
    }
    let nobody = Prometheus::new("http://127.0.0.1:1", None).ask("up").await.expect_err("nobody is there");
    assert!(nobody.contains("onnect"), "{nobody}");
    let no_ca = Prometheus::new("https://127.0.0.1:1", Some("/nonexistent/ca.pem".as_ref())).ask("up").await;
    assert!(no_ca.expect_err("no authority").starts_with("/nonexistent/ca.pem: "));
}
