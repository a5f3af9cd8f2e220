//! The closed list of daemon types, from the roster.
use super::roster;

macro_rules! daemon_types {
    ($([$name:ident $($what:tt)*])*) => {
        /// A daemon type: built, planned, or another name of one.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(missing_docs)]
        pub enum DaemonType { $($name,)* }
        impl DaemonType {
            /// All of them, in the roster's order.
            pub const ALL: &'static [DaemonType] = &[$(DaemonType::$name,)*];
        }
    };
}

roster!(daemon_types);

impl DaemonType {
    /// Whether the earlier implementation had it too: what came later stands after the last of those in the roster.
    pub fn is_original(self) -> bool {
        self <= DaemonType::MetricsAnalysis
    }
}
