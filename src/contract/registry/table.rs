//! The table: the roster's entries and, in place of its lines, what the daemons' own files declare.
use super::{DaemonSpec, DaemonType, entry, roster};
use std::sync::OnceLock;

/// What the daemons' files declare, one place a type; none where the roster has the entry itself.
pub type Declarations = [Option<&'static DaemonSpec>; DaemonType::ALL.len()];

// The daemons are above this layer: they import it, and it names none of them. The linker joins the two.
unsafe extern "Rust" {
    /// `src/daemons/table.rs` defines it, with this type.
    safe static RINGRIFT_DECLARATIONS: Declarations;
}

/// A line of the roster has its entry in a daemon's file.
macro_rules! listed {
    ($name:ident at $($path:tt)*) => { None };
    ($name:ident $entry:tt) => { Some(entry!($name $entry)) };
}

macro_rules! entries {
    ($([$($line:tt)*])*) => {
        /// The entries that the roster has itself.
        pub const LISTED: &[Option<DaemonSpec>; DaemonType::ALL.len()] = &[$(listed!($($line)*),)*];
    };
}

roster!(entries);

/// All entries.
pub struct Table {
    /// By type.
    pub of: Vec<&'static DaemonSpec>,
    /// Category by category.
    pub ordered: Vec<&'static DaemonSpec>,
}

/// The table; made once.
pub fn get() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| {
        let either = |(declared, listed): (&Option<&'static DaemonSpec>, &'static Option<DaemonSpec>)| {
            declared.or(listed.as_ref())
        };
        let of: Vec<&'static DaemonSpec> = RINGRIFT_DECLARATIONS.iter().zip(LISTED).filter_map(either).collect();
        let mut ordered = of.clone();
        ordered.sort_by_key(|spec| (spec.category, spec.daemon));
        Table { of, ordered }
    })
}
