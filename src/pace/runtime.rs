use crate::error::{Error, ErrorKind, Result};

/// Refuses to go on where tokio's clock would panic.
pub(crate) fn check_runtime() -> Result<()> {
    tokio::runtime::Handle::try_current().map(drop).map_err(|_| {
        Error::new(
            ErrorKind::Configuration,
            "a layer that may wait was used outside of a tokio runtime; nothing was sent",
        )
    })
}
