//! Which addresses a name has, and whether they may be reached: asked once for each connection.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::guard::{Guard, Refused};

/// Says which addresses a name has.
#[async_trait]
pub trait Names: Send + Sync + fmt::Debug {
    /// The addresses of `host` at this moment.
    ///
    /// # Errors
    /// Those of asking.
    async fn addresses(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// Asks as every program on this machine does.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct SystemNames {}

#[async_trait]
impl Names for SystemNames {
    async fn addresses(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// Gives the client only addresses that were looked at.
#[derive(Debug)]
pub(super) struct CheckedNames {
    pub(super) names: Arc<dyn Names>,
    pub(super) guard: Arc<Guard>,
}

impl Resolve for CheckedNames {
    fn resolve(&self, name: Name) -> Resolving {
        let (names, guard) = (Arc::clone(&self.names), Arc::clone(&self.guard));
        Box::pin(async move {
            let host = name.as_str();
            let found = names.addresses(host).await?;
            if !guard.may_reach(host, &found) {
                return Err(Refused.into());
            }
            let found = found.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(found) as Addrs)
        })
    }
}
