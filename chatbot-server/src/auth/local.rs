//! Local mode: whoever can reach the loopback interface is the owner, so nobody else may get there through a browser.
//!
//! A page on another site can make the owner's browser send requests here. It is told apart by what it cannot forge:
//! the `Host` it had to use to get here (a rebound name is not a loopback name), the `Origin` that browsers send with
//! everything that writes, and `Sec-Fetch-Site`, which they send with everything else.

use std::net::{IpAddr, SocketAddr};

use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header, uri::Authority};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chatbot_core::{Error, ErrorKind};

use crate::error::{ApiError, ApiResult};

/// Refuses requests that another site makes in the owner's browser, or that came under a foreign name.
pub(crate) async fn guard(request: Request, next: Next) -> Response {
    match check(request.method(), request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refused) => refused.into_response(),
    }
}

/// Whether an address belongs to this machine alone.
pub(crate) fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

/// The error for an address that other machines can reach.
pub(crate) fn not_loopback(address: SocketAddr) -> Error {
    let message = format!(
        "Without accounts the server listens on this machine only, and {address} can be reached from others. Use \
         127.0.0.1 or [::1]. Accounts mode, which other addresses need, is not in this release."
    );
    Error::new(ErrorKind::ConfigInvalid, message)
}

fn check(method: &Method, uri: &Uri, headers: &HeaderMap) -> ApiResult<()> {
    let forbidden = |message| Err(ApiError::http(StatusCode::FORBIDDEN, message));
    let host = host(uri, headers).filter(|host| is_loopback_name(host.host()));
    let Some(host) = host else {
        return forbidden("Use this server under `localhost` or `127.0.0.1`.");
    };
    let foreign = "This server answers its own page only, not other sites.";
    if !own_origin(headers, &host) {
        return forbidden(foreign);
    }
    match text(headers, "sec-fetch-site") {
        None | Some("same-origin" | "none") => Ok(()),
        // Following a link from another site to the page is fine: that site sees nothing of it.
        Some(_) if is_navigation(method, uri, headers) => Ok(()),
        Some(_) => forbidden(foreign),
    }
}

/// HTTP/2 has the authority in the target, HTTP/1.1 in `Host`; more than one `Host` names nothing.
fn host(uri: &Uri, headers: &HeaderMap) -> Option<Authority> {
    if let Some(authority) = uri.authority() {
        return Some(authority.clone());
    }
    let mut hosts = headers.get_all(header::HOST).iter();
    let (host, more) = (hosts.next()?, hosts.next());
    more.is_none().then(|| host.to_str().ok()?.parse().ok()).flatten()
}

fn is_loopback_name(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(is_loopback)
}

fn own_origin(headers: &HeaderMap, host: &Authority) -> bool {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let own = format!("http://{host}");
    origins.all(|origin| origin.as_bytes().eq_ignore_ascii_case(own.as_bytes()))
}

fn is_navigation(method: &Method, uri: &Uri, headers: &HeaderMap) -> bool {
    let path = uri.path();
    matches!(*method, Method::GET | Method::HEAD)
        && text(headers, "sec-fetch-mode") == Some("navigate")
        && text(headers, "sec-fetch-dest") == Some("document")
        && !path.starts_with("/api/")
        && !path.starts_with("/v1/")
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderName;

    fn allowed(path: &str, headers: &[(&'static str, &'static str)]) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        check(&Method::GET, &path.parse().unwrap(), &map).is_ok()
    }

    #[test]
    fn only_loopback_names_are_answered() {
        for host in ["localhost", "LOCALHOST:8080", "127.0.0.1:1", "127.8.8.8", "[::1]:8080"] {
            assert!(allowed("/", &[("host", host)]), "{host}");
        }
        for host in ["evil.example", "localhost.evil.example", "10.0.0.1", "[::2]", "0.0.0.0", ""] {
            assert!(!allowed("/", &[("host", host)]), "{host}");
        }
        assert!(!allowed("/", &[]));
        assert!(!allowed("/", &[("host", "localhost"), ("host", "evil.example")]));
        assert!(!allowed("http://evil.example/", &[("host", "localhost")]));
    }

    #[test]
    fn only_the_own_origin_is_answered() {
        let with = |origin| allowed("/", &[("host", "localhost:8080"), ("origin", origin)]);
        assert!(with("http://localhost:8080"));
        for origin in [
            "null",
            "https://localhost:8080",
            "http://localhost:3000",
            "http://localhost:8080.evil.example",
            "http://127.0.0.1:8080",
            "https://evil.example",
        ] {
            assert!(!with(origin), "{origin}");
        }
    }

    #[test]
    fn other_sites_may_link_to_the_page_but_not_read_the_api() {
        let link = [
            ("host", "localhost"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
        ];
        assert!(allowed("/c/1", &link));
        assert!(!allowed("/api/v1/sessions", &link));
        let script = [("host", "localhost"), ("sec-fetch-site", "same-site")];
        assert!(!allowed("/", &script));
        assert!(allowed("/api/v1/sessions", &[("host", "localhost"), ("sec-fetch-site", "none")]));
    }
}
