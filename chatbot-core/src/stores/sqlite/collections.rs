//! Collections, grants, and what may be read.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::idempotency::Once;
use super::read_sets::{make_read_set, role_of};
use super::sql::{Columns as _, hex_list, sql};
use super::{Lane, SqliteStore, cursor};
use crate::context::{Context, ReadSet};
use crate::error::{Error, ErrorKind, Result};
use crate::traits::{CollectionStore, Idempotency};
use crate::types::{
    Collection, CollectionId, CollectionPatch, NewCollection, Page, PageRequest, PrincipalId, Role,
    Timestamp, Visibility,
};

/// What a principal's own collection is called until somebody names it.
const DEFAULT_NAME: &str = "Documents";
/// Up to how many collections are looked up by their ids; for more, the list is walked and the others left out.
const MAX_LISTED_IDS: usize = 1000;

macro_rules! select_collections {
    ($tail:literal) => {
        concat!(
            "SELECT seq, id, name, description, visibility, is_default, document_count, created_by,
                    created_at, updated_at
             FROM collections WHERE deleted_at IS NULL AND ",
            $tail
        )
    };
}

#[async_trait]
impl CollectionStore for SqliteStore {
    async fn read_set(&self, ctx: &Context) -> Result<ReadSet> {
        if let Some(kept) = self.kept_read_set(ctx.scope()) {
            return Ok(kept);
        }
        let made = ctx
            .run(async {
                let mut tx = self.snapshot().await?;
                make_read_set(&mut tx, ctx.scope()).await
            })
            .await?;
        self.keep_read_set(ctx.scope(), &made);
        Ok(made)
    }

    async fn role(&self, ctx: &Context, collection: CollectionId) -> Result<Option<Role>> {
        ctx.run(async {
            let mut tx = self.snapshot().await?;
            role_of(&mut tx, ctx.scope(), collection).await
        })
        .await
    }

    async fn default_collection(&self, ctx: &Context) -> Result<CollectionId> {
        let principal = ctx.principal()?.clone();
        let found = default_of(&mut *self.snapshot().await?, &principal).await?;
        if let Some(id) = found {
            return Ok(id);
        }
        let (now, epoch) = (self.now(), Arc::clone(&self.epoch));
        let made = self.writer.write_then(
            Lane::Interactive,
            move |conn| Box::pin(make_default(conn, principal, now)),
            move |made: &Made<CollectionId>| made.note(&epoch),
        );
        Ok(made.await?.value)
    }

    async fn create_collection(
        &self,
        ctx: &Context,
        new: NewCollection,
        idempotency: Option<Idempotency>,
    ) -> Result<Collection> {
        let principal = ctx.principal()?.clone();
        let once = Once { principal, operation: "create_collection", key: idempotency };
        let (now, epoch) = (self.now(), Arc::clone(&self.epoch));
        let made = self.writer.write_then(
            Lane::Interactive,
            move |conn| Box::pin(create(conn, once, new, now)),
            move |made: &Made<Collection>| made.note(&epoch),
        );
        Ok(made.await?.value)
    }

    async fn collections(
        &self,
        ctx: &Context,
        read_set: &ReadSet,
        page: &PageRequest,
    ) -> Result<Page<Collection>> {
        let principal = ctx.principal().ok();
        ctx.run(async { list(&mut *self.snapshot().await?, principal, read_set, page).await }).await
    }

    async fn collection(
        &self,
        ctx: &Context,
        read_set: &ReadSet,
        id: CollectionId,
    ) -> Result<Collection> {
        if !read_set.contains(id) {
            return Err(no_collection());
        }
        let principal = ctx.principal().ok();
        ctx.run(async { by_id(&mut *self.snapshot().await?, principal, id).await }).await
    }

    async fn update_collection(
        &self,
        ctx: &Context,
        id: CollectionId,
        patch: CollectionPatch,
    ) -> Result<Collection> {
        let principal = ctx.principal().ok().cloned();
        let (now, epoch) = (self.now(), Arc::clone(&self.epoch));
        let updated = self.writer.write_then(
            Lane::Interactive,
            move |conn| Box::pin(update(conn, principal, (id, patch), now)),
            move |made: &Made<Collection>| made.note(&epoch),
        );
        Ok(updated.await?.value)
    }

    async fn delete_collection(&self, _ctx: &Context, id: CollectionId) -> Result<()> {
        let (now, epoch) = (self.now(), Arc::clone(&self.epoch));
        let deleted = self.writer.write_then(
            Lane::Interactive,
            move |conn| Box::pin(delete(conn, id, now)),
            move |made: &Made<()>| made.note(&epoch),
        );
        deleted.await.map(|_| ())
    }
}

/// Something that was written, and the epoch since.
struct Made<T> {
    value: T,
    epoch: Option<u64>,
}

impl<T> Made<T> {
    fn note(&self, committed: &std::sync::atomic::AtomicU64) {
        if let Some(epoch) = self.epoch {
            committed.fetch_max(epoch, Ordering::AcqRel);
        }
    }
}

/// The error for a collection that is not there for this caller.
pub(super) fn no_collection() -> Error {
    Error::not_found("collection")
}

/// Fails where the collection is not there.
pub(super) async fn require(conn: &mut SqliteConnection, id: CollectionId) -> Result<()> {
    let row = sql("SELECT 1 AS found FROM collections WHERE id = ? AND deleted_at IS NULL")
        .bind(id)
        .maybe(conn)
        .await?;
    row.map(|_| ()).ok_or_else(no_collection)
}

const fn visibility_name(visibility: Visibility) -> &'static str {
    match visibility {
        Visibility::Private => "private",
        Visibility::Shared => "shared",
        Visibility::Public => "public",
    }
}

/// The visibility with this name.
pub(super) fn visibility_from_name(name: &str) -> Option<Visibility> {
    match name {
        "private" => Some(Visibility::Private),
        "shared" => Some(Visibility::Shared),
        "public" => Some(Visibility::Public),
        _ => None,
    }
}

async fn default_of(
    conn: &mut SqliteConnection,
    principal: &PrincipalId,
) -> Result<Option<CollectionId>> {
    sql("SELECT id FROM collections WHERE created_by = ? AND is_default = 1 AND deleted_at IS NULL")
        .bind(principal.as_str())
        .maybe(conn)
        .await?
        .map(|row| row.col("id"))
        .transpose()
}

async fn make_default(
    conn: &mut SqliteConnection,
    principal: PrincipalId,
    now: Timestamp,
) -> Result<Made<CollectionId>> {
    if let Some(value) = default_of(conn, &principal).await? {
        return Ok(Made { value, epoch: None });
    }
    let new = NewCollection {
        name: DEFAULT_NAME.to_owned(),
        description: String::new(),
        visibility: Visibility::Private,
    };
    let value = insert(conn, &principal, &new, (true, now)).await?;
    Ok(Made { value, epoch: Some(bump_epoch(conn).await?) })
}

async fn create(
    conn: &mut SqliteConnection,
    once: Once,
    new: NewCollection,
    now: Timestamp,
) -> Result<Made<Collection>> {
    if let Some(id) = once.replay(conn).await? {
        let id = id.try_into().map(CollectionId::from_bytes).map_err(|_| no_collection())?;
        return Ok(Made { value: by_id(conn, Some(&once.principal), id).await?, epoch: None });
    }
    require_free(conn, &once.principal, &new.name).await?;
    let id = insert(conn, &once.principal, &new, (false, now)).await?;
    once.remember(conn, id.as_bytes().to_vec(), now).await?;
    let value = by_id(conn, Some(&once.principal), id).await?;
    Ok(Made { value, epoch: Some(bump_epoch(conn).await?) })
}

async fn require_free(
    conn: &mut SqliteConnection,
    principal: &PrincipalId,
    name: &str,
) -> Result<()> {
    let taken = sql("SELECT 1 AS found FROM collections
         WHERE created_by = ? AND name = ? AND deleted_at IS NULL")
    .bind(principal.as_str())
    .bind(name)
    .maybe(conn)
    .await?;
    if taken.is_some() {
        return Err(Error::new(
            ErrorKind::AlreadyExists,
            "You have a collection of this name. Choose another name.",
        ));
    }
    Ok(())
}

async fn update(
    conn: &mut SqliteConnection,
    principal: Option<PrincipalId>,
    (id, patch): (CollectionId, CollectionPatch),
    now: Timestamp,
) -> Result<Made<Collection>> {
    let before = by_id(conn, principal.as_ref(), id).await?;
    let mut after = before.clone();
    after.name = patch.name.unwrap_or(after.name);
    after.description = patch.description.unwrap_or(after.description);
    after.visibility = patch.visibility.unwrap_or(after.visibility);
    if after == before {
        return Ok(Made { value: before, epoch: None });
    }
    if after.name != before.name {
        require_free(conn, &before.created_by, &after.name).await?;
    }
    sql("UPDATE collections SET name = ?, description = ?, visibility = ?, updated_at = ? WHERE id = ?")
        .bind(after.name)
        .bind(after.description)
        .bind(visibility_name(after.visibility))
        .bind(now)
        .bind(id)
        .run(conn)
        .await?;
    let value = by_id(conn, principal.as_ref(), id).await?;
    // Who may read it is another question now.
    let other_readers = value.visibility != before.visibility;
    let epoch = if other_readers { Some(bump_epoch(conn).await?) } else { None };
    Ok(Made { value, epoch })
}

async fn insert(
    conn: &mut SqliteConnection,
    principal: &PrincipalId,
    new: &NewCollection,
    (is_default, now): (bool, Timestamp),
) -> Result<CollectionId> {
    let id = CollectionId::new();
    sql("INSERT INTO collections
            (id, name, description, visibility, is_default, created_by, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)")
    .bind(id)
    .bind(new.name.as_str())
    .bind(new.description.as_str())
    .bind(visibility_name(new.visibility))
    .bind(is_default)
    .bind(principal.as_str())
    .bind(now)
    .run(conn)
    .await?;
    Ok(id)
}

async fn bump_epoch(conn: &mut SqliteConnection) -> Result<u64> {
    sql("UPDATE meta SET value = value + 1 WHERE name = 'epoch' RETURNING value")
        .one(conn)
        .await?
        .col("value")
}

async fn by_id(
    conn: &mut SqliteConnection,
    principal: Option<&PrincipalId>,
    id: CollectionId,
) -> Result<Collection> {
    let row = sql(select_collections!("id = ?")).bind(id).maybe(conn).await?;
    collection_of(&row.ok_or_else(no_collection)?, principal)
}

fn collection_of(row: &SqliteRow, principal: Option<&PrincipalId>) -> Result<Collection> {
    let created_by = PrincipalId::new(row.col::<String>("created_by")?);
    Ok(Collection {
        id: row.col("id")?,
        name: row.col("name")?,
        description: row.col("description")?,
        visibility: row.named("visibility", visibility_from_name)?,
        // It is the default of whoever made it, and of nobody else who may read it.
        is_default: row.col("is_default")? && principal == Some(&created_by),
        document_count: row.col("document_count")?,
        created_by,
        created_at: row.col("created_at")?,
        updated_at: row.col("updated_at")?,
    })
}

/// The default collection stands before the others on the first page; the others are in the order of their names.
async fn list(
    conn: &mut SqliteConnection,
    principal: Option<&PrincipalId>,
    read_set: &ReadSet,
    page: &PageRequest,
) -> Result<Page<Collection>> {
    let default = match principal {
        Some(principal) => default_of(conn, principal).await?.filter(|id| read_set.contains(*id)),
        None => None,
    };
    let mut items: Vec<(i64, Collection)> = Vec::new();
    let mut after = cursor::text(page)?;
    if let (None, Some(id)) = (&after, default) {
        items.push((0, by_id(conn, principal, id).await?));
    }
    let (limit, default) = (cursor::limit(page), default);
    while items.len() <= limit {
        let rows = by_name(conn, read_set, after.take(), limit + 1).await?;
        let n_rows = rows.len();
        for row in &rows {
            let (seq, found) = (row.col("seq")?, collection_of(row, principal)?);
            after = Some((found.name.clone(), seq));
            if read_set.contains(found.id) && Some(found.id) != default {
                items.push((seq, found));
            }
        }
        if n_rows <= limit {
            break;
        }
    }
    let place = |(seq, last): &(i64, Collection)| match *seq {
        0 => cursor::of_text("", 0),
        seq => cursor::of_text(&last.name, seq),
    };
    Ok(cursor::page_of(items, page, place).map(|(_, collection)| collection))
}

async fn by_name(
    conn: &mut SqliteConnection,
    read_set: &ReadSet,
    after: Option<(String, i64)>,
    limit: usize,
) -> Result<Vec<SqliteRow>> {
    let (name, seq) = after.unwrap_or_default();
    let few = read_set.collections().len() <= MAX_LISTED_IDS;
    let statement = if few {
        let ids: Vec<CollectionId> = read_set.collections().collect();
        sql(select_collections!(
            "id IN (SELECT unhex(value) FROM json_each(?4)) AND (name, seq) > (?1, ?2)
             ORDER BY name, seq LIMIT ?3"
        ))
        .bind(name)
        .bind(seq)
        .bind(limit)
        .bind(hex_list(ids.iter().map(CollectionId::as_bytes)))
    } else {
        sql(select_collections!("(name, seq) > (?1, ?2) ORDER BY name, seq LIMIT ?3"))
            .bind(name)
            .bind(seq)
            .bind(limit)
    };
    statement.all(conn).await
}

async fn delete(conn: &mut SqliteConnection, id: CollectionId, now: Timestamp) -> Result<Made<()>> {
    let row = sql(select_collections!("id = ?")).bind(id).maybe(conn).await?;
    if row.ok_or_else(no_collection)?.col("is_default")? {
        return Err(Error::new(
            ErrorKind::Conflict,
            "This is the collection for documents that name none. Delete its documents instead.",
        ));
    }
    super::edits::delete_all_documents(conn, id, now).await?;
    sql("DELETE FROM grants WHERE collection = ?").bind(id).run(conn).await?;
    sql("UPDATE collections SET deleted_at = ?, document_count = 0 WHERE id = ?")
        .bind(now)
        .bind(id)
        .run(conn)
        .await?;
    sql("INSERT INTO garbage (kind, id) VALUES ('collection', ?)").bind(id).run(conn).await?;
    Ok(Made { value: (), epoch: Some(bump_epoch(conn).await?) })
}
