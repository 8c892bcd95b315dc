//! Requests, commands about the service, and starts that fail.

use super::{FOREIGN_KEY, KEY, NEXT_KEY, PASSWORD_IN_URL, REDIS_PASSWORD, Said, run};
use crate::support::{Connection, Service};

/// Every kind of request, with the right key, a wrong one, none, and the key in wrong places.
pub(super) async fn requests(service: &Service, said: &mut Said) {
    let bearer = |key: &str| format!("Bearer {key}");
    let headers = [
        ("authorization", bearer(KEY)),
        ("authorization", bearer(FOREIGN_KEY)),
        ("authorization", format!("Basic {KEY}")),
        ("x-api-key", KEY.to_owned()),
    ];
    let task = r#"{"kind":"k","queue":"claimed","payload":{"a":1}}"#;
    let stale = "/api/v1/tasks/0190b0a0-0000-7000-8000-000000000000/complete";
    let keyed = format!("/api/v1/tasks?api_key={KEY}");
    for (name, value) in headers {
        let open = Connection::open(service.port).await.expect("a connection");
        let mut connection = open.header(name, &value);
        for (method, path, body) in [
            ("GET", "/health", None),
            ("GET", "/health/live", None),
            ("GET", "/health/ready", None),
            ("GET", "/metrics", None),
            ("GET", "/api/openapi.json", None),
            ("GET", "/api/test", None),
            ("POST", "/api/v1/tasks", Some(task)),
            ("POST", "/api/v1/tasks", Some("{\"kind\":")),
            ("POST", "/api/v1/tasks", Some(r#"{"kind":"","priority":99}"#)),
            ("POST", "/api/v1/tasks/batch", Some(r#"{"tasks":[{"kind":"k"},{"kin":1}]}"#)),
            ("POST", "/api/v1/claim", Some(r#"{"worker_id":"w","queues":["claimed"]}"#)),
            ("POST", stale, Some(r#"{"lease_token":"1"}"#)),
            ("GET", "/api/v1/tasks", None),
            ("GET", &keyed, None),
            ("GET", "/api/v1/queues", None),
            ("GET", "/api/v1/workers", None),
            ("DELETE", "/api/v1/tasks", None),
            ("GET", "/no/such/path", None),
        ] {
            let answer = connection.call(method, path, body).await.expect("an answer");
            said.add(format!("{method} {path} with {name}"), format!("{answer:?}"));
        }
    }
    let allowed = Connection::open(service.port).await.expect("a connection");
    let answer = allowed.header("authorization", &bearer(KEY)).call("GET", "/api/test", None).await;
    assert_eq!(answer.expect("an answer").status, 200, "the key works");
}

/// What the command line prints about the service and its configuration.
pub(super) async fn commands(service: &Service, said: &mut Said) {
    let mut env = service.env.clone();
    env.insert("TASKWARD_URL".to_owned(), service.url());
    for key in [KEY, FOREIGN_KEY] {
        env.remove("API_KEY_FILE");
        env.insert("API_KEY".to_owned(), key.to_owned());
        for command in [
            "config show --origin",
            "config check",
            "config explain server.api_key",
            "config explain database.url",
            "migrate status",
            "health ready",
            "enqueue k --queue s --payload {}",
            "task list",
            "queue list",
            "worker --queue s --until-empty -- true",
            "version",
        ] {
            for format in ["text", "json"] {
                let args: Vec<&str> = ["-o", format].into_iter().chain(command.split(' ')).collect();
                run(service, &env, &args, said).await;
            }
        }
    }
}

/// Configurations that cannot work, each with a secret in it.
pub(super) async fn failing_starts(service: &Service, said: &mut Said) {
    let nobody = format!("postgres://taskward:{PASSWORD_IN_URL}@127.0.0.1:1/tasks");
    let malformed = format!("postgres://taskward:{PASSWORD_IN_URL}@[::1/tasks");
    let no_scheme = format!("taskward:{PASSWORD_IN_URL}@127.0.0.1/tasks");
    let bare_percent = "postgres://taskward:planted/db+password%@127.0.0.1/tasks";
    let two_words = format!("{KEY} {NEXT_KEY}");
    for (name, value) in [
        ("DATABASE_URL", nobody.as_str()),
        ("DATABASE_URL", &malformed),
        ("DATABASE_URL", &no_scheme),
        ("DATABASE_URL", bare_percent),
        ("API_KEY", &two_words),
        ("REDIS_URL", REDIS_PASSWORD),
        ("TASKWARD__DATABASE__URL", &no_scheme),
        ("TASKWARD__SERVER__API_KEY", &two_words),
    ] {
        let mut env = service.env.clone();
        // What would win over the variable under test.
        env.remove(if name.contains("KEY") { "API_KEY_FILE" } else { "DATABASE_URL" });
        env.insert(name.to_owned(), value.to_owned());
        for args in [&["serve"][..], &["serve", "-o", "json"], &["config", "check"], &["migrate", "status"]] {
            let code = run(service, &env, args, said).await;
            let harmless = args[0] != "serve";
            assert!(code != 0 || harmless, "{name}: serve has to refuse this");
        }
    }
}
