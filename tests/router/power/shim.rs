//! A disk that forgets: preloaded into the router, it writes down what the program does to the files of one directory,
//! so that the test can work out what a power cut might have left of them, and fails some calls when asked to. Built by
//! the test with rustc.
//!
//! POWER_ROOT is the directory. POWER_JOURNAL is the file that everything is written down in; syncs then take
//! POWER_SYNC_US microseconds and nothing is really synced. POWER_FAULTS is a list of KIND:AFTER:COUNT: the calls AFTER
//! to AFTER + COUNT of that kind fail; KIND is full (a write finds no room, the first one only half the room), io (a
//! write fails) or sync (a sync fails). The memory-mapped file of SQLite's WAL index is left out: it does not outlive a
//! power cut.
#![allow(clippy::missing_safety_doc, reason = "the functions are libc's, with libc's contracts")]
use std::ffi::{CStr, CString, OsString, c_char, c_int, c_long, c_uint, c_void};
use std::os::unix::ffi::OsStringExt;
use std::sync::{Mutex, MutexGuard, OnceLock};

unsafe extern "C" {
    fn syscall(number: c_long, ...) -> c_long;
    fn __errno_location() -> *mut c_int;
    fn usleep(us: c_uint) -> c_int;
    fn abort() -> !;
}

#[cfg(target_arch = "x86_64")]
mod number {
    pub const WRITE: i64 = 1;
    pub const CLOSE: i64 = 3;
    pub const LSEEK: i64 = 8;
    pub const PWRITE: i64 = 18;
    pub const FSYNC: i64 = 74;
    pub const FDATASYNC: i64 = 75;
    pub const FTRUNCATE: i64 = 77;
    pub const OPENAT: i64 = 257;
    pub const UNLINKAT: i64 = 263;
    pub const FACCESSAT: i64 = 269;
    pub const RENAMEAT2: i64 = 316;
}
#[cfg(target_arch = "aarch64")]
mod number {
    pub const WRITE: i64 = 64;
    pub const CLOSE: i64 = 57;
    pub const LSEEK: i64 = 62;
    pub const PWRITE: i64 = 68;
    pub const FSYNC: i64 = 82;
    pub const FDATASYNC: i64 = 83;
    pub const FTRUNCATE: i64 = 46;
    pub const OPENAT: i64 = 56;
    pub const UNLINKAT: i64 = 35;
    pub const FACCESSAT: i64 = 48;
    pub const RENAMEAT2: i64 = 276;
}

const AT_FDCWD: c_int = -100;
const O_CREAT: c_int = 0o100;
const O_TRUNC: c_int = 0o1000;
const O_APPEND: c_int = 0o2000;
const SEEK_CUR: c_int = 1;
const SEEK_END: c_int = 2;
const ENOSPC: c_int = 28;
const EIO: c_int = 5;

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Full,
    Io,
    Sync,
}

#[derive(Clone, Copy)]
struct Watched {
    handle: u32,
    /// Writes go to the end, wherever the descriptor stands.
    append: bool,
}

struct Fault {
    kind: Kind,
    after: u64,
    count: u64,
}

struct State {
    root: Vec<u8>,
    journal: Option<c_int>,
    sync_us: c_uint,
    faults: Vec<Fault>,
    /// The number that a descriptor of a watched file goes by in the journal.
    watched: Vec<Option<Watched>>,
    opened: u32,
    records: u64,
    writes: u64,
    syncs: u64,
}

fn state() -> MutexGuard<'static, State> {
    static STATE: OnceLock<Mutex<State>> = OnceLock::new();
    let state = STATE.get_or_init(|| Mutex::new(State::from_environment()));
    state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn fail(error: c_int) -> c_long {
    // SAFETY: the address is this thread's errno.
    unsafe { *__errno_location() = error };
    -1
}

impl State {
    fn from_environment() -> State {
        let faults = std::env::var("POWER_FAULTS").unwrap_or_default();
        let faults = faults.split(',').filter_map(|fault| {
            let mut parts = fault.split(':');
            let kind = match parts.next()? {
                "full" => Kind::Full,
                "io" => Kind::Io,
                "sync" => Kind::Sync,
                _ => return None,
            };
            Some(Fault { kind, after: parts.next()?.parse().ok()?, count: parts.next()?.parse().ok()? })
        });
        let journal = std::env::var_os("POWER_JOURNAL").map(|path: OsString| {
            let path = CString::new(path.into_vec()).expect("a path without NUL");
            // O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC.
            // SAFETY: the path outlives the call.
            let fd = unsafe { syscall(number::OPENAT, AT_FDCWD, path.as_ptr(), 0o1 | O_CREAT | 0o2000 | 0o2000000, 0o600 as c_uint) };
            if fd < 0 {
                // SAFETY: it ends the process; a proof without a journal would prove nothing.
                unsafe { abort() }
            }
            fd as c_int
        });
        State {
            root: std::env::var_os("POWER_ROOT").map(|root| root.into_vec()).unwrap_or_default(),
            journal,
            sync_us: std::env::var("POWER_SYNC_US").ok().and_then(|us| us.parse().ok()).unwrap_or(0),
            faults: faults.collect(),
            watched: Vec::new(),
            opened: 0,
            records: 0,
            writes: 0,
            syncs: 0,
        }
    }

    fn wants(&self, path: &[u8]) -> bool {
        !self.root.is_empty() && path.starts_with(&self.root) && !path.ends_with(b"-shm")
    }

    fn handle(&self, fd: c_int) -> Option<u32> {
        self.watched(fd).map(|watched| watched.handle)
    }

    fn watched(&self, fd: c_int) -> Option<Watched> {
        self.watched.get(usize::try_from(fd).ok()?).copied().flatten()
    }

    /// One record: kind, handle, a number, length, bytes.
    fn record(&mut self, kind: u8, handle: u32, number: u64, bytes: &[u8]) {
        let Some(journal) = self.journal else { return };
        let mut record = Vec::with_capacity(17 + bytes.len());
        record.push(kind);
        record.extend_from_slice(&handle.to_le_bytes());
        record.extend_from_slice(&number.to_le_bytes());
        record.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        record.extend_from_slice(bytes);
        self.records += 1;
        // SAFETY: the buffer outlives the call.
        let written = unsafe { syscall(number::WRITE, journal, record.as_ptr(), record.len()) };
        if written != record.len() as c_long {
            // SAFETY: it ends the process; half a journal would prove nothing.
            unsafe { abort() }
        }
    }

    fn hit(&self, kind: Kind, call: u64) -> Option<bool> {
        let fault = self.faults.iter().find(|f| f.kind == kind && (f.after..f.after + f.count).contains(&call))?;
        Some(call == fault.after)
    }
}

unsafe fn opening(directory: c_int, path: *const c_char, flags: c_int, mode: c_uint) -> c_int {
    // SAFETY: libc's contract: a text that ends with NUL.
    let name = unsafe { CStr::from_ptr(path) }.to_bytes().to_vec();
    let mut state = state();
    let wanted = state.wants(&name);
    // SAFETY: as above.
    let created = wanted && flags & O_CREAT != 0 && unsafe { syscall(number::FACCESSAT, directory, path, 0) } != 0;
    // SAFETY: the caller's arguments, passed on.
    let fd = unsafe { syscall(number::OPENAT, directory, path, flags, mode) } as c_int;
    if wanted && fd >= 0 {
        let (at, handle) = (fd as usize, state.opened);
        state.opened += 1;
        if state.watched.len() <= at {
            state.watched.resize(at + 1, None);
        }
        state.watched[at] = Some(Watched { handle, append: flags & O_APPEND != 0 });
        let bits = u64::from(created) | u64::from(flags & O_TRUNC != 0) << 1;
        state.record(b'O', handle, bits, &name);
    }
    fd
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn open(path: *const c_char, flags: c_int, mode: c_uint) -> c_int {
    // SAFETY: the caller's contract.
    unsafe { opening(AT_FDCWD, path, flags, mode) }
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn open64(path: *const c_char, flags: c_int, mode: c_uint) -> c_int {
    // SAFETY: the caller's contract.
    unsafe { opening(AT_FDCWD, path, flags, mode) }
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn openat(directory: c_int, path: *const c_char, flags: c_int, mode: c_uint) -> c_int {
    // SAFETY: the caller's contract.
    unsafe { opening(directory, path, flags, mode) }
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn openat64(directory: c_int, path: *const c_char, flags: c_int, mode: c_uint) -> c_int {
    // SAFETY: the caller's contract.
    unsafe { opening(directory, path, flags, mode) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn close(fd: c_int) -> c_int {
    let mut state = state();
    if let Some(slot) = usize::try_from(fd).ok().and_then(|at| state.watched.get_mut(at)) {
        *slot = None;
    }
    // SAFETY: the caller's argument. Under the lock, so that nobody gets the number before it is forgotten.
    unsafe { syscall(number::CLOSE, fd) as c_int }
}

/// A write at a place, or where the descriptor stands.
unsafe fn writing(fd: c_int, bytes: *const c_void, mut length: usize, at: Option<i64>) -> isize {
    let mut state = state();
    if let Some(Watched { handle, append }) = state.watched(fd) {
        let call = state.writes;
        state.writes += 1;
        if state.hit(Kind::Io, call).is_some() {
            return fail(EIO) as isize;
        }
        match state.hit(Kind::Full, call) {
            Some(true) if length > 1 => length /= 2,
            Some(_) => return fail(ENOSPC) as isize,
            None => {}
        }
        // SAFETY: a question about a descriptor.
        let place = at.unwrap_or_else(|| unsafe { syscall(number::LSEEK, fd, 0i64, if append { SEEK_END } else { SEEK_CUR }) });
        // SAFETY: libc's contract: this many bytes are there.
        let bytes = unsafe { std::slice::from_raw_parts(bytes.cast::<u8>(), length) };
        state.record(b'W', handle, place as u64, bytes);
    }
    drop(state);
    // SAFETY: the caller's arguments, passed on; the length at most what it was.
    let written = unsafe {
        match at {
            Some(at) => syscall(number::PWRITE, fd, bytes, length, at),
            None => syscall(number::WRITE, fd, bytes, length),
        }
    };
    written as isize
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn write(fd: c_int, bytes: *const c_void, length: usize) -> isize {
    // SAFETY: the caller's contract.
    unsafe { writing(fd, bytes, length, None) }
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwrite(fd: c_int, bytes: *const c_void, length: usize, at: i64) -> isize {
    // SAFETY: the caller's contract.
    unsafe { writing(fd, bytes, length, Some(at)) }
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwrite64(fd: c_int, bytes: *const c_void, length: usize, at: i64) -> isize {
    // SAFETY: the caller's contract.
    unsafe { writing(fd, bytes, length, Some(at)) }
}

fn truncating(fd: c_int, length: i64) -> c_int {
    let mut state = state();
    if let Some(handle) = state.handle(fd) {
        state.record(b'T', handle, length as u64, &[]);
    }
    drop(state);
    // SAFETY: two numbers.
    unsafe { syscall(number::FTRUNCATE, fd, length) as c_int }
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ftruncate(fd: c_int, length: i64) -> c_int {
    truncating(fd, length)
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ftruncate64(fd: c_int, length: i64) -> c_int {
    truncating(fd, length)
}

/// What was written before the call began is on the disk when it ends; what others write meanwhile is not.
fn syncing(fd: c_int, number: i64) -> c_int {
    let mut locked = state();
    let Some(handle) = locked.handle(fd) else {
        drop(locked);
        // SAFETY: a number.
        return unsafe { syscall(number, fd) as c_int };
    };
    let call = locked.syncs;
    locked.syncs += 1;
    if locked.hit(Kind::Sync, call).is_some() {
        return fail(EIO) as c_int;
    }
    let (before, us, journaled) = (locked.records, locked.sync_us, locked.journal.is_some());
    drop(locked);
    if !journaled {
        // SAFETY: a number.
        return unsafe { syscall(number, fd) as c_int };
    }
    // SAFETY: a number.
    unsafe { usleep(us) };
    state().record(b'S', handle, before, &[]);
    0
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fsync(fd: c_int) -> c_int {
    syncing(fd, number::FSYNC)
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdatasync(fd: c_int) -> c_int {
    syncing(fd, number::FDATASYNC)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn unlink(path: *const c_char) -> c_int {
    // SAFETY: libc's contract.
    let name = unsafe { CStr::from_ptr(path) }.to_bytes().to_vec();
    let mut state = state();
    // SAFETY: as above.
    let done = unsafe { syscall(number::UNLINKAT, AT_FDCWD, path, 0) } as c_int;
    if done == 0 && state.wants(&name) {
        state.record(b'U', 0, 0, &name);
    }
    done
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    // SAFETY: libc's contract.
    let mut names = unsafe { CStr::from_ptr(from) }.to_bytes_with_nul().to_vec();
    // SAFETY: libc's contract.
    names.extend_from_slice(unsafe { CStr::from_ptr(to) }.to_bytes());
    let mut state = state();
    // SAFETY: as above.
    let done = unsafe { syscall(number::RENAMEAT2, AT_FDCWD, from, AT_FDCWD, to, 0) } as c_int;
    if done == 0 && state.wants(&names) {
        state.record(b'R', 0, 0, &names);
    }
    done
}
