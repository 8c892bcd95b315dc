//! A mail server for one test: takes what it is sent, and remembers it.
//!
//! It speaks as much SMTP as a client needs to deliver a mail, with STARTTLS, with TLS from the first byte, and with
//! a password, as asked for. Its certificate is made by `openssl` for the test, by an authority of its own.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tempfile::TempDir;

/// What a mail server asks for and answers.
#[derive(Debug, Clone, Default)]
pub struct MailOptions {
    /// Whether and how it encrypts.
    pub tls: Option<MailTls>,
    /// The user and the password without which it takes nothing.
    pub credentials: Option<(&'static str, &'static str)>,
    /// What it answers to mails, one after the other; `250 kept` afterwards.
    pub answers: Vec<&'static str>,
}

/// How a mail server encrypts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailTls {
    /// From the first byte.
    Implicit,
    /// When the client asks for it; without, it takes nothing.
    StartTls,
}

/// A mail as it arrived, whatever the answer was.
#[derive(Debug, Clone, Default)]
pub struct ReceivedMail {
    /// The sender of the envelope.
    pub from: String,
    /// The receivers of the envelope.
    pub to: Vec<String>,
    /// Headers and body, lines ending with a line feed alone.
    pub text: String,
    /// Whether it came encrypted.
    pub encrypted: bool,
    /// Who had signed in.
    pub user: Option<String>,
}

/// A running mail server at 127.0.0.1. Its thread ends with the process.
pub struct MailServer {
    port: u16,
    mails: Arc<Mutex<Vec<ReceivedMail>>>,
    directory: TempDir,
}

impl MailServer {
    /// Starts it on a free port. Panics with the reason when something does not work.
    pub fn start(options: MailOptions) -> Self {
        let directory = TempDir::with_prefix("taskward-mail-").expect("a directory");
        let tls = options.tls.map(|_| certificate(directory.path()));
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let mails = Arc::new(Mutex::new(Vec::new()));
        let desk = Desk { options: Mutex::new(options), tls, mails: Arc::clone(&mails) };
        thread::spawn(move || {
            for stream in listener.incoming() {
                // A client that goes away in the middle has delivered nothing.
                let _ = stream.and_then(|stream| desk.converse(stream));
            }
        });
        Self { port, mails, directory }
    }

    /// The port it listens on, at 127.0.0.1; its certificate says `localhost`.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The certificate of the authority that signed its own, in PEM.
    pub fn authority(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// What has arrived so far.
    pub fn received(&self) -> Vec<ReceivedMail> {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

/// What every conversation knows.
struct Desk {
    options: Mutex<MailOptions>,
    tls: Option<Arc<ServerConfig>>,
    mails: Arc<Mutex<Vec<ReceivedMail>>>,
}

impl Desk {
    fn converse(&self, tcp: TcpStream) -> io::Result<()> {
        let options = self.options.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let raw = tcp.try_clone()?;
        let implicit = options.tls == Some(MailTls::Implicit);
        let mut stream: Box<dyn Stream> = if implicit { self.encrypted(tcp)? } else { Box::new(tcp) };
        let mut mail = ReceivedMail { encrypted: implicit, ..ReceivedMail::default() };
        stream.write_all(b"220 a test is ready\r\n")?;
        while let Some(line) = read_line(&mut *stream)? {
            let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
            let answer = match verb.to_ascii_uppercase().as_str() {
                "STARTTLS" => {
                    stream.write_all(b"220 go ahead\r\n")?;
                    stream = self.encrypted(raw.try_clone()?)?;
                    mail.encrypted = true;
                    continue;
                }
                "DATA" => {
                    stream.write_all(b"354 go on\r\n")?;
                    mail.text = read_text(&mut *stream)?;
                    self.keep(&mut mail)
                }
                "QUIT" => return stream.write_all(b"221 bye\r\n"),
                verb => answer(verb, rest, &options, &mut mail),
            };
            stream.write_all(format!("{answer}\r\n").as_bytes())?;
            stream.flush()?;
        }
        Ok(())
    }

    fn encrypted(&self, stream: TcpStream) -> io::Result<Box<dyn Stream>> {
        let config = self.tls.clone().ok_or_else(|| io::Error::other("no certificate"))?;
        let connection = ServerConnection::new(config).map_err(io::Error::other)?;
        Ok(Box::new(StreamOwned::new(connection, stream)))
    }

    /// Keeps the mail, and says what it is answered.
    fn keep(&self, mail: &mut ReceivedMail) -> String {
        let signed_in =
            ReceivedMail { encrypted: mail.encrypted, user: mail.user.clone(), ..Default::default() };
        let mail = std::mem::replace(mail, signed_in);
        self.mails.lock().unwrap_or_else(PoisonError::into_inner).push(mail);
        let mut options = self.options.lock().unwrap_or_else(PoisonError::into_inner);
        let refused = (!options.answers.is_empty()).then(|| options.answers.remove(0));
        refused.unwrap_or("250 kept").to_owned()
    }
}

/// What is said to everything but a mail's text.
fn answer(verb: &str, rest: &str, options: &MailOptions, mail: &mut ReceivedMail) -> String {
    let must_encrypt = options.tls.is_some() && !mail.encrypted;
    match verb {
        "EHLO" | "HELO" if must_encrypt => "250-a test\r\n250 STARTTLS".to_owned(),
        "EHLO" | "HELO" => "250-a test\r\n250-AUTH PLAIN\r\n250 8BITMIME".to_owned(),
        _ if must_encrypt => "530 5.7.0 STARTTLS first".to_owned(),
        "AUTH" => authenticate(rest, options, mail),
        "MAIL" if options.credentials.is_some() && mail.user.is_none() => {
            "530 5.7.0 sign in first".to_owned()
        }
        "MAIL" => {
            mail.from = address(rest);
            "250 ok".to_owned()
        }
        "RCPT" => {
            mail.to.push(address(rest));
            "250 ok".to_owned()
        }
        _ => "250 ok".to_owned(),
    }
}

/// As some servers do, it repeats what it was sent when it says no.
fn authenticate(said: &str, options: &MailOptions, mail: &mut ReceivedMail) -> String {
    let given = said.strip_prefix("PLAIN ").and_then(|text| STANDARD.decode(text).ok()).unwrap_or_default();
    let expected = options.credentials.map(|(user, password)| format!("\0{user}\0{password}").into_bytes());
    if Some(&given) != expected.as_ref() {
        return format!(
            "535 5.7.8 AUTH {said} {} refused",
            String::from_utf8_lossy(&given).replace('\0', " ")
        );
    }
    mail.user = options.credentials.map(|(user, _)| user.to_owned());
    "235 welcome".to_owned()
}

/// What stands between `<` and `>`.
fn address(text: &str) -> String {
    let inside = text.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inside.map_or_else(String::new, |(address, _)| address.to_owned())
}

/// A line without its end; none when the client is gone. Byte by byte: what follows STARTTLS is not ours to buffer.
fn read_line(stream: &mut dyn Stream) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    let mut byte = [0];
    while stream.read(&mut byte)? == 1 {
        match byte[0] {
            b'\n' => return Ok(Some(String::from_utf8_lossy(&line).into_owned())),
            b'\r' => {}
            other => line.push(other),
        }
    }
    Ok(None)
}

/// The text of a mail, up to a line with a dot alone.
fn read_text(stream: &mut dyn Stream) -> io::Result<String> {
    let mut text = String::new();
    while let Some(line) = read_line(stream)? {
        if line == "." {
            return Ok(text);
        }
        text.push_str(line.strip_prefix('.').unwrap_or(&line));
        text.push('\n');
    }
    Err(io::ErrorKind::UnexpectedEof.into())
}

/// Makes an authority and a certificate for `localhost`, and what serves it.
fn certificate(directory: &Path) -> Arc<ServerConfig> {
    const SCRIPT: &str = "set -e
        printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\\n' >ext
        key='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'
        openssl req -x509 $key -days 2 -subj /CN=taskward-test -keyout ca.key -out ca.pem
        openssl req $key -subj /CN=localhost -keyout key.pem -out csr.pem
        openssl x509 -req -in csr.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out cert.pem";
    let made = Command::new("sh").args(["-c", SCRIPT]).current_dir(directory).output().expect("sh");
    assert!(made.status.success(), "this test needs openssl: {}", String::from_utf8_lossy(&made.stderr));
    let certificate = CertificateDer::from_pem_file(directory.join("cert.pem")).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(directory.join("key.pem")).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("protocols")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key);
    Arc::new(config.expect("a certificate with its key"))
}
