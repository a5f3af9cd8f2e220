//! Who may do what: one table of every method that the suite serves. The hubs judge by it, the bus's policy and the
//! manual page are made from it, and a method without a row is served to nobody.
mod class;
mod judge;
mod page;
mod policy;
mod table;

pub use class::{Class, Need, Right};
pub use judge::{Verdict, is_suite_name, judge, may_publish, may_subscribe, right};
pub use page::page;
pub use policy::policy;
pub use table::rows;

#[cfg(test)]
mod tests;
