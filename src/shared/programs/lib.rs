//! `libringrift-programs.so`: the programs that need a command line, D-Bus or HTTP, behind one function: they share
//! most of their code, and each alone would be nearly as large.
use std::ffi::{CStr, c_char, c_int};

/// Runs a program to its end and returns the exit code of its process.
///
/// # Safety
/// `name` is a C string, as in `ringrift-master`. Nothing else runs in the process yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringrift_program(name: *const c_char) -> c_int {
    // SAFETY: the caller passes a C string.
    let name = unsafe { CStr::from_ptr(name) };
    ringrift::platform::process::run(|| ringrift::programs::other(&name.to_string_lossy()))
}
