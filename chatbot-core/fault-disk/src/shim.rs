//! The file system that SQLite sees: its own one, with a look at the [`Disk`](super::Disk) before each call.
//!
//! It becomes the default of the process when the first disk is made, so that the store under test needs no option for
//! it. A file of SQLite's is a piece of memory whose size the file system names; here it holds this module's part first
//! and the real file behind it.
#![allow(unsafe_code, reason = "SQLite's interface to file systems is a table of C functions")]
#![allow(
    non_snake_case,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the functions are called as in SQLite, and its numbers are C's"
)]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Once, PoisonError};

use libsqlite3_sys as ffi;
use libsqlite3_sys::{sqlite3_file, sqlite3_int64, sqlite3_vfs};

use super::{Call, Fault, Shared, Verdict};

/// The disks of this process.
static DISKS: Mutex<Vec<Arc<Shared>>> = Mutex::new(Vec::new());
static INSTALLED: Once = Once::new();

/// Looks at files in this disk's folder from now on.
pub(crate) fn watch(disk: &Arc<Shared>) {
    INSTALLED.call_once(install);
    DISKS.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(disk));
}

/// Looks at files that are opened in this disk's folder no more.
pub(crate) fn forget(disk: &Arc<Shared>) {
    let mut disks = DISKS.lock().unwrap_or_else(PoisonError::into_inner);
    disks.retain(|other| !Arc::ptr_eq(other, disk));
}

/// A file that is looked at.
struct Watched {
    disk: Arc<Shared>,
    path: PathBuf,
}

impl Watched {
    fn at(path: &Path) -> Option<Self> {
        let disks = DISKS.lock().unwrap_or_else(PoisonError::into_inner);
        let disk = disks.iter().find(|disk| path.parent() == Some(&disk.folder))?;
        Some(Self { disk: Arc::clone(disk), path: path.to_owned() })
    }
}

/// This module's part of a file; the real file lies behind it.
#[repr(C)]
struct ShimFile {
    base: sqlite3_file,
    real: *mut sqlite3_file,
    /// Owned, or null where nobody looks.
    watched: *mut Watched,
}

const SHIM_BYTES: usize = size_of::<ShimFile>().next_multiple_of(16);

fn install() {
    // SAFETY: the default file system is static. The copy lives for ever, as SQLite demands of what is registered; of its
    // functions only those that are replaced here look at the file systems's own data, the others ignore it.
    unsafe {
        let real = ffi::sqlite3_vfs_find(std::ptr::null());
        if real.is_null() {
            return;
        }
        let shim = sqlite3_vfs {
            szOsFile: SHIM_BYTES as c_int + (*real).szOsFile,
            pNext: std::ptr::null_mut(),
            zName: c"failing".as_ptr(),
            pAppData: real.cast(),
            xOpen: Some(open),
            xDelete: Some(delete),
            ..*real
        };
        ffi::sqlite3_vfs_register(Box::into_raw(Box::new(shim)), 1);
    }
}

/// The path in a C string of SQLite's.
///
/// # Safety
/// `name` is null or ends in a zero.
unsafe fn path_of(name: *const c_char) -> Option<PathBuf> {
    if name.is_null() {
        return None;
    }
    // SAFETY: as promised.
    let name = unsafe { CStr::from_ptr(name) };
    Some(PathBuf::from(name.to_str().ok()?))
}

unsafe extern "C" fn open(
    vfs: *mut sqlite3_vfs,
    name: *const c_char,
    file: *mut sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: SQLite passes the file system that `install` made and as many bytes for the file as it named.
    unsafe {
        let real_vfs: *mut sqlite3_vfs = (*vfs).pAppData.cast();
        let shim: *mut ShimFile = file.cast();
        let real: *mut sqlite3_file = file.cast::<u8>().add(SHIM_BYTES).cast();
        (*real).pMethods = std::ptr::null();
        shim.write(ShimFile {
            base: sqlite3_file { pMethods: std::ptr::null() },
            real,
            watched: std::ptr::null_mut(),
        });
        let watched = path_of(name).as_deref().and_then(Watched::at);
        let mut flags = flags;
        if let Some(watched) = &watched {
            let state = watched.disk.state();
            if state.is_off() {
                return ffi::SQLITE_CANTOPEN;
            }
            if state.is_read_only && flags & ffi::SQLITE_OPEN_READWRITE != 0 {
                flags &= !(ffi::SQLITE_OPEN_READWRITE | ffi::SQLITE_OPEN_CREATE);
                flags |= ffi::SQLITE_OPEN_READONLY;
            }
        }
        let Some(real_open) = (*real_vfs).xOpen else { return ffi::SQLITE_CANTOPEN };
        let code = real_open(real_vfs, name, real, flags, out_flags);
        if !(*real).pMethods.is_null() {
            (*shim).base.pMethods = &raw const METHODS;
        }
        if code == ffi::SQLITE_OK
            && let Some(watched) = watched
        {
            watched.disk.state().files.open(&watched.path);
            (*shim).watched = Box::into_raw(Box::new(watched));
        }
        code
    }
}

unsafe extern "C" fn delete(vfs: *mut sqlite3_vfs, name: *const c_char, sync: c_int) -> c_int {
    // SAFETY: as for `open`.
    unsafe {
        let watched = path_of(name).as_deref().and_then(Watched::at);
        if let Some(watched) = &watched {
            let mut state = watched.disk.state();
            if state.is_off() {
                return ffi::SQLITE_IOERR_DELETE;
            }
            state.files.delete(&watched.path, sync != 0);
        }
        let real: *mut sqlite3_vfs = (*vfs).pAppData.cast();
        match (*real).xDelete {
            Some(delete) => delete(real, name, sync),
            None => ffi::SQLITE_IOERR_DELETE,
        }
    }
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 3,
    xClose: Some(close),
    xRead: Some(xRead),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(xFileSize),
    xLock: Some(xLock),
    xUnlock: Some(xUnlock),
    xCheckReservedLock: Some(xCheckReservedLock),
    xFileControl: Some(xFileControl),
    xSectorSize: Some(xSectorSize),
    xDeviceCharacteristics: Some(xDeviceCharacteristics),
    xShmMap: Some(xShmMap),
    xShmLock: Some(xShmLock),
    xShmBarrier: Some(barrier),
    xShmUnmap: Some(xShmUnmap),
    xFetch: Some(xFetch),
    xUnfetch: Some(xUnfetch),
};

/// Functions that only hand on what they are asked.
macro_rules! handed_on {
    ($($method:ident($($argument:ident: $type:ty),*);)+) => {$(
        unsafe extern "C" fn $method(file: *mut sqlite3_file $(, $argument: $type)*) -> c_int {
            // SAFETY: SQLite passes a file that `open` filled in.
            unsafe {
                let real = (*file.cast::<ShimFile>()).real;
                match (*(*real).pMethods).$method {
                    Some(method) => method(real $(, $argument)*),
                    None => ffi::SQLITE_IOERR,
                }
            }
        }
    )+};
}

handed_on! {
    xRead(into: *mut c_void, n: c_int, at: sqlite3_int64);
    xFileSize(size: *mut sqlite3_int64);
    xLock(level: c_int);
    xUnlock(level: c_int);
    xCheckReservedLock(result: *mut c_int);
    xFileControl(operation: c_int, argument: *mut c_void);
    xSectorSize();
    xDeviceCharacteristics();
    xShmMap(region: c_int, size: c_int, extend: c_int, into: *mut *mut c_void);
    xShmLock(offset: c_int, n: c_int, flags: c_int);
    xShmUnmap(delete: c_int);
    xFetch(at: sqlite3_int64, n: c_int, into: *mut *mut c_void);
    xUnfetch(at: sqlite3_int64, page: *mut c_void);
}

unsafe extern "C" fn barrier(file: *mut sqlite3_file) {
    // SAFETY: SQLite passes a file that `open` filled in.
    unsafe {
        let real = (*file.cast::<ShimFile>()).real;
        if let Some(barrier) = (*(*real).pMethods).xShmBarrier {
            barrier(real);
        }
    }
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: SQLite passes a file that `open` filled in, and uses it no more afterwards.
    unsafe {
        let shim: *mut ShimFile = file.cast();
        let watched = std::mem::replace(&mut (*shim).watched, std::ptr::null_mut());
        if !watched.is_null() {
            drop(Box::from_raw(watched));
        }
        let real = (*shim).real;
        match (*(*real).pMethods).xClose {
            Some(close) => close(real),
            None => ffi::SQLITE_IOERR_CLOSE,
        }
    }
}

unsafe extern "C" fn write(
    file: *mut sqlite3_file,
    bytes: *const c_void,
    n: c_int,
    at: sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite passes a file that `open` filled in, and `n` bytes.
    unsafe {
        let shim: *mut ShimFile = file.cast();
        let real = (*shim).real;
        let Some(real_write) = (*(*real).pMethods).xWrite else { return ffi::SQLITE_IOERR_WRITE };
        let Some(watched) = (*shim).watched.as_ref() else { return real_write(real, bytes, n, at) };
        let mut state = watched.disk.state();
        let (n_done, code) = match state.judge(Call::Write) {
            Verdict::Done => (n, ffi::SQLITE_OK),
            Verdict::Off => return ffi::SQLITE_IOERR_WRITE,
            Verdict::Failed(Fault::PowerCut) => (n, ffi::SQLITE_IOERR_WRITE),
            Verdict::Failed(Fault::Io) => (n / 2, ffi::SQLITE_IOERR_WRITE),
            Verdict::Failed(Fault::Full) => (n / 2, ffi::SQLITE_FULL),
        };
        let done = std::slice::from_raw_parts(bytes.cast::<u8>(), n_done as usize);
        state.files.write(&watched.path, at as usize, done);
        match real_write(real, bytes, n_done, at) {
            ffi::SQLITE_OK => code,
            failed => failed,
        }
    }
}

unsafe extern "C" fn truncate(file: *mut sqlite3_file, size: sqlite3_int64) -> c_int {
    // SAFETY: SQLite passes a file that `open` filled in.
    unsafe {
        let shim: *mut ShimFile = file.cast();
        let real = (*shim).real;
        let Some(real_cut) = (*(*real).pMethods).xTruncate else {
            return ffi::SQLITE_IOERR_TRUNCATE;
        };
        if let Some(watched) = (*shim).watched.as_ref() {
            let mut state = watched.disk.state();
            if state.judge(Call::Truncate) != Verdict::Done {
                return ffi::SQLITE_IOERR_TRUNCATE;
            }
            state.files.truncate(&watched.path, size as usize);
        }
        real_cut(real, size)
    }
}

/// The real file is not flushed: what a cut of the power leaves is kept here, and that only costs time.
unsafe extern "C" fn sync(file: *mut sqlite3_file, flags: c_int) -> c_int {
    // SAFETY: SQLite passes a file that `open` filled in.
    unsafe {
        let shim: *mut ShimFile = file.cast();
        if let Some(watched) = (*shim).watched.as_ref() {
            let mut state = watched.disk.state();
            return match state.judge(Call::Sync) {
                Verdict::Done if state.ignores_syncs => ffi::SQLITE_OK,
                Verdict::Done => {
                    state.files.sync(&watched.path);
                    ffi::SQLITE_OK
                }
                Verdict::Failed(Fault::Io | Fault::Full) => {
                    state.files.lose(&watched.path);
                    ffi::SQLITE_IOERR_FSYNC
                }
                Verdict::Failed(Fault::PowerCut) | Verdict::Off => ffi::SQLITE_IOERR_FSYNC,
            };
        }
        let real = (*shim).real;
        match (*(*real).pMethods).xSync {
            Some(sync) => sync(real, flags),
            None => ffi::SQLITE_IOERR_FSYNC,
        }
    }
}
