//! What a scope may read, and what a principal may do: asked for by every call, so what was found is kept until a grant
//! or a collection changes.

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use sqlx::sqlite::SqliteConnection;

use super::SqliteStore;
use super::collections::visibility_from_name;
use super::sql::{Columns as _, sql};
use crate::context::{ReadSet, Scope};
use crate::error::Result;
use crate::types::{CollectionId, Role, Visibility};

/// Scopes whose read-sets are kept; beyond that all are dropped, as each is quickly made again.
const MAX_READ_SETS: usize = 1024;

impl SqliteStore {
    /// The scope's read-set, where nothing changed since it was made.
    pub(super) fn kept_read_set(&self, scope: &Scope) -> Option<ReadSet> {
        let epoch = self.epoch.load(Ordering::Acquire);
        let kept = self.read_sets.lock().ok()?.get(scope).cloned()?;
        (kept.epoch() == epoch).then_some(kept)
    }

    /// Keeps a read-set for the next call.
    pub(super) fn keep_read_set(&self, scope: &Scope, made: &ReadSet) {
        if let Ok(mut kept) = self.read_sets.lock() {
            if kept.len() >= MAX_READ_SETS {
                kept.clear();
            }
            kept.insert(scope.clone(), made.clone());
        }
    }
}

/// What the scope may read now.
pub(super) async fn make_read_set(conn: &mut SqliteConnection, scope: &Scope) -> Result<ReadSet> {
    let epoch = sql("SELECT value FROM meta WHERE name = 'epoch'").one(conn).await?.col("value")?;
    let rows = match scope {
        Scope::System => sql("SELECT id FROM collections WHERE deleted_at IS NULL").all(conn).await,
        Scope::Principal(principal) => {
            sql("SELECT id FROM collections WHERE created_by = ?1 AND deleted_at IS NULL
                 UNION SELECT id FROM collections WHERE visibility = 'public' AND deleted_at IS NULL
                 UNION SELECT collection FROM grants WHERE principal = ?1")
            .bind(principal.as_str())
            .all(conn)
            .await
        }
    };
    let ids: Result<HashSet<CollectionId>> = rows?.iter().map(|row| row.col("id")).collect();
    Ok(ReadSet::new(ids?, epoch))
}

/// What the scope may do with a collection.
pub(super) async fn role_of(
    conn: &mut SqliteConnection,
    scope: &Scope,
    collection: CollectionId,
) -> Result<Option<Role>> {
    let principal = match scope {
        Scope::Principal(principal) => principal.as_str(),
        Scope::System => "",
    };
    let row = sql("SELECT c.created_by, c.visibility, g.role FROM collections c
         LEFT JOIN grants g ON g.collection = c.id AND g.principal = ?1
         WHERE c.id = ?2 AND c.deleted_at IS NULL")
    .bind(principal)
    .bind(collection)
    .maybe(conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    if *scope == Scope::System || row.col::<String>("created_by")? == principal {
        return Ok(Some(Role::Owner));
    }
    let granted = row.col::<Option<String>>("role")?.as_deref().and_then(role_from_name);
    let public = row.named("visibility", visibility_from_name)? == Visibility::Public;
    Ok(granted.max(public.then_some(Role::Reader)))
}

fn role_from_name(name: &str) -> Option<Role> {
    match name {
        "reader" => Some(Role::Reader),
        "writer" => Some(Role::Writer),
        "owner" => Some(Role::Owner),
        _ => None,
    }
}
