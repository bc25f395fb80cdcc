//! TLS by rustls, with the options of Node's `tls.connect` in mind.
//!
//! - [`trust`]: which server certificates are accepted;
//! - [`failures`]: texts of failed handshakes.
//!
//! rustls is stricter than the OpenSSL of Node: it wants certificates of X.509 version 3 with a `subjectAltName`.
//! The provider is named explicitly, never installed for the process: another addon may have one of its own.

mod failures;
mod trust;

#[cfg(test)]
mod tests;

use std::io;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, Error};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub use failures::{late_cause, late_refusal};
pub use trust::DefaultRoots;
use trust::{Authorities, Verifier};

use super::Address;
use crate::error::StoreError;

static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| Arc::new(rustls::crypto::ring::default_provider()));

/// The options of the user, not checked yet.
pub struct TlsSettings {
    /// The name or IP address that the server's certificate has to be for.
    pub server_name: String,
    /// `true` sends that name to the server (SNI). Node.js does so only if `servername` is set.
    pub sni: bool,
    /// Certificates to trust instead of `roots`: PEM, any number in each, or one as DER.
    pub ca: Option<Vec<Vec<u8>>>,
    /// The certificates to trust if `ca` is `None`.
    pub roots: Arc<DefaultRoots>,
    /// Our own certificate followed by its intermediates, and its private key. Both PEM.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
    /// `false` accepts every certificate. The server still has to prove that it has the key of the one it shows.
    pub reject_unauthorized: bool,
}

/// Checked settings, ready for any number of connections.
pub struct Tls {
    name: ServerName<'static>,
    connector: TlsConnector,
}

impl Tls {
    /// Checks the settings. An error is the rest of a sentence that begins with the name of the option. It holds no value.
    pub fn new(settings: TlsSettings) -> Result<Self, String> {
        let TlsSettings { server_name, sni, ca, roots, identity, reject_unauthorized } = settings;
        let name = ServerName::try_from(server_name)
            .map_err(|_| r#""servername", or else the host, is neither a name nor an IP address"#)?;
        let authorities = match ca {
            Some(ca) => Authorities::given(&ca)?,
            None => Authorities::Default(roots),
        };
        let verifier = if reject_unauthorized { Verifier::strict(authorities) } else { Verifier::lenient() };
        let builder = ClientConfig::builder_with_provider(PROVIDER.clone())
            .with_safe_default_protocol_versions()
            .expect("the provider has suites for both versions")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match identity {
            Some((cert, key)) => {
                builder.with_client_auth_cert(read_chain(&cert)?, read_key(&key)?).map_err(|error| mismatch(&error))?
            }
            None => builder.with_no_client_auth(),
        };
        config.enable_sni = sni;
        // As with Node, each connection proves itself anew; a resumed session would skip the certificate.
        config.resumption = Resumption::disabled();
        Ok(Tls { name, connector: Arc::new(config).into() })
    }

    /// Shakes hands over `socket`. A server that stays silent for `patience` may not speak TLS at all, which the error
    /// says.
    pub async fn wrap<S>(&self, socket: S, address: &Address, patience: Duration) -> Result<TlsStream<S>, StoreError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let handshake = self.connector.connect(self.name.clone(), socket);
        let result = timeout(patience, handshake).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        result.map_err(|error| failures::handshake(address, &self.name, &error))
    }
}

fn read_chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match chain {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        _ => Err(r#""cert" holds no certificate in PEM form"#.into()),
    }
}

fn read_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|_| r#""key" holds no unencrypted private key in PEM form"#.into())
}

fn mismatch(error: &Error) -> String {
    match error {
        Error::InconsistentKeys(_) => r#""key" is not the key of the certificate in "cert""#.into(),
        Error::InvalidCertificate(_) => r#""cert" holds something that is no X.509 version 3 certificate"#.into(),
        _ => r#""key" is of a kind that is not supported: RSA of 2048 to 8192 bits, ECDSA on P-256 or P-384 and Ed25519 are"#
            .into(),
    }
}
