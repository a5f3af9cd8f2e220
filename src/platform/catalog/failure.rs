//! Errors of SQLite and of JSON as the catalog's port has them.
use crate::contract::ports::StoreError;
use crate::platform::space;
use crate::platform::store::{self, Class};

pub(super) fn failed(operation: &str) -> impl Fn(rusqlite::Error) -> StoreError + '_ {
    move |e| {
        // If so, DISK_SPACE_MANAGER hears of it.
        let _ = space::is_full_sql(&e);
        let class = store::sort(operation, &e);
        let (operation, why) = (operation.into(), e.to_string());
        match class {
            Class::Passing => StoreError::Failed { operation, why },
            Class::Input => StoreError::Unfit { operation, why },
            Class::Database => StoreError::Broken { operation, why },
        }
    }
}

pub(super) fn json_failed(operation: &str) -> impl Fn(serde_json::Error) -> StoreError + '_ {
    move |e| StoreError::Unfit { operation: operation.into(), why: e.to_string() }
}
