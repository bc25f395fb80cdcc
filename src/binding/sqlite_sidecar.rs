//! The user's own SQLite connection, served off the event loop.

use std::path::Path;
use std::sync::Arc;

use napi::Either;
use napi::bindgen_prelude::{FnArgs, Function, Result};
use napi_derive::napi;

use super::dispatcher::Dispatcher;
use super::handle::StorageHandle;
use flowkit_store::sqlite::sidecar::load_extension::capture_connection;
use flowkit_store::sqlite::sidecar::store::SidecarStore;
use flowkit_store::{Request, Store};

/// A connection of ours beside the user's.
#[napi]
pub struct HostLink {
    store: Arc<SidecarStore>,
}

/// An operation that our connection could not do: to be repeated on the user's.
#[napi(object, object_from_js = false)]
pub struct ReturnedOperation {
    pub method: String,
    pub id: String,
    pub text: Option<String>,
}

#[napi]
impl HostLink {
    /// The way to the store.
    #[napi(catch_unwind)]
    pub fn handle(&self, dispatcher: &Dispatcher) -> StorageHandle {
        StorageHandle::new(dispatcher, self.store.clone() as Arc<dyn Store>)
    }

    /// Blocks until everything called so far is done or given back.
    #[napi(catch_unwind)]
    pub fn drain(&self) {
        self.store.drain();
    }

    /// Why operations are given back; nothing as long as they are not.
    #[napi(catch_unwind)]
    pub fn why_returned(&self) -> Option<String> {
        self.store.why_returned()
    }

    /// Whether the user's own connection may read now: it would find all that is committed and wait for no lock.
    #[napi(catch_unwind)]
    pub fn may_read_on_user_connection(&self) -> bool {
        self.store.may_read_on_user_connection()
    }

    /// The operations given back since the last time, in order: as many rejections with the code `FLOWKIT_HANDED_BACK` have
    /// come, or will come, in this order.
    #[napi(catch_unwind)]
    pub fn take_returned(&self) -> Vec<ReturnedOperation> {
        let operation = |request| match request {
            Request::Save { id, text, .. } => ReturnedOperation { method: "save".into(), id, text: Some(text) },
            Request::Load { id } => ReturnedOperation { method: "load".into(), id, text: None },
            Request::Delete { id } => ReturnedOperation { method: "delete".into(), id, text: None },
        };
        self.store.take_returned().into_iter().map(operation).collect()
    }
}

/// Makes a connection beside the user's, or answers why there is none. `load` calls the user's `db.loadExtension` with
/// the arguments it is given; what it throws is thrown here. The table exists already; `path` is for error messages.
#[napi(catch_unwind)]
pub fn link_host(
    dispatcher: &Dispatcher,
    load: Function<'_, FnArgs<(String, String)>, ()>,
    path: String,
    table: String,
) -> Result<Either<HostLink, String>> {
    let (loaded, owner) =
        capture_connection(|file, entry| load.call(FnArgs::from((file.to_owned(), entry.to_owned()))));
    loaded?;
    let store =
        owner.and_then(|owner| SidecarStore::new(owner, dispatcher.hand_over_anywhere(), Path::new(&path), table));
    Ok(match store {
        Ok(store) => Either::A(HostLink { store: Arc::new(store) }),
        Err(reason) => Either::B(reason),
    })
}
