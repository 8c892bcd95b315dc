//! From how a command ended to what is reported.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use serde_json::value::to_raw_value;
use taskward_client::Json;
use taskward_client::worker::Outcome;

use super::pipes::{Head, Tail};

/// `EX_DATAERR`: the input is bad, trying again is useless.
const EXIT_NOT_RETRYABLE: i32 = 65;
/// `EX_TEMPFAIL`: not now.
const EXIT_RELEASE: i32 = 75;

/// What is reported for a command that ended by itself.
pub(super) fn judge(status: ExitStatus, stdout: &Head, stderr: &Tail) -> Outcome {
    match (status.code(), status.signal()) {
        (Some(0), _) => completed(stdout),
        (Some(EXIT_NOT_RETRYABLE), _) => {
            Outcome::failed_for_good("exit_65", message(stderr, "exit status 65"))
        }
        (Some(EXIT_RELEASE), _) => Outcome::Released,
        (Some(code), _) => {
            Outcome::failed(format!("exit_{code}"), message(stderr, &format!("exit status {code}")))
        }
        (None, signal) => {
            let name = signal.map_or_else(|| "a signal".to_owned(), signal_name);
            let said = stderr.text();
            let killed = format!("the command was killed by {name}");
            let message = if said.is_empty() { killed } else { format!("{killed}: {said}") };
            Outcome::failed("signal", message)
        }
    }
}

fn completed(stdout: &Head) -> Outcome {
    if stdout.overflowed {
        let message =
            format!("the command printed more than {} KiB; a result is smaller", stdout.bytes.len() / 1024);
        return Outcome::failed_for_good("result_too_large", message);
    }
    Outcome::Completed(result(&stdout.bytes))
}

/// JSON if it parses, else a string without the line break at its end; nothing printed is no result.
fn result(stdout: &[u8]) -> Option<Json> {
    if stdout.is_empty() {
        return None;
    }
    let text = String::from_utf8_lossy(stdout);
    if let Ok(json) = serde_json::from_str::<Json>(text.trim()) {
        return Some(json);
    }
    let text = text.strip_suffix('\n').map_or(&*text, |text| text.strip_suffix('\r').unwrap_or(text));
    to_raw_value(text).ok()
}

fn message(stderr: &Tail, otherwise: &str) -> String {
    let said = stderr.text();
    if said.is_empty() {
        format!("the command ended with {otherwise} and said nothing on stderr")
    } else {
        said
    }
}

fn signal_name(signal: i32) -> String {
    let name = match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        24 => "SIGXCPU",
        25 => "SIGXFSZ",
        31 => "SIGSYS",
        other => return format!("signal {other}"),
    };
    format!("{name} ({signal})")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(stdout: &[u8]) -> Option<String> {
        result(stdout).map(|json| json.get().to_owned())
    }

    #[test]
    fn stdout_is_json_or_a_string() {
        assert_eq!(json(b"{\"a\": 1.50}\n").as_deref(), Some("{\"a\": 1.50}"));
        assert_eq!(json(b"3af  ./x\n").as_deref(), Some("\"3af  ./x\""));
        assert_eq!(json(b"a\r\n").as_deref(), Some("\"a\""));
        assert_eq!(json(b"a\n\n").as_deref(), Some(r#""a\n""#));
        assert_eq!(json(b"\n").as_deref(), Some("\"\""));
        assert_eq!(json(b"").as_deref(), None);
        assert_eq!(json(b"\xff").as_deref(), Some("\"\u{fffd}\""));
    }

    #[test]
    fn the_exit_status_decides() {
        let end = |raw: i32| {
            let outcome = judge(ExitStatus::from_raw(raw), &Head::new(9), &Tail::new(9));
            match outcome {
                Outcome::Completed(_) => "completed".to_owned(),
                Outcome::Released => "released".to_owned(),
                Outcome::Failed { error, retryable, .. } => {
                    format!("{} {retryable}: {}", error.kind, error.message)
                }
                Outcome::Snoozed(_) => "snoozed".to_owned(),
            }
        };
        assert_eq!(end(0), "completed");
        assert_eq!(end(75 << 8), "released");
        assert!(end(65 << 8).starts_with("exit_65 false"));
        assert!(end(3 << 8).starts_with("exit_3 true"));
        assert_eq!(end(9), "signal true: the command was killed by SIGKILL (9)");
    }
}
