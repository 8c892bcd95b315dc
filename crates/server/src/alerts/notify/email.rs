//! E-mail: the message as plain text, in one conversation with a mail server.

use std::error::Error;
use std::io;
use std::time::Duration;

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, SinglePart};
use lettre::transport::smtp;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use secrecy::ExposeSecret;
use taskward_api::Alert;

use super::delivery::Failure;
use super::message::{Message, named};
use crate::alerts::settings::{MailSecurity, MailSettings};

/// How long one attempt may take, and how long each answer of the server.
const TIMEOUT: Duration = Duration::from_secs(30);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Alerts in one mail; of more there are only counts.
const TOLD_MAX: usize = 50;

/// A mail, and the server that takes it.
pub(super) struct Mail {
    server: AsyncSmtpTransport<Tokio1Executor>,
    mail: lettre::Message,
}

impl Mail {
    /// Writes it. Nobody is spoken to yet.
    pub(super) fn new(settings: &MailSettings, message: &Message) -> Result<Self, String> {
        Ok(Self { server: server(settings)?, mail: written(settings, message)? })
    }

    pub(super) async fn send(&self) -> Result<(), Failure> {
        match tokio::time::timeout(TIMEOUT, self.server.send(self.mail.clone())).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(Failure { why: reason(&error), again: is_worth_another(&error) }),
            Err(_) => Err(Failure { why: "it does not answer in time".to_owned(), again: true }),
        }
    }
}

fn server(settings: &MailSettings) -> Result<AsyncSmtpTransport<Tokio1Executor>, String> {
    let tls = || TlsParameters::builder(settings.host.clone()).build_rustls().map_err(|error| reason(&error));
    let tls = match settings.security {
        MailSecurity::Tls => Tls::Wrapper(tls()?),
        MailSecurity::StartTls => Tls::Required(tls()?),
        MailSecurity::None => Tls::None,
    };
    let builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(settings.host.as_str())
        .port(settings.port)
        .tls(tls)
        .timeout(Some(ANSWER_TIMEOUT))
        .hello_name(ClientId::Domain(own_name()));
    Ok(match &settings.credentials {
        Some((user, password)) => {
            builder.credentials(Credentials::new(user.clone(), password.expose_secret().to_owned())).build()
        }
        None => builder.build(),
    })
}

/// Whether it may go better in a while: not after a final no, and not when the two cannot agree how to speak.
fn is_worth_another(error: &smtp::Error) -> bool {
    !error.is_permanent() && !error.is_client() && !is_refused_by_tls(error)
}

fn is_refused_by_tls(error: &smtp::Error) -> bool {
    let mut cause = error.source();
    while let Some(source) = cause {
        if source.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::InvalidData)
        {
            return true;
        }
        cause = source.source();
    }
    false
}

/// What this machine calls itself; servers refuse what cannot be a name.
fn own_name() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b));
    if is_name { name } else { "localhost".to_owned() }
}

/// What went wrong, without the server's words: some repeat what they were sent, and that may be the password.
fn reason(error: &smtp::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let Some(code) = error.status() else { return cause.to_string() };
    let said = cause.to_string();
    let detail = said.split_whitespace().next().filter(|word| is_status(word));
    detail.map_or_else(|| format!("it answers {code}"), |detail| format!("it answers {code} {detail}"))
}

/// An enhanced status code: `5.1.1`.
fn is_status(word: &str) -> bool {
    word.split('.').count() == 3
        && word
            .split('.')
            .all(|part| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()))
}

fn written(settings: &MailSettings, message: &Message) -> Result<lettre::Message, String> {
    let address = |text: &str| {
        let address = text.parse::<Address>().map(Mailbox::from);
        address.map_err(|error| format!("an address cannot be used: {error}"))
    };
    let mut builder = lettre::Message::builder().from(address(&settings.from)?);
    for to in &settings.to {
        builder = builder.to(address(to)?);
    }
    builder
        .subject(subject(message))
        // The same for every attempt: a mail that arrives twice is seen to be one.
        .message_id(Some(format!("<{}@taskward>", message.id)))
        // Nobody's absence note answers a machine.
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ))
        .singlepart(SinglePart::plain(text(message)))
        .map_err(|error| format!("the mail cannot be written: {error}"))
}

/// What a list of mails shows: how bad it is, what, where.
fn subject(message: &Message) -> String {
    let (alerts, worst) = match &message.firing[..] {
        [] => (&message.resolved, "RESOLVED"),
        firing if firing.iter().any(|alert| alert.severity == "critical") => (&message.firing, "CRITICAL"),
        _ => (&message.firing, "WARNING"),
    };
    let mut rules: Vec<_> = alerts.iter().map(|alert| alert.rule.as_str()).collect();
    rules.dedup();
    format!("[Taskward {} {}] {worst} {}", message.env, message.instance, rules.join(", "))
}

fn text(message: &Message) -> String {
    let firing = message.firing.iter().take(TOLD_MAX).map(firing);
    let resolved = message.resolved.iter().take(TOLD_MAX).map(|alert| {
        let since = alert.since.map(|since| format!(", wrong since {since:.0}")).unwrap_or_default();
        format!("RESOLVED {}\n{}{since}.\n", named(alert), alert.summary)
    });
    let unnamed =
        message.firing.len().saturating_sub(TOLD_MAX) + message.resolved.len().saturating_sub(TOLD_MAX);
    let rest = (unnamed > 0).then(|| format!("And {unnamed} more: taskward alerts list\n"));
    let parts = [format!("{}\n", message.headline())].into_iter().chain(firing).chain(resolved).chain(rest);
    parts.collect::<Vec<_>>().join("\n")
}

/// What is wrong, why the service says so, and what to do.
fn firing(alert: &Alert) -> String {
    let since = alert.since.map(|since| format!("Wrong since {since:.0}. ")).unwrap_or_default();
    let mut lines = vec![
        format!("{} {}", alert.severity.to_uppercase(), named(alert)),
        format!("{}.", alert.summary),
        alert.description.clone().unwrap_or_default(),
        format!("{since}Respond within {}.", alert.respond_within),
        String::new(),
    ];
    for (at, step) in alert.steps.iter().enumerate() {
        let number = at + 1;
        lines.push(match &step.command {
            Some(command) => format!("{number}. {command}\n   {}", step.text),
            None => format!("{number}. {}", step.text),
        });
    }
    lines.push(format!("\nMore: {}\n", alert.runbook_url));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::super::message::tests::{alert, message};
    use super::*;

    fn settings() -> MailSettings {
        MailSettings {
            host: "localhost".to_owned(),
            port: 25,
            security: MailSecurity::None,
            credentials: None,
            from: "taskward@example.com".to_owned(),
            to: vec!["a@example.com".to_owned(), "b@localhost".to_owned()],
        }
    }

    #[test]
    fn it_says_what_why_and_what_to_do() {
        let expected = "Taskward prod one: 1 firing, 1 resolved\n\n\
            WARNING QueueStuck (queue=mail)\nTasks wait.\nTasks of queue mail wait.\n\
            Wrong since 2026-11-23T04:00:00Z. Respond within 30m.\n\n\
            1. taskward queue list\n   Is it paused?\n\nMore: https://wiki/runbook#QueueStuck\n\n\
            RESOLVED NoWorkers (queue=mail)\nTasks wait, wrong since 2026-11-23T04:00:00Z.\n";
        assert_eq!(text(&message()), expected);
        assert_eq!(subject(&message()), "[Taskward prod one] WARNING QueueStuck");
        let over = Message { firing: Vec::new(), ..message() };
        assert_eq!(subject(&over), "[Taskward prod one] RESOLVED NoWorkers");
        let mut many = message();
        many.firing = (0..500).map(|_| alert("QueueStuck")).collect();
        assert_eq!(subject(&many), "[Taskward prod one] WARNING QueueStuck");
        assert!(text(&many).ends_with("\nAnd 450 more: taskward alerts list\n"));
    }

    #[test]
    fn everybody_gets_the_same_mail_which_a_machine_sent() {
        let mail = written(&settings(), &message()).expect("a mail");
        let to: Vec<_> = mail.envelope().to().iter().map(ToString::to_string).collect();
        assert_eq!(to, ["a@example.com", "b@localhost"]);
        let text = String::from_utf8(mail.formatted()).expect("text");
        for line in [
            "Message-ID: <00000000-0000-0000-0000-000000000000@taskward>\r\n",
            "Auto-Submitted: auto-generated\r\n",
            "From: taskward@example.com\r\n",
            "Date: ",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
        let broken = MailSettings { to: vec!["nobody".to_owned()], ..settings() };
        assert!(written(&broken, &message()).is_err());
    }

    #[test]
    fn only_numbers_of_the_servers_answer_are_repeated() {
        assert!(is_status("5.1.1") && is_status("4.7.0"));
        for word in ["", "5.1", "AUTH", "5.1.1.1", "5.1.x", "AHNlY3JldA=="] {
            assert!(!is_status(word), "{word}");
        }
    }
}
