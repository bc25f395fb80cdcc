//! The functions of another copy of SQLite, as it hands them to an extension that it loads.
//!
//! `sqlite3_api_routines` is an array of function pointers that SQLite only ever appends to: a slot, once given, keeps
//! its meaning. A wrong slot number would call a wrong function, so the test below compares every slot with the
//! function of that name in the bundled copy.

use std::ffi::{c_char, c_int, c_uint, c_void};

use rusqlite::ffi::{sqlite3 as Db, sqlite3_api_routines, sqlite3_stmt as Statement};

/// The table that an extension's entry point receives.
pub type Routines = *const *const c_void;

pub type Destructor = unsafe extern "C" fn(*mut c_void);
pub type EntryPoint = unsafe extern "C" fn(*mut Db, *mut *mut c_char, *const sqlite3_api_routines) -> c_int;
pub type WalCallback = unsafe extern "C" fn(*mut c_void, *mut Db, *const c_char, c_int) -> c_int;
pub type Tracer = unsafe extern "C" fn(c_uint, *mut c_void, *mut c_void, *mut c_void) -> c_int;

/// The oldest SQLite with `sqlite3_set_clientdata`, which reports the close of the user's connection.
const OLDEST: c_int = 3_044_000;

const LIBVERSION_NUMBER: usize = 67;
const OPEN: usize = 135;

macro_rules! api {
    ($($slot:literal $name:ident = $symbol:ident($($argument:ty),*) -> $answer:ty;)*) => {
        /// A copy of the pointers, so that nothing is read from the other image's table later.
        #[derive(Clone, Copy)]
        pub struct Api {
            $(pub $name: unsafe extern "C" fn($($argument),*) -> $answer,)*
        }

        impl Api {
            /// Copies the pointers. Returns an error if that SQLite is too old or was compiled without one of them.
            ///
            /// # Safety
            /// `routines` is the table that SQLite gave to an extension's entry point.
            pub unsafe fn copy(routines: Routines) -> Result<Api, String> {
                // SAFETY: slot 67 exists since SQLite 3.3 and is never empty.
                let version = unsafe {
                    let read = *routines.add(LIBVERSION_NUMBER);
                    std::mem::transmute::<*const c_void, unsafe extern "C" fn() -> c_int>(read)()
                };
                if version < OLDEST {
                    return Err(format!("its SQLite is too old (3.{}; 3.44 is needed)", version / 1000 % 1000));
                }
                Ok(Api {
                    $($name: {
                        // SAFETY: a table of that version is longer than our last slot (269). The options with which
                        // SQLite was compiled may leave a slot empty, hence the check before the pointer is given its
                        // type. The types are those of sqlite3.h for the slot, as the test below shows.
                        unsafe {
                            let pointer = *routines.add($slot);
                            if pointer.is_null() {
                                return Err(concat!("its SQLite lacks ", stringify!($symbol)).to_owned());
                            }
                            std::mem::transmute::<*const c_void, unsafe extern "C" fn($($argument),*) -> $answer>(pointer)
                        }
                    },)*
                })
            }

            /// Returns each slot in use, its name, and the bundled copy's function of that name.
            #[cfg(test)]
            fn expected() -> Vec<(usize, &'static str, *const c_void)> {
                vec![$(($slot, stringify!($symbol), {
                    // The compiler compares our types with those of the bundled copy's header.
                    let function: unsafe extern "C" fn($($argument),*) -> $answer = rusqlite::ffi::$symbol;
                    function as *const c_void
                }),)*]
            }
        }
    };
}

api! {
    5 bind_int64 = sqlite3_bind_int64(*mut Statement, c_int, i64) -> c_int;
    10 bind_text = sqlite3_bind_text(*mut Statement, c_int, *const c_char, c_int, Option<Destructor>) -> c_int;
    14 busy_timeout = sqlite3_busy_timeout(*mut Db, c_int) -> c_int;
    16 close = sqlite3_close(*mut Db) -> c_int;
    20 column_bytes = sqlite3_column_bytes(*mut Statement, c_int) -> c_int;
    22 column_count = sqlite3_column_count(*mut Statement) -> c_int;
    29 column_int64 = sqlite3_column_int64(*mut Statement, c_int) -> i64;
    36 column_text = sqlite3_column_text(*mut Statement, c_int) -> *const u8;
    38 column_type = sqlite3_column_type(*mut Statement, c_int) -> c_int;
    49 db_handle = sqlite3_db_handle(*mut Statement) -> *mut Db;
    53 errmsg = sqlite3_errmsg(*mut Db) -> *const c_char;
    57 finalize = sqlite3_finalize(*mut Statement) -> c_int;
    58 free = sqlite3_free(*mut c_void) -> ();
    60 get_autocommit = sqlite3_get_autocommit(*mut Db) -> c_int;
    77 reset = sqlite3_reset(*mut Statement) -> c_int;
    94 step = sqlite3_step(*mut Statement) -> c_int;
    116 prepare = sqlite3_prepare_v2(*mut Db, *const c_char, c_int, *mut *mut Statement, *mut *const c_char) -> c_int;
    118 clear_bindings = sqlite3_clear_bindings(*mut Statement) -> c_int;
    127 file_control = sqlite3_file_control(*mut Db, *const c_char, c_int, *mut c_void) -> c_int;
    135 open = sqlite3_open_v2(*const c_char, *mut *mut Db, c_int, *const c_char) -> c_int;
    144 threadsafe = sqlite3_threadsafe() -> c_int;
    152 next_stmt = sqlite3_next_stmt(*mut Db, *mut Statement) -> *mut Statement;
    153 sql = sqlite3_sql(*mut Statement) -> *const c_char;
    166 extended_errcode = sqlite3_extended_errcode(*mut Db) -> c_int;
    175 wal_hook = sqlite3_wal_hook(*mut Db, Option<WalCallback>, *mut c_void) -> *mut c_void;
    180 db_filename = sqlite3_db_filename(*mut Db, *const c_char) -> *const c_char;
    181 db_readonly = sqlite3_db_readonly(*mut Db, *const c_char) -> c_int;
    191 wal_checkpoint =
        sqlite3_wal_checkpoint_v2(*mut Db, *const c_char, c_int, *mut c_int, *mut c_int) -> c_int;
    192 auto_extension = sqlite3_auto_extension(Option<EntryPoint>) -> c_int;
    195 cancel_auto_extension = sqlite3_cancel_auto_extension(Option<EntryPoint>) -> c_int;
    214 trace = sqlite3_trace_v2(*mut Db, c_uint, Option<Tracer>, *mut c_void) -> c_int;
    252 txn_state = sqlite3_txn_state(*mut Db, *const c_char) -> c_int;
    268 get_clientdata = sqlite3_get_clientdata(*mut Db, *const c_char) -> *mut c_void;
    269 set_clientdata = sqlite3_set_clientdata(*mut Db, *const c_char, *mut c_void, Option<Destructor>) -> c_int;
}

impl Api {
    /// Returns whether both are of the same copy of SQLite.
    pub fn is(&self, other: &Api) -> bool {
        std::ptr::fn_addr_eq(self.open, other.open)
    }

    /// Returns whether `routines` is the table of this very copy of SQLite.
    ///
    /// # Safety
    /// `routines` is the table that SQLite gave to an extension's entry point.
    pub unsafe fn is_of(&self, routines: Routines) -> bool {
        // SAFETY: a slot that exists since SQLite 3.5.
        unsafe { *routines.add(OPEN) == self.open as *const c_void }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::bundled_routines;
    use super::*;

    #[test]
    fn every_slot_holds_the_function_of_its_name() {
        let routines = bundled_routines();
        for (slot, name, function) in Api::expected() {
            // SAFETY: the bundled copy's own table, which has all slots.
            let found = unsafe { *routines.add(slot) };
            assert_eq!(found, function, "{name} is not in slot {slot}");
        }
        // SAFETY: as above.
        let version = unsafe { *routines.add(LIBVERSION_NUMBER) };
        assert_eq!(version, rusqlite::ffi::sqlite3_libversion_number as *const c_void);
        // SAFETY: as above.
        let api = unsafe { Api::copy(routines) }.unwrap();
        let foreign = vec![std::ptr::null(); 270];
        // SAFETY: as above; the other is a table of our own making, long enough.
        assert_eq!(unsafe { (api.is_of(routines), api.is_of(foreign.as_ptr())) }, (true, false));
    }

    #[test]
    fn what_is_too_old_or_incomplete_is_refused() {
        extern "C" fn old() -> c_int {
            3_043_002
        }
        let mut table = vec![std::ptr::null(); 270];
        table[LIBVERSION_NUMBER] = old as *const c_void;
        // SAFETY: a table of our own making, long enough; its slot 67 is a function of that type.
        let refusal = unsafe { Api::copy(table.as_ptr()) }.err().unwrap();
        assert!(refusal.contains("3.43"), "{refusal}");
        table[LIBVERSION_NUMBER] = rusqlite::ffi::sqlite3_libversion_number as *const c_void;
        // SAFETY: as above.
        let refusal = unsafe { Api::copy(table.as_ptr()) }.err().unwrap();
        assert!(refusal.contains("sqlite3_bind_int64"), "{refusal}");
    }
}
