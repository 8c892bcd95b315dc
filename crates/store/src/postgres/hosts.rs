//! Several servers in one URL, of which one takes writes: `postgres://user@one,two:5433/tasks`.
//!
//! Each is tried by itself, in the order of the URL, with its share of the time: one that has lost its power
//! must not use up the time of the one that took over.

use std::borrow::Cow;
use std::str::FromStr;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::TargetSessionAttrs;

/// The configuration of each host. With several, the one that takes writes is meant unless the URL says otherwise.
pub(super) fn each(url: &str) -> Result<Vec<Config>, tokio_postgres::Error> {
    let urls = one_url_each(url);
    let mut hosts = urls.iter().map(|url| Config::from_str(url)).collect::<Result<Vec<_>, _>>()?;
    if hosts.len() > 1 && !url.contains("target_session_attrs=") {
        for host in &mut hosts {
            host.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
    }
    Ok(hosts)
}

/// What one host may take of the time for opening a connection.
pub(super) fn share(within: Duration, hosts: usize) -> Duration {
    within / u32::try_from(hosts.max(1)).unwrap_or(u32::MAX)
}

/// Hosts in the query (`?host=one,two`) are left together, as PostgreSQL's driver takes them.
fn one_url_each(url: &str) -> Vec<Cow<'_, str>> {
    let whole = || vec![Cow::Borrowed(url)];
    let Some((scheme, rest)) = url.split_once("://") else { return whole() };
    let (authority, tail) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let (user, hosts) = authority.rsplit_once('@').map_or(("", authority), |(user, hosts)| (user, hosts));
    if !hosts.contains(',') {
        return whole();
    }
    let at = if authority.contains('@') { "@" } else { "" };
    hosts.split(',').map(|host| Cow::Owned(format!("{scheme}://{user}{at}{host}{tail}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_host_has_a_url_of_its_own() {
        assert_eq!(
            one_url_each("postgres://u:p@a,b:2/d?x=y"),
            ["postgres://u:p@a/d?x=y", "postgres://u:p@b:2/d?x=y"]
        );
        assert_eq!(one_url_each("postgres://a,b"), ["postgres://a", "postgres://b"]);
        for alone in ["postgres://u:a%2Cb@h/d", "postgres:///d?host=a,b", "postgres://u@[::1]:1/d"] {
            assert_eq!(one_url_each(alone), [alone]);
        }
    }

    #[test]
    fn of_several_hosts_the_one_that_takes_writes_is_meant() {
        let wanted = |url: &str| {
            each(url).expect(url).iter().map(Config::get_target_session_attrs).collect::<Vec<_>>()
        };
        assert_eq!(wanted("postgres://u@a,b/d"), [TargetSessionAttrs::ReadWrite; 2]);
        assert_eq!(wanted("postgres://u@a,b/d?target_session_attrs=any"), [TargetSessionAttrs::Any; 2]);
        assert_eq!(
            wanted("postgres://u@a/d?target_session_attrs=read-write"),
            [TargetSessionAttrs::ReadWrite]
        );
        assert_eq!(wanted("postgres://u@a/d"), [TargetSessionAttrs::Any]);
    }
}
