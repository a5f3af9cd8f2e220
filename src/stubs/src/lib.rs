//! What the package's programs have in common: `main` calls the one function of a shared library with the name of what
//! it is to run.
#![no_std]

// The C library starts the program; without std nobody else asks for it.
#[link(name = "c")]
unsafe extern "C" {}

#[doc(hidden)]
#[macro_export]
macro_rules! main {
    ($library:literal $function:ident $name:literal) => {
        #[link(name = $library)]
        unsafe extern "C" {
            fn $function(name: *const core::ffi::c_char) -> core::ffi::c_int;
        }

        #[unsafe(no_mangle)]
        extern "C" fn main() -> core::ffi::c_int {
            // SAFETY: the name is a C string, and main has done nothing before.
            unsafe { $function($name.as_ptr()) }
        }
    };
}

/// The program of the ordinary daemon of this name, as in AUTO_EXPORT.
#[macro_export]
macro_rules! daemon {
    ($name:literal) => {
        $crate::main! { "ringrift" ringrift_daemon $name }
    };
}

/// The program of this name that needs more, as in ringrift-master.
#[macro_export]
macro_rules! program {
    ($name:literal) => {
        $crate::main! { "ringrift-programs" ringrift_program $name }
    };
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // Nothing here can panic; the compiler wants to be told what would be done.
    loop {}
}
