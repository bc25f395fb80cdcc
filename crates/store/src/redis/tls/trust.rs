//! Which server certificates are accepted.

use std::fmt;
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use webpki::EndEntityCert;

use super::PROVIDER;

/// The certificates that Node trusts by default. There are about 150: they are read at the first handshake that needs
/// them, on a thread of ours, and once.
pub struct DefaultRoots {
    pems: Vec<String>,
    verifier: OnceLock<Option<Arc<WebPkiServerVerifier>>>,
}

impl DefaultRoots {
    pub fn new(pems: Vec<String>) -> Self {
        DefaultRoots { pems, verifier: OnceLock::new() }
    }

    fn verifier(&self) -> Result<&Arc<WebPkiServerVerifier>, Error> {
        let read = || {
            let mut roots = RootCertStore::empty();
            // Like Node, trust what can be read: one odd certificate of `NODE_EXTRA_CA_CERTS` does not spoil the rest.
            roots.add_parsable_certificates(
                self.pems.iter().flat_map(|pem| CertificateDer::pem_slice_iter(pem.as_bytes()).flatten()),
            );
            verifier_for(roots)
        };
        self.verifier.get_or_init(read).as_ref().ok_or(CertificateError::UnknownIssuer.into())
    }
}

/// Whom the user trusts to issue certificates.
pub enum Authorities {
    Default(Arc<DefaultRoots>),
    Given { certificates: Vec<CertificateDer<'static>>, verifier: Arc<WebPkiServerVerifier> },
}

impl Authorities {
    /// Reads the option `ca`. An error is the rest of a sentence that begins with the name of the option.
    pub fn given(blobs: &[Vec<u8>]) -> Result<Self, String> {
        let mut certificates = Vec::new();
        for blob in blobs {
            let before = certificates.len();
            // The first byte of any certificate as DER, and of no PEM text.
            if blob.first() == Some(&0x30) {
                certificates.push(CertificateDer::from(blob.clone()));
            }
            for certificate in CertificateDer::pem_slice_iter(blob) {
                certificates.push(certificate.map_err(|_| r#""ca" holds damaged PEM"#)?);
            }
            if certificates.len() == before {
                return Err(r#""ca" holds no certificate in PEM form"#.into());
            }
        }
        let mut roots = RootCertStore::empty();
        for certificate in &certificates {
            roots.add(certificate.clone()).map_err(|_| r#""ca" holds something that is no X.509 certificate"#)?;
        }
        let verifier = verifier_for(roots).ok_or(r#""ca" is an empty list, which trusts no server"#)?;
        Ok(Authorities::Given { certificates, verifier })
    }
}

fn verifier_for(roots: RootCertStore) -> Option<Arc<WebPkiServerVerifier>> {
    // Its only error without revocation lists: no roots at all.
    WebPkiServerVerifier::builder_with_provider(roots.into(), PROVIDER.clone()).build().ok()
}

/// Decides about a server's certificate. That the server has its key is checked always: otherwise anybody who once saw
/// the certificate could show it.
pub struct Verifier {
    /// Nothing accepts every certificate.
    authorities: Option<Authorities>,
}

impl Verifier {
    pub fn strict(authorities: Authorities) -> Self {
        Verifier { authorities: Some(authorities) }
    }

    /// Accepts every certificate, for `rejectUnauthorized: false`.
    pub fn lenient() -> Self {
        Verifier { authorities: None }
    }
}

// rustls asks for it. The list of what is trusted stays private.
impl fmt::Debug for Verifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Verifier")
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let (verifier, own) = match &self.authorities {
            None => return Ok(ServerCertVerified::assertion()),
            Some(Authorities::Default(roots)) => (roots.verifier()?, [].as_slice()),
            Some(Authorities::Given { certificates, verifier }) => (verifier, certificates.as_slice()),
        };
        match verifier.verify_server_cert(leaf, intermediates, name, ocsp_response, now) {
            Err(error) if is_authority_itself(&error) && own.iter().any(|one| one == leaf) => {
                verify_self_signed(leaf, name)
            }
            result => result,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &PROVIDER.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &PROVIDER.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        PROVIDER.signature_verification_algorithms.supported_schemes()
    }
}

/// Returns whether the only fault so far is that the server shows the certificate of an authority (`CA:TRUE`) as its own.
/// webpki looks at the dates before that and at the rest after it; a test holds it to that.
pub fn is_authority_itself(error: &Error) -> bool {
    let Error::InvalidCertificate(CertificateError::Other(other)) = error else { return false };
    matches!(other.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
}

/// Accepts an authority's certificate that was given as `ca`, for the right name, if it is self-signed.
///
/// `openssl req -x509` makes such certificates, tutorials pass them as `ca`, and Node accepts them. Node does not accept one
/// that somebody else issued: it asks for its issuer, too.
fn verify_self_signed(leaf: &CertificateDer<'_>, name: &ServerName<'_>) -> Result<ServerCertVerified, Error> {
    let certificate = EndEntityCert::try_from(leaf).map_err(|_| CertificateError::BadEncoding)?;
    if certificate.issuer() != certificate.subject() {
        return Err(CertificateError::UnknownIssuer.into());
    }
    let parsed = rustls::server::ParsedCertificate::try_from(leaf)?;
    rustls::client::verify_server_name(&parsed, name)?;
    Ok(ServerCertVerified::assertion())
}
