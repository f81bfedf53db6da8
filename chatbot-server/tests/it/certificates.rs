//! Fault 7 of the list in the design: a provider whose certificate does not hold is not spoken to.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::cli::{chatbot, failure_of, json_of};

const REPLY: &str = concat!(
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n",
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Trusted.\"},\"finish_reason\":\"stop\"}]}\n\n",
    "data: [DONE]\n\n",
);

/// Whoever issues the certificates of this test.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A server on a port of `localhost` whose certificate is of this host and ends in this year; and how many requests it
    /// read.
    async fn serves(&self, host: &str, until: i32) -> (SocketAddr, Arc<AtomicUsize>) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private)
            .unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let n_read = Arc::new(AtomicUsize::new(0));
        tokio::spawn(serve(listener, TlsAcceptor::from(Arc::new(config)), n_read.clone()));
        (address, n_read)
    }
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, n_read: Arc<AtomicUsize>) {
    while let Ok((stream, _)) = listener.accept().await {
        let Ok(mut stream) = acceptor.accept(stream).await else { continue };
        if stream.read(&mut [0; 16 << 10]).await.is_ok_and(|n| n > 0) {
            n_read.fetch_add(1, Ordering::SeqCst);
            let _ = stream.write_all(REPLY.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    }
}

/// Asks the model there, with a program that trusts the authorities in `trusted`.
async fn ask(data: &Path, trusted: &Path, address: SocketAddr) -> std::process::Output {
    let model = format!("openai+https://localhost:{}/v1#m", address.port());
    let mut command =
        chatbot(data, &["ask", "Hi", "--model", &model, "--strategy", "none", "--json"]);
    command.env("SSL_CERT_FILE", trusted).env_remove("SSL_CERT_DIR");
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

#[tokio::test]
async fn f07_a_certificate_that_does_not_hold_ends_the_call_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let trusted = folder.path().join("trusted.pem");
    let (authority, stranger) = (Authority::new(), Authority::new());
    std::fs::write(&trusted, authority.0.pem()).unwrap();
    let data = folder.path().join("data");
    let (good, n_read) = authority.serves("localhost", 2120).await;
    let answer = json_of(&ask(&data, &trusted, good).await);
    assert_eq!(answer["message"]["content"], "Trusted.");
    assert_eq!(n_read.load(Ordering::SeqCst), 1);
    for (issuer, host, until) in [
        (&authority, "localhost", 2021),
        (&authority, "elsewhere.example", 2120),
        (&stranger, "localhost", 2120),
    ] {
        let (address, n_read) = issuer.serves(host, until).await;
        let error = failure_of(&ask(&data, &trusted, address).await);
        assert_eq!(
            (error["code"].as_str(), error["reason"].as_str()),
            (Some("unavailable"), Some("unreachable")),
            "{host} {until}: {error}"
        );
        assert_eq!(n_read.load(Ordering::SeqCst), 0, "{host} {until}");
    }
}
