//! Certificates, a listener that asks for them, and a client that has one.

use std::net::SocketAddr;
use std::sync::Arc;

use mcp_rig::client::http1::Connection;
use mcp_rig::client::{Request, Response};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, SanType,
};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::support::in_time;

/// The name in the gateway's certificate.
const SERVER: &str = "gateway.test";

/// A certificate authority with a key of its own, which clients and gateway
/// both trust.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key.
pub struct Identity {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Authority {
    /// With a new key.
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "e2e authority");
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("a certificate"))
    }

    /// A client's certificate: with this common name, and with these URIs
    /// among its alternative names.
    pub fn client(&self, common_name: &str, uris: &[&str]) -> Identity {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, common_name);
        let uris = uris.iter().map(|uri| SanType::URI((*uri).try_into().expect("ASCII")));
        // Another name first, as real certificates have.
        let host = SanType::DnsName("client.test".try_into().expect("ASCII"));
        params.subject_alt_names = [host].into_iter().chain(uris).collect();
        self.issue(params, ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn issue(&self, mut params: CertificateParams, purpose: ExtendedKeyUsagePurpose) -> Identity {
        params.extended_key_usages = vec![purpose];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        Identity { certificate, key }
    }

    /// A certificate of the gateway and its key, as PEM.
    pub fn server(&self) -> (String, String) {
        let params = CertificateParams::new([SERVER.to_owned()]).expect("a name");
        let server = self.issue(params, ExtendedKeyUsagePurpose::ServerAuth);
        (server.certificate.pem(), server.key.serialize_pem())
    }

    /// Has a listener speak TLS and take clients with certificates of this
    /// authority; others only if none is `required`.
    pub fn tls(&self, required: bool) -> impl Fn(&mut Value) + Send + Sync + 'static {
        let (certificate, key) = self.server();
        let socket = json!({
            "name": "envoy.transport_sockets.tls",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
                "require_client_certificate": required,
                "common_tls_context": {
                    "tls_certificates": [{
                        "certificate_chain": { "inline_string": certificate },
                        "private_key": { "inline_string": key },
                    }],
                    "validation_context": { "trusted_ca": { "inline_string": self.0.pem() } },
                },
            },
        });
        move |listener| listener["filter_chains"][0]["transport_socket"] = socket.clone()
    }

    /// Connects with TLS, as `client` or as nobody.
    pub async fn connect(
        &self,
        addr: SocketAddr,
        client: Option<&Identity>,
    ) -> Connection<TlsStream<TcpStream>> {
        self.try_connect(addr, client).await.expect("a TLS connection")
    }

    /// As [`Self::connect`]; an error where the other end has no certificate of this
    /// authority.
    pub async fn try_connect(
        &self,
        addr: SocketAddr,
        client: Option<&Identity>,
    ) -> std::io::Result<Connection<TlsStream<TcpStream>>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).expect("a certificate");
        let provider = Arc::new(crypto::ring::default_provider());
        let config =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.expect("versions").with_root_certificates(roots);
        let config = match client {
            None => config.with_no_client_auth(),
            Some(Identity { certificate, key }) => {
                let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
                let chain = vec![certificate.der().clone()];
                config.with_client_auth_cert(chain, key).expect("a certificate and its key")
            }
        };
        let name = ServerName::try_from(SERVER).expect("a name");
        let stream = in_time(TcpStream::connect(addr)).await.expect("a connection");
        let connecting = TlsConnector::from(Arc::new(config)).connect(name, stream);
        Ok(Connection::over(addr, in_time(connecting).await?))
    }

    /// Sends one request on a connection of its own.
    pub async fn send(
        &self,
        addr: SocketAddr,
        client: Option<&Identity>,
        request: &Request,
    ) -> Response {
        self.connect(addr, client).await.send(request).await
    }
}
