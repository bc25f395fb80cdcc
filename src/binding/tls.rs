//! What a TLS connection to Redis needs, made once and used by any number of connections.

use std::sync::Arc;

use napi::bindgen_prelude::{Error, Result, Uint8Array};
use napi_derive::napi;

use flowkit_store::redis::{DefaultRoots, Tls, TlsSettings};

/// The options of `tls`, read (`lib/redis-tls.js`).
#[napi(object, object_to_js = false)]
pub struct TlsOptions {
    /// The name or IP address that the server's certificate has to be for.
    pub servername: String,
    /// True if the server is told that name.
    pub sni: bool,
    /// Instead of the roots.
    pub ca: Option<Vec<Uint8Array>>,
    /// Goes with `key`.
    pub cert: Option<Uint8Array>,
    pub key: Option<Uint8Array>,
    pub reject_unauthorized: bool,
}

/// The certificates that Node trusts by default, as PEM. They are read when a connection first needs them.
#[napi]
pub struct TlsRoots(Arc<DefaultRoots>);

#[napi]
impl TlsRoots {
    #[napi(constructor, catch_unwind)]
    pub fn new(certificates: Vec<String>) -> Self {
        TlsRoots(Arc::new(DefaultRoots::new(certificates)))
    }
}

/// Checked settings.
#[napi]
pub struct TlsContext(Arc<Tls>);

#[napi]
impl TlsContext {
    /// Throws where something cannot be used; the message begins with the option's name and shows nothing of its value.
    #[napi(constructor, catch_unwind)]
    pub fn new(options: TlsOptions, roots: &TlsRoots) -> Result<Self> {
        let TlsOptions { servername, sni, ca, cert, key, reject_unauthorized } = options;
        let settings = TlsSettings {
            server_name: servername,
            sni,
            ca: ca.map(|blobs| blobs.iter().map(|blob| blob.to_vec()).collect()),
            roots: roots.0.clone(),
            identity: cert.zip(key).map(|(cert, key)| (cert.to_vec(), key.to_vec())),
            reject_unauthorized,
        };
        Tls::new(settings).map(|tls| TlsContext(Arc::new(tls))).map_err(Error::from_reason)
    }

    pub(super) fn share(&self) -> Arc<Tls> {
        self.0.clone()
    }
}
