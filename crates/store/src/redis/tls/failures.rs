//! Texts of failed handshakes. None holds a key or a certificate. Names that a certificate is for may appear.

use std::io;

use rustls::pki_types::ServerName;
use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};

use super::trust::is_authority_itself;
use crate::error::{Cause, ErrorKind, StoreError};
use crate::redis::address::{Address, server};

/// Returns the error of a failed handshake.
///
/// Its kind is `Unavailable` only if waiting may help. All else ends operations immediately.
pub fn handshake(address: &Address, name: &ServerName<'_>, error: &io::Error) -> StoreError {
    let server = server(address);
    match tls_error(error) {
        Some(Error::InvalidCertificate(problem)) => certificate(&server, name, problem),
        Some(Error::AlertReceived(alert)) => alerted(&server, *alert),
        Some(Error::InvalidMessage(InvalidMessage::InvalidContentType)) => {
            let advice = r#"use its TLS port, or leave the option "tls" out (redis: instead of rediss:)"#;
            StoreError::new(ErrorKind::InvalidOptions, format!("{server} does not speak TLS there; {advice}"))
                .with_cause(Some("ERR_SSL_WRONG_VERSION_NUMBER".into()), "the reply is not TLS")
        }
        Some(problem @ Error::PeerIncompatible(_)) => {
            let reason = format!("{server} speaks neither TLS 1.2 nor TLS 1.3 with a cipher that is supported here");
            StoreError::new(ErrorKind::Denied, reason).with_cause(None, problem.to_string())
        }
        Some(problem) => StoreError::new(ErrorKind::Unavailable, format!("{server} failed at the TLS handshake"))
            .with_cause(None, problem.to_string()),
        None => {
            let mut failure = StoreError::io(error, &server);
            failure.kind = ErrorKind::Unavailable;
            let what = match error.kind() {
                io::ErrorKind::TimedOut => "is silent at the TLS handshake",
                _ => "broke off the TLS handshake",
            };
            failure.reason = format!("{server} {what}; does it speak TLS there?");
            failure
        }
    }
}

/// Returns the cause of a connection that broke after the handshake; `None` if TLS is not the reason.
///
/// In TLS 1.3 a server looks at our certificate after the handshake is done for us. Its refusal comes with the first reply.
pub fn late_cause(error: &io::Error) -> Option<Cause> {
    match tls_error(error)? {
        Error::AlertReceived(alert) => Some(Cause { code: Some(alert_code(*alert)), message: alert_text(*alert) }),
        other => Some(Cause { code: None, message: other.to_string() }),
    }
}

/// Returns the error for a connection that broke before its first reply; `None` if [`late_cause`] gave no TLS alert.
pub fn late_refusal(address: &Address, cause: &Cause) -> Option<StoreError> {
    let code = cause.code.as_deref()?;
    let alert = CERTIFICATE_ALERTS.into_iter().find(|alert| alert_code(*alert) == code)?;
    Some(alerted(&server(address), alert))
}

/// The alerts of a server that wants another certificate of ours, or one at all.
const CERTIFICATE_ALERTS: [AlertDescription; 10] = [
    AlertDescription::CertificateRequired,
    AlertDescription::NoCertificate,
    AlertDescription::BadCertificate,
    AlertDescription::UnsupportedCertificate,
    AlertDescription::CertificateRevoked,
    AlertDescription::CertificateExpired,
    AlertDescription::CertificateUnknown,
    AlertDescription::UnknownCA,
    AlertDescription::AccessDenied,
    AlertDescription::DecryptError,
];

fn alerted(server: &str, alert: AlertDescription) -> StoreError {
    let (kind, advice) = match alert {
        AlertDescription::CertificateRequired | AlertDescription::NoCertificate => {
            (ErrorKind::Denied, r#"it wants a client certificate; give the options "tls.cert" and "tls.key""#)
        }
        // OpenSSL's word in TLS 1.2 for a missing client certificate, among others.
        AlertDescription::HandshakeFailure => (
            ErrorKind::Denied,
            r#"it wants other ciphers or a client certificate (the options "tls.cert" and "tls.key")"#,
        ),
        AlertDescription::UnrecognisedName => {
            (ErrorKind::Denied, r#"it does not know that name; check the option "tls.servername""#)
        }
        AlertDescription::ProtocolVersion | AlertDescription::InsufficientSecurity => {
            (ErrorKind::Denied, "it does not take TLS 1.2 or 1.3 as it is spoken here")
        }
        alert if CERTIFICATE_ALERTS.contains(&alert) => {
            (ErrorKind::Denied, r#"it does not accept our certificate; check the options "tls.cert" and "tls.key""#)
        }
        _ => (ErrorKind::Unavailable, "it gives no reason that would help"),
    };
    let text = alert_text(alert);
    StoreError::new(kind, format!("{server} refused the TLS handshake ({text}): {advice}"))
        .with_cause(Some(alert_code(alert)), text)
}

/// `TLS alert CertificateRequired`
fn alert_text(alert: AlertDescription) -> String {
    format!("TLS alert {alert:?}")
}

/// `ERR_SSL_ALERT_116`: Node's own codes name the TLS version too, which is not known here.
fn alert_code(alert: AlertDescription) -> String {
    format!("ERR_SSL_ALERT_{}", u8::from(alert))
}

fn certificate(server: &str, name: &ServerName<'_>, problem: &CertificateError) -> StoreError {
    use CertificateError::*;
    // The codes are Node's, if it has the same case.
    let (code, what, advice): (Option<&str>, String, &str) = match problem {
        Expired | ExpiredContext { .. } => {
            (Some("CERT_HAS_EXPIRED"), "it has expired".into(), "renew it on the server")
        }
        NotValidYet | NotValidYetContext { .. } => {
            (Some("CERT_NOT_YET_VALID"), "it is not valid yet".into(), "check the clocks of both machines")
        }
        NotValidForName => (Some("ERR_TLS_CERT_ALTNAME_INVALID"), not_for(name, &[]), NAME_ADVICE),
        NotValidForNameContext { presented, .. } => {
            (Some("ERR_TLS_CERT_ALTNAME_INVALID"), not_for(name, presented), NAME_ADVICE)
        }
        UnknownIssuer => (
            Some("UNABLE_TO_VERIFY_LEAF_SIGNATURE"),
            "nobody who is trusted issued it".into(),
            r#"give the certificate of its issuer as the option "tls.ca""#,
        ),
        BadSignature => (
            Some("CERT_SIGNATURE_FAILURE"),
            "a signature does not match".into(),
            r#"its issuer is another one than in "tls.ca", though of the same name, or the server has not its key"#,
        ),
        InvalidPurpose | InvalidPurposeContext { .. } => {
            (Some("INVALID_PURPOSE"), "it is not for servers".into(), "give the server another one")
        }
        Other(other) if matches!(other.0.downcast_ref(), Some(webpki::Error::UnsupportedCertVersion)) => (
            None,
            "it is of the old X.509 version 1".into(),
            "make one of version 3, with a subjectAltName (openssl x509 -req takes -extfile)",
        ),
        _ if is_authority_itself(&Error::InvalidCertificate(problem.clone())) => (
            Some("DEPTH_ZERO_SELF_SIGNED_CERT"),
            "it is the certificate of an authority".into(),
            r#"if it is self-signed and you trust it, give this very certificate as the option "tls.ca""#,
        ),
        _ => (None, "it cannot be verified".into(), "the cause says more"),
    };
    StoreError::new(ErrorKind::Denied, format!("the certificate of {server} is not accepted: {what}; {advice}"))
        .with_cause(code.map(str::to_owned), problem.to_string())
}

const NAME_ADVICE: &str = r#"set the option "tls.servername" to a name that it holds, or give the server another one"#;

/// webpki writes the names that a certificate is for like `DnsName("localhost")`.
fn not_for(name: &ServerName<'_>, presented: &[String]) -> String {
    let name = name.to_str();
    match presented {
        [] => format!("it is not for {name:?}, as it has no subjectAltName (a common name does not count)"),
        _ => format!(
            "it is not for {name:?} but for {}",
            presented.iter().take(5).cloned().collect::<Vec<_>>().join(", ")
        ),
    }
}

fn tls_error(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}
