//! Looking after a database file, for the command line.

use std::path::{Path, PathBuf};

use napi::bindgen_prelude::{AsyncTask, Either};
use napi::{Env, Task};
use napi_derive::napi;

use super::failure::Failure;
use flowkit_store::error::StoreError;
use flowkit_store::sqlite::{compact, survey};

type Work = fn(&Path, String, bool) -> Result<String, StoreError>;

/// Work on one file, on a thread of Node's own: it may take minutes.
pub struct Care {
    work: Work,
    path: PathBuf,
    table: String,
    is_deep: bool,
}

impl Task for Care {
    type Output = Result<String, StoreError>;
    type JsValue = Either<String, Failure>;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        Ok((self.work)(&self.path, std::mem::take(&mut self.table), self.is_deep))
    }

    fn resolve(&mut self, _env: Env, output: Self::Output) -> napi::Result<Self::JsValue> {
        Ok(match output {
            Ok(json) => Either::A(json),
            Err(error) => Either::B(error.into()),
        })
    }
}

/// Resolves to JSON about a database and its table, and changes nothing. `isDeep` checks the whole file.
#[napi(ts_return_type = "Promise<string | Failure>")]
pub fn survey_sqlite(path: String, table: String, is_deep: bool) -> AsyncTask<Care> {
    AsyncTask::new(Care { work: survey, path: path.into(), table, is_deep })
}

/// Makes a database as small as its content. Resolves to JSON about what was done.
#[napi(ts_return_type = "Promise<string | Failure>")]
pub fn compact_sqlite(path: String, table: String) -> AsyncTask<Care> {
    AsyncTask::new(Care { work: |path, table, _| compact(path, table), path: path.into(), table, is_deep: false })
}
