//! A webhook, signed as Standard Webhooks (version 1) say: `webhook-id`, `webhook-timestamp`, `webhook-signature`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sha2::Sha256;

use super::message::Message;

/// The body: `{"type","timestamp","data"}`.
pub(super) fn body(message: &Message) -> Value {
    let kind = if message.firing.is_empty() { "alerts.resolved" } else { "alerts.firing" };
    json!({
        "type": kind,
        "timestamp": message.at,
        "data": {
            "env": message.env,
            "instance": message.instance,
            "firing": message.firing,
            "resolved": message.resolved,
        },
    })
}

/// The headers of one attempt, by which the receiver knows sender, message and time. None when the secret cannot
/// be used, which the configuration excludes.
pub(super) fn headers(
    secret: &SecretString,
    id: &str,
    now: Timestamp,
    body: &[u8],
) -> Option<[(&'static str, String); 3]> {
    let seconds = now.as_second();
    let key = STANDARD.decode(secret.expose_secret().strip_prefix("whsec_")?).ok()?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    mac.update(format!("{id}.{seconds}.").as_bytes());
    mac.update(body);
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    Some([
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", seconds.to_string()),
        ("webhook-signature", format!("v1,{signature}")),
    ])
}

#[cfg(test)]
mod tests {
    use super::super::message::tests::message;
    use super::*;

    #[test]
    fn it_is_signed_as_the_specification_says() {
        // The example of the specification's reference libraries.
        let secret: SecretString = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into();
        let at = Timestamp::from_second(1_614_265_330).expect("a moment");
        let headers = headers(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", at, br#"{"test": 2432232314}"#);
        let [(_, id), (_, timestamp), (_, signature)] = headers.expect("signed");
        assert_eq!((id.as_str(), timestamp.as_str()), ("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330"));
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn the_body_says_who_what_and_since_when() {
        let body = body(&message());
        assert_eq!(
            (&body["type"], &body["timestamp"]),
            (&"alerts.firing".into(), &"2026-11-23T04:10:00Z".into())
        );
        assert_eq!(body["data"]["firing"][0]["rule"], "QueueStuck");
        assert_eq!(body["data"]["resolved"][0]["rule"], "NoWorkers");
        let over = Message { firing: Vec::new(), ..message() };
        assert_eq!(super::body(&over)["type"], "alerts.resolved");
    }
}
