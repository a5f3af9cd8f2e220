//! systemd, as this program asks it.
use crate::contract::error::{Exit, Failure};
use crate::platform::systemd::{ServiceError, Systemd, connect};

/// systemd's word on a service that ended in order.
pub(super) const IN_ORDER: &str = "success";

pub(super) fn unavailable(error: ServiceError) -> Failure {
    Failure::new(Exit::Unavailable, error.to_string())
}

pub(super) async fn systemd() -> Result<Systemd, Failure> {
    let connection = connect(None).await.map_err(unavailable)?;
    Systemd::looking(connection).await.map_err(unavailable)
}
