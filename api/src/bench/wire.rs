//! One connection that sends one request after the other: as little work as possible beside the server's.

use std::net::SocketAddr;

use anyhow::Context;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request, header};
use hyper_util::rt::TokioIo;
use serde_json::Value as Json;
use tokio::net::TcpStream;
use uuid::Uuid;

/// A connection to the server.
pub(super) struct Wire {
    sender: SendRequest<Full<Bytes>>,
    address: SocketAddr,
}

impl Wire {
    /// Connects.
    pub(super) async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // It ends when the sender is dropped.
        tokio::spawn(connection);
        Ok(Self { sender, address })
    }

    /// Reads.
    pub(super) async fn get(&mut self, path: &str, token: &str) -> anyhow::Result<Bytes> {
        self.send(Method::GET, path, token, None).await
    }

    /// Writes, under an id of its own.
    pub(super) async fn post(&mut self, path: &str, token: &str, body: &Json) -> anyhow::Result<Json> {
        let body = serde_json::to_vec(body)?;
        let answer = self.send(Method::POST, path, token, Some(body)).await?;
        Ok(serde_json::from_slice(&answer)?)
    }

    /// Sends a request and reads the whole answer; whatever is no success is an error with the answer in it.
    async fn send(
        &mut self,
        method: Method,
        path: &str,
        token: &str,
        body: Option<Vec<u8>>,
    ) -> anyhow::Result<Bytes> {
        let mut request = Request::builder()
            .method(method.clone())
            .uri(path)
            .header(header::HOST, self.address.to_string())
            .header(header::AUTHORIZATION, format!("Bearer {token}"));
        if body.is_some() {
            request = request
                .header(header::CONTENT_TYPE, "application/json")
                .header("Idempotency-Key", Uuid::now_v7().to_string());
        }
        let request = request.body(Full::from(body.unwrap_or_default()))?;
        let answer = self.sender.send_request(request).await.context("the connection broke")?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        anyhow::ensure!(status.is_success(), "{method} {path}: {status} {}", String::from_utf8_lossy(&body));
        Ok(body)
    }
}
