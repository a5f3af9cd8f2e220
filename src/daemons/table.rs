//! What the roster's lines lead to: the declarations at the heads of the daemons' files. The linker joins it with the
//! registry.
use crate::contract::daemon::{self, Build};
use crate::contract::registry::{DaemonType, Declarations, check, roster};

macro_rules! found {
    ($name:ident at $category:ident :: $daemon:ident) => {
        Some(&super::$category::$daemon::SPEC)
    };
    ($name:ident $entry:tt) => {
        None
    };
}

macro_rules! build {
    ($name:ident at $category:ident :: $daemon:ident) => {
        Some(daemon::build::<super::$category::$daemon::$name>)
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

        /// How each is made, in the same places.
        static BUILDS: [Option<Build>; RINGRIFT_DECLARATIONS.len()] = [$(build!($($line)*),)*];
    };
}

roster!(declarations);

// Declarations that contradict one another fail the build here, with the file and the line of one of them.
const _: () = check(&RINGRIFT_DECLARATIONS);

/// How a daemon is made; None for one that has no file here.
pub fn build(daemon: DaemonType) -> Option<Build> {
    BUILDS[daemon as usize]
}
