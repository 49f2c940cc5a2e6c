//! The certificates by which servers and gateways are trusted: those that the machine
//! trusts, or those of a file, for an authority of one's own.

use crate::failure::Failure;
use crate::input;
use crate::output::shown;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use std::sync::Arc;
use ureq::http::Uri;
use ureq::http::uri::Authority;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// The option that names other certificates.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Trust {
    /// Trust the certificates in this file (PEM) in the place of those that the machine trusts
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<String>,
}

impl Trust {
    /// TLS as a URL needs it. Without any certificate, no server is trusted.
    ///
    /// # Errors
    /// The file cannot be read or has no certificate, or the URL is not one of https.
    pub(crate) fn tls(&self, url: &str) -> Result<TlsConfig, Failure> {
        // An error says that one is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let trusted = match (&self.ca, is_https(url)) {
            (Some(file), true) => in_file(file)?,
            (Some(_), false) => {
                return Err(Failure::new("--ca is for https alone; plain http has no certificate"));
            }
            (None, true) => rustls_native_certs::load_native_certs().certs,
            (None, false) => Vec::new(),
        };
        let trusted = trusted.iter().map(|one| Certificate::from_der(one).to_owned());
        let trusted = RootCerts::Specific(Arc::new(trusted.collect()));
        Ok(TlsConfig::builder().root_certs(trusted).build())
    }
}

/// Whether a URL names a user, perhaps with a password, or may be meant to: of one that is
/// not a URL, or whose port is not a number, some part may be the password.
pub(crate) fn has_user(url: &str, parsed: Option<&Uri>) -> bool {
    let may_be = |authority: &Authority| {
        let is_odd = authority.as_str() != authority.host() && authority.port_u16().is_none();
        is_odd || authority.as_str().contains('@')
    };
    url.contains('@') && parsed.and_then(Uri::authority).is_none_or(may_be)
}

/// Whether a URL is one of https.
pub(crate) fn is_https(url: &str) -> bool {
    url.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("https:"))
}

/// The words about an error of a connection, with the remedy where the certificate is at fault.
pub(crate) fn words(error: &impl core::fmt::Display) -> String {
    let words = error.to_string();
    if words.contains("UnknownIssuer") {
        format!("{words}; if its certificate is of an authority of your own, name that with --ca")
    } else {
        words
    }
}

/// The certificates in a file, of which each can be used.
fn in_file(name: &str) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let pem = input::bytes(name)?;
    let told = |words: &str| Failure::new(format!("{}: {words}", shown(name)));
    let mut found = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|_| told("is not PEM"))?;
        if RootCertStore::empty().add(certificate.clone()).is_err() {
            let number = found.len().saturating_add(1);
            return Err(told(&format!("certificate {number} cannot be used")));
        }
        found.push(certificate);
    }
    match found.is_empty() {
        true => Err(told("has no certificate; expected PEM, with `-----BEGIN CERTIFICATE-----`")),
        false => Ok(found),
    }
}
