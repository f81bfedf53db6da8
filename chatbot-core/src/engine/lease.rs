//! Leases: how long a piece of work is one's own, and keeping it so while it lasts.

use std::future::Future;
use std::time::Duration;

use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};

/// How long a lease lasts. A process that dies holds up its documents and answers no longer than this.
pub(super) const TTL: Duration = Duration::from_secs(30);
/// How often it is renewed: three tries before it is lost.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// Renews a lease for as long as that works and `ctx` is not cancelled; says what ended it.
pub(super) async fn keep<T, F>(ctx: &Context, mut renew: impl FnMut() -> F) -> Error
where
    F: Future<Output = Result<T>>,
{
    let mut failures = 0;
    loop {
        let pause = async {
            tokio::time::sleep(HEARTBEAT).await;
            Ok(())
        };
        if let Err(stopped) = ctx.run(pause).await {
            return stopped;
        }
        match renew().await {
            Ok(_) => failures = 0,
            Err(error) if error.kind() == ErrorKind::Conflict || failures == 2 => return error,
            Err(_) => failures += 1,
        }
    }
}
