//! Which addresses may be reached.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use reqwest::Url;

use crate::error::{Error, ErrorKind, Result};

/// The longest address; browsers stop at about the same.
const MAX_ADDRESS_BYTES: usize = 2048;
/// Where the web is. Anything else that listens may take a request for something that it is not.
const PORTS: [u16; 2] = [80, 443];

/// A host that may be reached although it is not of the public network.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Allowed {
    host: String,
    /// None: the usual ones.
    port: Option<u16>,
}

/// Decides about addresses.
#[derive(Debug, Default)]
pub(super) struct Guard {
    allowed: Vec<Allowed>,
}

/// Why a client was given no address.
#[derive(Debug)]
pub(super) struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name has an address that may not be reached")
    }
}

impl std::error::Error for Refused {}

impl From<Refused> for Error {
    fn from(_: Refused) -> Self {
        Self::invalid(
            "This address may not be reached from here: it is not of the public network. \
             `fetching.allow_hosts` can allow it.",
        )
    }
}

impl Guard {
    /// A guard that also lets through these hosts, each as `host` or `host:port`.
    ///
    /// # Errors
    /// `config_invalid` for what is no host.
    pub(super) fn new(allow_hosts: &[String]) -> Result<Self> {
        let allowed = allow_hosts.iter().map(|text| allowed(text).ok_or_else(|| no_host(text)));
        Ok(Self { allowed: allowed.collect::<Result<_>>()? })
    }

    /// The address that a person wrote.
    ///
    /// # Errors
    /// `invalid_input` for what is no address of the web, or one that may not be reached.
    pub(super) fn address(&self, text: &str) -> Result<Url> {
        // Readers of addresses differ about these; this one would drop them or turn them around.
        let odd = |c: char| c.is_control() || c.is_whitespace() || c == '\\';
        if text.len() > MAX_ADDRESS_BYTES || text.contains(odd) {
            return Err(no_address());
        }
        let mut url = Url::parse(text).map_err(|error| no_address().with_source(error))?;
        url.set_fragment(None);
        self.check(&url)?;
        Ok(url)
    }

    /// Looks at an address before a request; the addresses of a name are looked at when it is connected to.
    ///
    /// # Errors
    /// As [`address`](Self::address).
    pub(super) fn check(&self, url: &Url) -> Result<()> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(no_address());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Error::invalid("The address must not hold a user name or a password."));
        }
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return Err(no_address());
        };
        match self.trusts(host, Some(port)) {
            Some(true) => Ok(()),
            Some(false) => Err(Refused.into()),
            None if !PORTS.contains(&port) => Err(Refused.into()),
            None => match literal(host) {
                Some(address) if !is_public(address) => Err(Refused.into()),
                Some(_) | None => Ok(()),
            },
        }
    }

    /// Whether a name with these addresses may be connected to: every one of them counts.
    pub(super) fn may_reach(&self, host: &str, addresses: &[IpAddr]) -> bool {
        self.trusts(host, None).is_some()
            || (!addresses.is_empty() && addresses.iter().copied().all(is_public))
    }

    /// Whether the host is allowed at this port, or at any where none is said; `None` where it is not listed.
    fn trusts(&self, host: &str, port: Option<u16>) -> Option<bool> {
        let host = host.trim_end_matches('.');
        let mut listed =
            self.allowed.iter().filter(|one| one.host.eq_ignore_ascii_case(host)).peekable();
        listed.peek()?;
        let fits = |one: &Allowed| match (one.port, port) {
            (_, None) => true,
            (Some(own), Some(port)) => own == port,
            (None, Some(port)) => PORTS.contains(&port),
        };
        Some(listed.any(fits))
    }
}

fn allowed(text: &str) -> Option<Allowed> {
    let url = Url::parse(&format!("http://{text}")).ok()?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let host = url.host_str()?.trim_end_matches('.').to_owned();
    let names_port = text.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let port = if names_port && !text.ends_with(']') { url.port_or_known_default() } else { None };
    (bare && url.username().is_empty()).then_some(Allowed { host, port })
}

/// The address that a host is written as, where it is one and not a name.
fn literal(host: &str) -> Option<IpAddr> {
    host.trim_matches(['[', ']']).parse().ok()
}

/// Whether an address is of the public network, and of one machine: not private, local, reserved, for examples, or a
/// wrapping of another address.
///
/// # Source
/// The IANA registries of special-purpose addresses for IPv4 and IPv6 (RFC 6890 and what came after).
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let special = match address.octets() {
        // This network, private, loopback, multicast and what is above.
        [0 | 10 | 127 | 224..=255, ..] => true,
        // Between a provider and its customers; some clouds keep their metadata here.
        [100, 64..=127, ..] => true,
        // Link-local; other clouds keep them here.
        [169, 254, ..] => true,
        [172, 16..=31, ..] | [192, 168, ..] => true,
        // Protocols, examples, 6to4 relays, benchmarks.
        [192, 0, 0 | 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => true,
        [192, 88, 99, _] | [198, 18 | 19, ..] => true,
        _ => false,
    };
    !special
}

/// Only what is given out for single machines; that leaves out what wraps an IPv4 address, such as `::ffff:0:0/96` and
/// `64:ff9b::/96`.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let global = first & 0xE000 == 0x2000;
    // Protocols (Teredo among them), examples, 6to4.
    let special = (first == 0x2001 && (second < 0x0200 || second == 0x0DB8))
        || first == 0x2002
        || (first == 0x3FFF && second < 0x1000);
    global && !special
}

fn no_address() -> Error {
    Error::invalid("This is no address of the web. Use one like https://example.org/page.")
}

fn no_host(text: &str) -> Error {
    let message =
        format!("`{text}` in `fetching.allow_hosts` is no host. Use `name` or `name:port`.");
    Error::new(ErrorKind::ConfigInvalid, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_others_networks_are_refused() {
        let guard = Guard::default();
        for text in [
            "http://127.0.0.1/",
            "http://127.1/",
            "http://0x7f.1/",
            "http://2130706433/",
            "http://017700000001/",
            "http://0/",
            "http://0.0.0.0/",
            "http://10.0.0.1/",
            "http://100.100.100.200/latest/meta-data",
            "http://169.254.169.254/latest/meta-data",
            "http://172.16.0.1/",
            "http://192.168.1.1/",
            "http://198.18.0.1/",
            "http://224.0.0.1/",
            "http://255.255.255.255/",
            "http://[::]/",
            "http://[::1]/",
            "http://[::ffff:169.254.169.254]/",
            "http://[::ffff:a9fe:a9fe]/",
            "http://[::ffff:8.8.8.8]/",
            "http://[64:ff9b::a9fe:a9fe]/",
            "http://[2002:7f00:1::]/",
            "http://[2001:0:7f00:1::]/",
            "http://[2001:db8::1]/",
            "http://[fd00:ec2::254]/",
            "http://[fe80::1]/",
            "http://[ff02::1]/",
            "http://example.org:22/",
            "http://8.8.8.8:6379/",
        ] {
            let error = guard.address(text).expect_err(text);
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{text}");
            assert!(error.message().contains("may not be reached"), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_no_address_of_the_web_is_refused() {
        let guard = Guard::default();
        for text in [
            "",
            "example.org",
            "/etc/passwd",
            "file:///etc/passwd",
            "gopher://example.org/",
            "ftp://example.org/",
            "data:text/plain,words",
            "http://",
            "http://user@example.org/",
            "http://user:word@127.0.0.1/",
            "http://good.example\\@127.0.0.1/",
            "http://exa\tmple.org/",
            "http://example.org/a\n",
            " http://example.org/",
            "http://example.org/\u{7F}",
            &format!("http://example.org/{}", "a".repeat(2048)),
        ] {
            let error = guard.address(text).expect_err(text);
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{text}");
        }
    }

    #[test]
    fn the_public_network_can_be_reached() {
        let guard = Guard::default();
        for text in ["https://example.org/a?b#c", "http://8.8.8.8", "http://[2606:4700::1]:443/"] {
            assert!(guard.address(text).is_ok(), "{text}");
        }
        assert_eq!(
            guard.address("https://Example.ORG/a#b").unwrap().as_str(),
            "https://example.org/a"
        );
        let parse = |text: &str| text.parse::<IpAddr>().unwrap();
        assert!(guard.may_reach("a", &[parse("1.1.1.1"), parse("2606:4700::1")]));
        assert!(!guard.may_reach("a", &[parse("1.1.1.1"), parse("10.0.0.1")]), "every one counts");
        assert!(!guard.may_reach("a", &[]));
    }

    #[test]
    fn a_listed_host_is_reached_at_its_port_only() {
        let hosts = ["wiki.internal", "10.1.2.3:8080", "[fd00::7]", "build.internal:80"];
        let guard = Guard::new(&hosts.map(str::to_owned)).unwrap();
        for (text, may) in [
            ("http://wiki.internal/", true),
            ("https://WIKI.internal./", true),
            ("http://wiki.internal:8080/", false),
            ("http://10.1.2.3:8080/", true),
            ("http://10.1.2.3/", false),
            ("http://10.1.2.4:8080/", false),
            ("https://[fd00::7]/", true),
            ("http://build.internal/", true),
            ("https://build.internal/", false),
        ] {
            assert_eq!(guard.address(text).is_ok(), may, "{text}");
        }
        let private = ["10.0.0.1".parse().unwrap()];
        assert!(guard.may_reach("wiki.internal.", &private));
        assert!(!guard.may_reach("evil.wiki.internal", &private));
        for wrong in ["", "http://a/", "a/b", "a:b", "user@a", "a b"] {
            let error = Guard::new(&[wrong.to_owned()]).expect_err(wrong);
            assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{wrong}");
        }
    }
}
