//! What the roster's lines lead to: the declarations at the heads of the daemons' files. The linker joins it with the registry.
use crate::contract::registry::{Declarations, check, roster};

macro_rules! found {
    ($name:ident at $category:ident :: $daemon:ident) => {
        Some(&super::$category::$daemon::SPEC)
    };
    ($name:ident $entry:tt) => {
        None
    };
}

macro_rules! declarations {
    ($([$($line:tt)*])*) => {
        /// The declarations, one place a line of the roster.
        #[unsafe(no_mangle)]
        pub static RINGRIFT_DECLARATIONS: Declarations = [$(found!($($line)*),)*];
    };
}

roster!(declarations);

// Declarations that contradict one another fail the build here, with the file and the line of one of them.
const _: () = check(&RINGRIFT_DECLARATIONS);
