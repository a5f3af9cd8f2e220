//! `libringrift.so`: every ordinary daemon behind one function. What that function does not reach is not in the
//! library: no command line, no HTTP server, no D-Bus.
use std::ffi::{CStr, c_char, c_int};

/// Runs a daemon to its end and returns the exit code of its process.
///
/// # Safety
/// `name` is a C string, as in `AUTO_EXPORT`. Nothing else runs in the process yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringrift_daemon(name: *const c_char) -> c_int {
    // SAFETY: the caller passes a C string.
    let name = unsafe { CStr::from_ptr(name) };
    ringrift::platform::process::run(|| ringrift::programs::shared(&name.to_string_lossy()).into())
}
