//! Cookies: what the dashboard keeps in a browser.

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

/// A cookie of a request.
pub(super) fn get<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(own, _)| *own == name).map(|(_, value)| value)
}

/// Sets a cookie that scripts cannot read and other sites' requests do not carry. `value` is made by us: it has no
/// character that would need quoting.
pub(super) fn set(name: &str, value: &str, seconds: u64, headers: &HeaderMap) -> Option<HeaderValue> {
    let secure = if came_by_https(headers) { "; Secure" } else { "" };
    let cookie = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::from_str(&cookie).ok()
}

/// Whether whoever stands before the service says that the browser spoke TLS; the service itself never does.
fn came_by_https(headers: &HeaderMap) -> bool {
    let forwarded = headers.get("x-forwarded-proto").and_then(|value| value.to_str().ok());
    forwarded.is_some_and(|proto| proto.split(',').next().is_some_and(|first| first.trim() == "https"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_found_by_their_whole_name() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("a=1; xb=2;b=3"));
        headers.append(COOKIE, HeaderValue::from_static("c=4=5"));
        assert_eq!(get(&headers, "b"), Some("3"));
        assert_eq!(get(&headers, "c"), Some("4=5"));
        assert_eq!(get(&headers, "d"), None);
    }

    #[test]
    fn a_cookie_is_secure_when_the_browser_spoke_tls() {
        let mut headers = HeaderMap::new();
        let plain = set("n", "v", 60, &headers).expect("a header");
        assert_eq!(plain, "n=v; Path=/; Max-Age=60; HttpOnly; SameSite=Strict");
        headers.insert("x-forwarded-proto", HeaderValue::from_static("https, http"));
        let secure = set("n", "v", 60, &headers).expect("a header");
        assert!(secure.to_str().expect("ASCII").ends_with("; Secure"));
    }
}
