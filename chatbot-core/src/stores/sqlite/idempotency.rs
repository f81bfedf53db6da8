//! Creates that happen once, however often they are asked for.

use sqlx::sqlite::SqliteConnection;

use super::sql::{Columns as _, sql};
use crate::error::{Error, ErrorKind, Reason, Result};
use crate::traits::Idempotency;
use crate::types::{PrincipalId, Timestamp};

/// A create under its key: whose, which, and with what key.
#[derive(Debug, Clone)]
pub(super) struct Once {
    pub(super) principal: PrincipalId,
    pub(super) operation: &'static str,
    pub(super) key: Option<Idempotency>,
}

impl Once {
    /// What the first request with this key came to; `None` where this is the first.
    ///
    /// # Errors
    /// `conflict` (`idempotency_mismatch`) where the key came with something else.
    pub(super) async fn replay(&self, conn: &mut SqliteConnection) -> Result<Option<Vec<u8>>> {
        let Some(key) = &self.key else { return Ok(None) };
        let row =
            sql("SELECT operation, body, result FROM idempotency WHERE principal = ? AND key = ?")
                .bind(self.principal.as_str())
                .bind(key.key.as_str())
                .maybe(conn)
                .await?;
        let Some(row) = row else { return Ok(None) };
        let same = row.col::<String>("operation")? == self.operation
            && row.col::<Vec<u8>>("body")? == key.body;
        if same { row.col("result").map(Some) } else { Err(mismatch()) }
    }

    /// Keeps what this request came to, in the same transaction.
    pub(super) async fn remember(
        &self,
        conn: &mut SqliteConnection,
        result: Vec<u8>,
        now: Timestamp,
    ) -> Result<()> {
        let Some(key) = &self.key else { return Ok(()) };
        sql("INSERT INTO idempotency (principal, key, operation, body, result, created_at)
             VALUES (?, ?, ?, ?, ?, ?)")
        .bind(self.principal.as_str())
        .bind(key.key.as_str())
        .bind(self.operation)
        .bind(key.body.as_slice())
        .bind(result)
        .bind(now)
        .run(conn)
        .await
        .map(|_| ())
    }
}

fn mismatch() -> Error {
    Error::new(
        ErrorKind::Conflict,
        "This idempotency key was used for another request. Use a new key.",
    )
    .with_reason(Reason::IdempotencyMismatch)
}
