//! One plain HTTP connection with one request in flight: as little work as a client can have, since the load
//! shares the machine with what it measures.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use secrecy::{ExposeSecret, SecretString};
use taskward_client::{Client, ClientError};
use tokio::net::TcpStream;

use super::BenchError;

/// How long a request may take, besides what it waits for.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Where the load goes.
#[derive(Debug)]
pub(super) struct Target {
    url: String,
    /// Host and port to connect to.
    address: String,
    /// What comes before the paths of the service.
    prefix: String,
    host: HeaderValue,
    authorization: Option<HeaderValue>,
}

impl Target {
    /// The service that `client` reaches.
    pub(super) fn of(client: &Client, key: Option<&SecretString>) -> Result<Arc<Self>, BenchError> {
        let url = client.url().to_owned();
        let not_http = || BenchError::NotHttp(url.clone());
        let uri: Uri = url.parse().map_err(|_| not_http())?;
        let (Some("http"), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(not_http());
        };
        let address = format!("{}:{}", authority.host(), authority.port_u16().unwrap_or(80));
        let host = HeaderValue::try_from(authority.as_str()).map_err(|_| not_http())?;
        let prefix = uri.path().trim_end_matches('/').to_owned();
        let authorization = key
            .map(|key| HeaderValue::try_from(format!("Bearer {}", key.expose_secret())))
            .transpose()
            .map_err(|_| ClientError::InvalidKey)?;
        Ok(Arc::new(Self { url, address, prefix, host, authorization }))
    }

    /// A path of the service, made once for many requests.
    pub(super) fn path(&self, path: &str) -> Result<Uri, ClientError> {
        let path = format!("{}{path}", self.prefix);
        path.parse().map_err(|_| ClientError::InvalidRequest(format!("{path} is no path")))
    }

    fn unreachable(
        &self,
        sent: bool,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> ClientError {
        ClientError::Unreachable { url: self.url.clone(), sent, source: source.into() }
    }
}

/// What the service answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

impl Answer {
    /// Whether the service had too much to do: the same request may be sent again.
    pub(super) fn is_later(&self) -> bool {
        matches!(self.status.as_u16(), 408 | 429 | 503)
    }

    /// Whether the request certainly changed nothing, although it was refused for now.
    pub(super) fn changed_nothing(&self) -> bool {
        let code = serde_json::from_slice::<taskward_client::Problem>(&self.body).map(|problem| problem.code);
        !matches!(
            code,
            Err(_)
                | Ok(
                    taskward_client::ProblemCode::Timeout | taskward_client::ProblemCode::DatabaseUnavailable
                )
        )
    }
}

/// A connection.
#[derive(Debug)]
pub(super) struct Connection {
    target: Arc<Target>,
    sender: SendRequest<Full<Bytes>>,
}

impl Connection {
    /// Connects.
    pub(super) async fn open(target: &Arc<Target>) -> Result<Self, ClientError> {
        let stream = TcpStream::connect(&target.address).await;
        let stream = stream.map_err(|error| target.unreachable(false, error))?;
        // Requests are small and waited for.
        stream.set_nodelay(true).map_err(|error| target.unreachable(false, error))?;
        let opened = http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = opened.map_err(|error| target.unreachable(false, error))?;
        tokio::spawn(async move {
            // What ends it, its request is told.
            let _ = connection.await;
        });
        Ok(Self { target: Arc::clone(target), sender })
    }

    /// Opens several.
    pub(super) async fn open_all(target: &Arc<Target>, count: usize) -> Result<Vec<Self>, ClientError> {
        let mut connections = Vec::with_capacity(count);
        for _ in 0..count {
            connections.push(Self::open(target).await?);
        }
        Ok(connections)
    }

    /// Sends a request, and reads the whole answer.
    pub(super) async fn post(&mut self, path: &Uri, body: Bytes) -> Result<Answer, ClientError> {
        self.send(Method::POST, path, body, Duration::ZERO).await
    }

    /// The same, for a request that waits.
    pub(super) async fn post_waiting(
        &mut self,
        path: &Uri,
        body: Bytes,
        wait: Duration,
    ) -> Result<Answer, ClientError> {
        self.send(Method::POST, path, body, wait).await
    }

    /// Reads.
    pub(super) async fn get(&mut self, path: &Uri) -> Result<Answer, ClientError> {
        self.send(Method::GET, path, Bytes::new(), Duration::ZERO).await
    }

    async fn send(
        &mut self,
        method: Method,
        path: &Uri,
        body: Bytes,
        wait: Duration,
    ) -> Result<Answer, ClientError> {
        let limit = REQUEST_TIMEOUT + wait;
        let exchanged = tokio::time::timeout(limit, self.exchange(method, path, body)).await;
        let timed_out = || ClientError::TimedOut { url: self.target.url.clone(), sent: true, after: limit };
        exchanged.map_err(|_| timed_out())?.map_err(|error| self.target.unreachable(true, error))
    }

    async fn exchange(&mut self, method: Method, path: &Uri, body: Bytes) -> Result<Answer, hyper::Error> {
        self.sender.ready().await?;
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = path.clone();
        let headers = request.headers_mut();
        headers.insert(HOST, self.target.host.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(authorization) = &self.target.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        let response = self.sender.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        Ok(Answer { status, body })
    }

    /// A success that cannot be read.
    pub(super) fn not_understood(&self, answer: &Answer, error: &serde_json::Error) -> ClientError {
        let (url, status) = (self.target.url.clone(), answer.status.as_u16());
        ClientError::Protocol { url, status, detail: format!("the body is not the expected JSON: {error}") }
    }

    /// What an answer that is neither a success nor "later" means.
    pub(super) fn refused(&self, answer: &Answer) -> ClientError {
        match serde_json::from_slice(&answer.body) {
            Ok(problem) => ClientError::Problem { problem: Box::new(problem), retry_after: None },
            Err(_) => {
                let (url, status) = (self.target.url.clone(), answer.status.as_u16());
                ClientError::Protocol { url, status, detail: format!("status {status}") }
            }
        }
    }
}
