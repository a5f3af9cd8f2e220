//! systemd's dynamic users: which user of a running unit a number stands for. PID 1 itself answers, so no process has
//! to be looked at.
use super::varlink::Client;
use crate::contract::wire::CallError;
use serde::Deserialize;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// PID 1's socket.
const SOCKET: &str = "/run/systemd/userdb/io.systemd.DynamicUser";
/// One answer.
const RPC_TIMEOUT: Duration = Duration::from_secs(5);

/// The dynamic users of this system.
#[derive(Debug, Clone)]
pub struct DynamicUsers {
    socket: PathBuf,
}

impl Default for DynamicUsers {
    fn default() -> Self {
        DynamicUsers { socket: Path::new(SOCKET).to_owned() }
    }
}

#[derive(Deserialize)]
struct Found {
    record: Record,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    user_name: String,
}

impl DynamicUsers {
    /// Of the system that answers on this socket.
    pub fn at(socket: impl Into<PathBuf>) -> DynamicUsers {
        DynamicUsers { socket: socket.into() }
    }

    /// The name of the dynamic user with this number, while its unit runs; nothing for any other user.
    pub fn name_of(&self, uid: u32) -> Result<Option<String>, CallError> {
        let call = json!({ "uid": uid, "service": "io.systemd.DynamicUser" });
        match Client::connect(&self.socket, Some(RPC_TIMEOUT))?
            .call::<Found>("io.systemd.UserDatabase.GetUserRecord", &call)
        {
            Ok(found) => Ok(Some(found.record.user_name)),
            Err(error) if error.is("io.systemd.UserDatabase.NoRecordFound") => Ok(None),
            Err(error) => Err(error),
        }
    }
}
