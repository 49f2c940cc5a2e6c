//! TLS before a server that has none, with certificates of an authority of the test's own.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair,
};
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A certificate authority with a key of its own.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A door with a certificate, and the connections that came through it.
pub(crate) struct Door {
    pub(crate) port: u16,
    entered: Arc<AtomicUsize>,
}

impl Door {
    /// The number of clients that took its certificate.
    pub(crate) fn entered(&self) -> usize {
        self.entered.load(Ordering::SeqCst)
    }
}

impl Authority {
    /// With a key of its own; the name is in its certificates.
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    /// Its certificate, as a file has it.
    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// Opens a door before a port of this machine, with a certificate for a name.
    pub(crate) fn door(&self, name: &str, behind: u16) -> Door {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let entered = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&entered);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (config, counter) = (Arc::clone(&config), Arc::clone(&counter));
                // A client that does not trust the certificate goes away.
                std::thread::spawn(move || pass(stream.unwrap(), config, behind, &counter));
            }
        });
        Door { port, entered }
    }
}

/// Passes the bytes of a client on, and those of the server back.
fn pass(
    mut stream: TcpStream,
    config: Arc<ServerConfig>,
    behind: u16,
    entered: &AtomicUsize,
) -> io::Result<()> {
    let mut connection = ServerConnection::new(config).unwrap();
    while connection.is_handshaking() {
        connection.complete_io(&mut stream)?;
    }
    entered.fetch_add(1, Ordering::SeqCst);
    let mut server = TcpStream::connect(("127.0.0.1", behind))?;
    // One thread listens to both sides, so neither for long.
    for side in [&stream, &server] {
        side.set_read_timeout(Some(Duration::from_millis(2)))?;
    }
    let mut client = StreamOwned::new(connection, stream);
    while copy(&mut client, &mut server)? && copy(&mut server, &mut client)? {}
    client.conn.send_close_notify();
    client.flush()
}

/// Whether the side that is read goes on, once what it has said is passed on.
fn copy(from: &mut impl Read, to: &mut impl Write) -> io::Result<bool> {
    let mut bytes = [0; 16 << 10];
    match from.read(&mut bytes) {
        Ok(0) => Ok(false),
        Ok(length) => to.write_all(bytes.get(..length).unwrap_or_default()).map(|()| true),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            Ok(true)
        }
        Err(error) => Err(error),
    }
}
