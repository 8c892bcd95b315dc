//! Lines as JSON, with the names of the Elastic Common Schema. What it has no name for is under `taskward.`.
//!
//! There are crates that write it. None of them maps the fields of events and spans to the schema's names,
//! which is all of the work, so the layer is our own.

use std::borrow::Cow;
use std::error::Error;
use std::fmt::{self, Write as _};
use std::io::Write as _;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::{LogService, clock};

/// The version of the schema whose names are used.
const ECS_VERSION: &str = "8.11.0";
/// Bytes of one value; the rest is cut off, so that a line stays one that can be read and shipped.
const VALUE_BYTES_MAX: usize = 8 * 1024;

/// The name that a field of an event or a span has in the JSON: one of the schema's, or one under `taskward.`.
pub fn field_path(field: &str) -> Cow<'static, str> {
    Cow::Borrowed(match field {
        "message" => "message",
        "error" | "error.message" => "error.message",
        "error.type" => "error.type",
        "error.stack_trace" => "error.stack_trace",
        "event.action" => "event.action",
        "event.category" => "event.category",
        "request_id" => "http.request.id",
        "method" => "http.request.method",
        "route" => "http.route",
        "status" => "http.response.status_code",
        "trace.id" => "trace.id",
        "span.id" => "span.id",
        other => return Cow::Owned(format!("taskward.{other}")),
    })
}

/// Writes each event as a line of JSON.
pub(super) struct Ecs<W> {
    /// The fields that are the same in every line, as JSON.
    constant: String,
    writer: W,
}

impl<W> Ecs<W> {
    pub(super) fn new(service: &LogService, writer: W) -> Self {
        let mut constant = String::new();
        for (name, value) in [
            ("ecs.version", ECS_VERSION),
            ("event.dataset", "taskward.log"),
            ("service.name", &service.name),
            ("service.version", env!("CARGO_PKG_VERSION")),
            ("service.environment", &service.environment),
            ("service.node.name", &service.instance),
        ] {
            push(&mut constant, name, &text(value));
        }
        Self { constant, writer }
    }

    fn line(&self, level: Level, logger: &str, fields: &Fields) -> String {
        let mut line = String::with_capacity(512);
        // Writing to a string cannot fail.
        let _ = write!(line, "{{\"@timestamp\":\"{:.6}\",\"log.level\":\"{level}\"", clock::now());
        let message = fields.get("message").unwrap_or("\"\"");
        push(&mut line, "message", message);
        push(&mut line, "log.logger", &text(fields.logger.as_deref().unwrap_or(logger)));
        for (name, value) in fields.values.iter().filter(|(name, _)| name != "message") {
            push(&mut line, name, value);
        }
        line.push_str(&self.constant);
        line.push_str("}\n");
        line
    }
}

fn push(line: &mut String, name: &str, json: &str) {
    // Names are identifiers with dots: nothing in them wants escaping.
    for part in [",\"", name, "\":", json] {
        line.push_str(part);
    }
}

impl<S, W> Layer<S> for Ecs<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        span.extensions_mut().replace(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        for span in context.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(known) = span.extensions().get::<Fields>() {
                fields.values.extend(known.values.iter().cloned());
            }
        }
        event.record(&mut fields);
        let line = self.line(*event.metadata().level(), event.metadata().target(), &fields);
        // Nobody could be told, and what is dropped is counted by the output.
        let _ = self.writer.make_writer().write_all(line.as_bytes());
    }
}

/// Fields by their names in the schema, each value as JSON. A later value of a name replaces an earlier one: an
/// event knows better than the span around it.
#[derive(Debug, Default, Clone)]
struct Fields {
    values: Vec<(Cow<'static, str>, String)>,
    /// Where an event comes from that was written through the `log` crate.
    logger: Option<String>,
}

impl Fields {
    fn get(&self, name: &str) -> Option<&str> {
        self.values.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn set(&mut self, name: Cow<'static, str>, json: String) {
        match self.values.iter_mut().find(|(known, _)| *known == name) {
            Some((_, value)) => *value = json,
            None => self.values.push((name, json)),
        }
    }

    fn set_text(&mut self, field: &Field, value: &str) {
        if field.name() == "log.target" {
            self.logger = Some(value.to_owned());
        }
        self.set_json(field, text(value));
    }

    fn set_json(&mut self, field: &Field, json: String) {
        // How the `log` crate says where an event comes from.
        if !field.name().starts_with("log.") {
            self.set(field_path(field.name()), json);
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.set_text(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut shown = Cut(String::new(), VALUE_BYTES_MAX);
        // It stops where it is long enough.
        let _ = write!(shown, "{value:?}");
        self.set_text(field, &shown.0);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let mut message = first_line(value);
        let mut cause = value.source();
        while let Some(error) = cause {
            message.push_str(": ");
            message.push_str(&first_line(error));
            cause = error.source();
        }
        self.set_text(field, &message);
        if field.name() == "error" {
            self.set(Cow::Borrowed("error.type"), text(&type_of(value)));
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set_json(field, value.to_string());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set_json(field, value.to_string());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set_json(field, value.to_string());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no infinity and no NaN.
        self.set_json(field, serde_json::to_string(&value).unwrap_or_else(|_| "null".to_owned()));
    }
}

/// What an error says, without the details that databases give in further lines: those may quote rows.
fn first_line(error: &dyn Error) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or_default().to_owned()
}

/// The name of an error's variant, or type: the word its `Debug` begins with. The rest is not even written.
fn type_of(error: &dyn Error) -> String {
    struct Word(String);
    impl fmt::Write for Word {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            self.0.push_str(&text[..end.unwrap_or(text.len())]);
            if end.is_none() && self.0.len() < 100 { Ok(()) } else { Err(fmt::Error) }
        }
    }
    let mut word = Word(String::new());
    // It ends with an error at the end of the word.
    let _ = write!(word, "{error:?}");
    if word.0.is_empty() { "error".to_owned() } else { word.0 }
}

/// Takes so many bytes, and no more.
struct Cut(String, usize);

impl fmt::Write for Cut {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.1.saturating_sub(self.0.len());
        self.0.push_str(&text[..text.floor_char_boundary(room)]);
        if text.len() <= room { Ok(()) } else { Err(fmt::Error) }
    }
}

/// A text as JSON, cut where it is too long.
fn text(value: &str) -> String {
    let kept = &value[..value.floor_char_boundary(VALUE_BYTES_MAX)];
    // A text can always be written.
    serde_json::to_string(kept).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::{Value, json};
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    /// What was logged while `log` ran, a value for each line.
    fn logged(log: impl FnOnce()) -> Vec<Value> {
        let service = LogService {
            name: "example".to_owned(),
            environment: "prod".to_owned(),
            instance: "one".to_owned(),
        };
        let written = Arc::new(Mutex::new(Vec::<u8>::new()));
        let shared = Shared(Arc::clone(&written));
        let layer = Ecs::new(&service, move || shared.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
        let bytes = written.lock().expect("lock").clone();
        let text = String::from_utf8(bytes).expect("UTF-8");
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
            .collect()
    }

    #[derive(Clone)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("lock").write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[derive(Debug, thiserror::Error)]
    enum Outer {
        #[error("outer said\nDETAIL: (a row)")]
        Failed(#[source] std::num::ParseIntError),
    }

    #[test]
    fn an_event_has_the_names_of_the_schema_and_its_own_under_taskward() {
        let error = Outer::Failed("x".parse::<u8>().expect_err("no number"));
        let lines = logged(|| {
            let span = tracing::info_span!("request", request_id = %"r1", method = "GET", route = "/a");
            span.in_scope(|| {
                tracing::warn!(
                    task.id = %"t1", queue = "q \"1\"", attempt = 3, paused = true, ratio = 0.5,
                    error = &error as &dyn Error, "it\nfailed"
                );
            });
            tracing::info!(request_id = "r2", "plain");
        });
        let line = &lines[0];
        for (name, value) in [
            ("log.level", json!("WARN")),
            ("message", json!("it\nfailed")),
            ("log.logger", json!(module_path!())),
            ("http.request.id", json!("r1")),
            ("http.request.method", json!("GET")),
            ("http.route", json!("/a")),
            ("taskward.task.id", json!("t1")),
            ("taskward.queue", json!("q \"1\"")),
            ("taskward.attempt", json!(3)),
            ("taskward.paused", json!(true)),
            ("taskward.ratio", json!(0.5)),
            ("error.type", json!("Failed")),
            ("error.message", json!("outer said: invalid digit found in string")),
            ("ecs.version", json!(ECS_VERSION)),
            ("event.dataset", json!("taskward.log")),
            ("service.name", json!("example")),
            ("service.environment", json!("prod")),
            ("service.node.name", json!("one")),
        ] {
            assert_eq!(line[name], value, "{name}: {line}");
        }
        let time: jiff::Timestamp = line["@timestamp"].as_str().expect("a time").parse().expect("RFC 3339");
        assert!(clock::now().duration_since(time).as_secs() < 60);
        assert_eq!(lines[1]["http.request.id"], "r2");
        assert!(lines[1].get("http.route").is_none() && lines[1].get("error.type").is_none(), "{}", lines[1]);
    }

    #[test]
    fn an_event_overrides_its_span_and_long_values_are_cut() {
        let lines = logged(|| {
            tracing::info_span!("request", request_id = "outer").in_scope(|| {
                tracing::info!(request_id = "inner", why = ?"é".repeat(VALUE_BYTES_MAX), "said");
            });
        });
        assert_eq!(lines[0]["http.request.id"], "inner");
        let length = lines[0]["taskward.why"].as_str().expect("a text").len();
        assert!((VALUE_BYTES_MAX - 8..=VALUE_BYTES_MAX).contains(&length), "{length}");
    }

    #[test]
    fn types_of_errors_are_the_names_of_their_variants() {
        assert_eq!(type_of(&Outer::Failed("".parse::<u8>().expect_err("empty"))), "Failed");
        assert_eq!(type_of(&std::io::Error::from(std::io::ErrorKind::NotFound)), "Kind");
        assert_eq!(type_of(&fmt::Error), "Error");
    }
}
