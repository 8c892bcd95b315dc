//! Requests.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use super::{Answer, TestServer, within};

pub(crate) type HttpClient = Client<HttpConnector, Full<Bytes>>;

pub(crate) fn new_client() -> HttpClient {
    Client::builder(TokioExecutor::new()).build_http()
}

/// A request that is being put together.
pub(crate) struct Call {
    client: HttpClient,
    request: Request<Full<Bytes>>,
}

impl Call {
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        let value = HeaderValue::from_str(value).expect("a header's value");
        self.request.headers_mut().insert(HeaderName::from_static(name), value);
        self
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    pub(crate) fn body(self, content_type: &str, body: impl Into<Bytes>) -> Self {
        let mut call = self.header("content-type", content_type);
        *call.request.body_mut() = Full::new(body.into());
        call
    }

    /// Sends it, and reads the answer.
    pub(crate) async fn send(self) -> Answer {
        let what = format!("{} {}", self.request.method(), self.request.uri());
        within(&what, async {
            let response = self.client.request(self.request).await.expect("an answer");
            let (parts, body) = response.into_parts();
            let body = body.collect().await.expect("a whole answer").to_bytes();
            assert!(parts.headers.contains_key("x-request-id"), "{what}: no request id");
            Answer { status: parts.status.as_u16(), headers: parts.headers, body }
        })
        .await
    }
}

impl TestServer {
    /// A request without a body.
    pub(crate) fn call(&self, method: Method, path: &str) -> Call {
        let request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address))
            .body(Full::default())
            .expect("a request");
        Call { client: self.client.clone(), request }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path).send().await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::POST, path).json(body).send().await
    }

    /// A POST without a body.
    pub(crate) async fn post_empty(&self, path: &str) -> Answer {
        self.call(Method::POST, path).send().await
    }

    /// A created task.
    pub(crate) async fn create(&self, task: &Value) -> Value {
        self.post("/api/v1/tasks", task).await.ok(201)
    }

    /// The task as it is now.
    pub(crate) async fn task(&self, id: &Value) -> Value {
        self.get(&format!("/api/v1/tasks/{}", super::text(id))).await.ok(200)
    }

    /// The task once it is finished.
    pub(crate) async fn finished(&self, id: &Value) -> Value {
        let task = self.get(&format!("/api/v1/tasks/{}?wait=20s", super::text(id))).await.ok(200);
        assert!(!task["finished_at"].is_null(), "not finished: {task}");
        task
    }

    /// The tasks of a claim; none for a 204.
    pub(crate) async fn claim(&self, demand: &Value) -> Vec<Value> {
        let answer = self.post("/api/v1/claim", demand).await;
        if answer.status == 204 {
            assert!(answer.body.is_empty());
            return Vec::new();
        }
        let tasks = answer.ok(200);
        assert_eq!(super::keys(&tasks), ["tasks"]);
        super::list(&tasks["tasks"]).clone()
    }

    /// The one task of the queue `default`, claimed by `w1`.
    pub(crate) async fn claim_one(&self) -> Value {
        let demand = serde_json::json!({"worker_id": "w1", "queues": ["default"], "wait": "20s"});
        self.claim(&demand).await.pop().expect("a task")
    }

    /// A report on a claimed task: its fields beside the lease token.
    pub(crate) async fn report(&self, task: &Value, verb: &str, fields: Value) -> Answer {
        let mut body = fields;
        body["lease_token"] = task["lease_token"].clone();
        self.post(&format!("/api/v1/tasks/{}/{verb}", super::text(&task["id"])), &body).await
    }

    pub(crate) async fn queue(&self, name: &str) -> Value {
        self.get(&format!("/api/v1/queues/{name}")).await.ok(200)
    }
}
