//! Certificates made on the spot, and handshakes with a rustls server in memory. Real servers: `__test__/redis-tls.spec.ts`.

use std::sync::Arc;
use std::time::Duration;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    date_time_ymd,
};
use rustls::ServerConfig;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::TlsAcceptor;

use super::trust::{Authorities, DefaultRoots, Verifier};
use super::{PROVIDER, Tls, TlsSettings, failures};
use crate::error::{ErrorKind, StoreError};
use crate::redis::Address;

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2030, 1, 1);
    params
}

/// What `openssl req -x509` makes and tutorials use for everything: a leaf that says it is an authority.
fn tutorial() -> CertificateParams {
    authority("localhost")
}

fn authority(name: &str) -> CertificateParams {
    let mut params = params(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

fn self_signed(params: &CertificateParams) -> (CertificateDer<'static>, KeyPair) {
    let (certificate, key) = with_key(params);
    (certificate.der().clone(), key)
}

fn with_key(params: &CertificateParams) -> (Certificate, KeyPair) {
    let key = KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap(), key)
}

/// In the year 2025, unless told otherwise.
fn verify_at(year: u64, ca: &[&CertificateDer<'_>], leaf: &CertificateDer<'_>, name: &str) -> Result<(), StoreError> {
    let blobs: Vec<Vec<u8>> = ca.iter().map(|der| der.to_vec()).collect();
    let verifier = Verifier::strict(Authorities::given(&blobs).unwrap());
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let now = UnixTime::since_unix_epoch(Duration::from_secs((year - 1970) * 31_557_600 + 86_400));
    let verified = verifier.verify_server_cert(leaf, &[], &name, &[], now);
    let address = Address::Tcp { host: "h".into(), port: 1 };
    verified.map(drop).map_err(|error| failures::handshake(&address, &name, &std::io::Error::other(error)))
}

fn verify(ca: &[&CertificateDer<'_>], leaf: &CertificateDer<'_>, name: &str) -> Result<(), StoreError> {
    verify_at(2025, ca, leaf, name)
}

#[track_caller]
fn assert_refused(result: Result<(), StoreError>, code: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied, "{error:?}");
    assert_eq!(error.cause.as_ref().unwrap().code.as_deref(), Some(code), "{error:?}");
}

#[test]
fn a_self_signed_authority_is_trusted_as_a_leaf_only_where_it_was_given() {
    let (leaf, _) = self_signed(&tutorial());
    let (stranger, _) = self_signed(&tutorial());
    assert_eq!(verify(&[&stranger, &leaf], &leaf, "localhost"), Ok(()));
    assert_refused(verify(&[&stranger], &leaf, "localhost"), "DEPTH_ZERO_SELF_SIGNED_CERT");
}

#[test]
fn a_self_signed_authority_has_to_have_the_name() {
    let (leaf, _) = self_signed(&tutorial());
    assert_refused(verify(&[&leaf], &leaf, "other"), "ERR_TLS_CERT_ALTNAME_INVALID");
}

// It relies on the order of webpki's checks.
#[test]
fn a_self_signed_authority_is_not_trusted_out_of_its_dates() {
    let (leaf, _) = self_signed(&tutorial());
    assert_refused(verify_at(2031, &[&leaf], &leaf, "localhost"), "CERT_HAS_EXPIRED");
    assert_refused(verify_at(2019, &[&leaf], &leaf, "localhost"), "CERT_NOT_YET_VALID");
}

#[test]
fn an_authority_that_another_one_issued_is_not_trusted_as_a_leaf() {
    let root = authority("root");
    let issuer = Issuer::new(root, KeyPair::generate().unwrap());
    let leaf = tutorial().signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap().der().clone();
    assert_refused(verify(&[&leaf], &leaf, "localhost"), "UNABLE_TO_VERIFY_LEAF_SIGNATURE");
}

#[test]
fn what_an_authority_issued_is_trusted_for_its_name_and_purpose() {
    let root = authority("root");
    let (ca, key) = self_signed(&root);
    let issuer = Issuer::new(root, key);
    let issue =
        |params: CertificateParams| params.signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap().der().clone();
    let leaf = issue(params("localhost"));
    assert_eq!(verify(&[&ca], &leaf, "localhost"), Ok(()));
    assert_refused(verify(&[&ca], &leaf, "127.0.0.1"), "ERR_TLS_CERT_ALTNAME_INVALID");
    assert_refused(verify_at(2031, &[&ca], &leaf, "localhost"), "CERT_HAS_EXPIRED");
    let mut client = params("localhost");
    client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    assert_refused(verify(&[&ca], &issue(client), "localhost"), "INVALID_PURPOSE");
    let (namesake, _) = self_signed(&authority("root"));
    assert_refused(verify(&[&namesake], &leaf, "localhost"), "CERT_SIGNATURE_FAILURE");
    let (stranger, _) = self_signed(&authority("stranger"));
    assert_refused(verify(&[&stranger], &leaf, "localhost"), "UNABLE_TO_VERIFY_LEAF_SIGNATURE");
}

fn settings(reject_unauthorized: bool, ca: Option<&CertificateDer<'_>>) -> TlsSettings {
    TlsSettings {
        server_name: "localhost".into(),
        sni: true,
        ca: ca.map(|der| vec![der.to_vec()]),
        roots: Arc::new(DefaultRoots::new(Vec::new())),
        identity: None,
        reject_unauthorized,
    }
}

/// A handshake with a server that shows `leaf` and signs with `key`, whether they belong together or not.
fn shake(settings: TlsSettings, leaf: &CertificateDer<'static>, key: &KeyPair) -> Result<(), StoreError> {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let certified = CertifiedKey::new(vec![leaf.clone()], any_supported_type(&key).unwrap());
    let server = ServerConfig::builder_with_provider(PROVIDER.clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    let acceptor = TlsAcceptor::from(Arc::new(server));
    let (near, far) = tokio::io::duplex(65_536);
    let address = Address::Tcp { host: "h".into(), port: 1 };
    let tls = Tls::new(settings).unwrap();
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
        let (client, _server) = tokio::join!(tls.wrap(near, &address, Duration::from_secs(60)), acceptor.accept(far));
        client.map(drop)
    })
}

#[test]
fn a_server_has_to_have_the_key_of_its_certificate_even_where_every_certificate_is_accepted() {
    let (leaf, key) = self_signed(&params("other"));
    assert_eq!(shake(settings(false, None), &leaf, &key), Ok(()));
    let (_, stranger) = self_signed(&params("other"));
    assert_refused(shake(settings(false, None), &leaf, &stranger), "CERT_SIGNATURE_FAILURE");
    assert_refused(shake(settings(true, Some(&leaf)), &leaf, &key), "ERR_TLS_CERT_ALTNAME_INVALID");
}

#[test]
fn without_any_roots_nobody_is_trusted() {
    let (certificate, key) = with_key(&params("localhost"));
    let leaf = certificate.der();
    assert_refused(shake(settings(true, None), leaf, &key), "UNABLE_TO_VERIFY_LEAF_SIGNATURE");
    let roots = Arc::new(DefaultRoots::new(vec!["no PEM".into(), certificate.pem()]));
    assert_eq!(shake(TlsSettings { roots, ..settings(true, None) }, leaf, &key), Ok(()));
}

#[test]
fn what_cannot_be_used_is_named_and_not_shown() {
    let (certificate, key) = with_key(&params("localhost"));
    let (_, stranger) = with_key(&params("localhost"));
    let with = |identity| TlsSettings { identity: Some(identity), ..settings(true, Some(certificate.der())) };
    let chain = || certificate.pem().into_bytes();
    assert!(Tls::new(with((chain(), key.serialize_pem().into_bytes()))).is_ok());
    let refusals = [
        (TlsSettings { server_name: "no name".into(), ..settings(true, None) }, "servername"),
        (TlsSettings { ca: Some(vec![b"s3cret".to_vec()]), ..settings(true, None) }, "ca"),
        (TlsSettings { ca: Some(vec![]), ..settings(true, None) }, "ca"),
        (TlsSettings { ca: Some(vec![b"\x30s3cret".to_vec()]), ..settings(true, None) }, "ca"),
        (with((b"s3cret".to_vec(), key.serialize_pem().into_bytes())), "cert"),
        (with((chain(), b"s3cret".to_vec())), "key"),
        (with((chain(), stranger.serialize_pem().into_bytes())), "key"),
    ];
    for (settings, option) in refusals {
        let Err(reason) = Tls::new(settings) else { panic!("{option} was taken") };
        assert!(reason.starts_with(&format!("{option:?}")), "{option}: {reason}");
        assert!(!reason.contains("s3cret"), "{reason}");
    }
}
