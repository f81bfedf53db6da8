//! The ledger: what calls to models used, and what is set aside for those that have not ended.
//!
//! A budget is looked at and a call set aside in one request of the one writer, so that nobody comes between. Sums are
//! over rows: there is no second figure that could differ from them.

use async_trait::async_trait;
use serde_json::{Value as Json, json};
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::sql::{Columns as _, Sql, built_sql, sql, to_json};
use super::{Lane, SqliteStore};
use crate::context::Context;
use crate::error::{ErrorKind, Result};
use crate::traits::{LedgerStore, ReserveCall};
use crate::types::{
    BudgetScope, CallEstimate, CallRecord, PrincipalId, SessionId, Spent, Timestamp, UsageGroup,
    UsageGrouping, UsageQuery, UsageReport, UsageTotals, nanodollars,
};

#[async_trait]
impl LedgerStore for SqliteStore {
    async fn reserve(&self, ctx: &Context, call: ReserveCall) -> Result<CallEstimate> {
        let (now, principal) = (self.now(), ctx.principal().ok().cloned());
        let reserve = self.writer.write(Lane::Interactive, move |conn| {
            Box::pin(async move {
                if !call.ended.is_empty() {
                    settle_calls(principal.as_ref(), &call.ended)?.run(conn).await?;
                }
                let spent = spent(conn, principal.as_ref(), &call, now).await?;
                // A refusal is a result: what was settled stays.
                let admitted = match call.budgets.admit(call.estimate, &spent, now) {
                    Ok(admitted) => admitted,
                    Err(refusal) => return Ok(Err(refusal)),
                };
                let open = open(call, admitted, now);
                write_calls(principal.as_ref(), &[open], false)?.run(conn).await?;
                Ok(Ok(admitted))
            })
        });
        reserve.await?
    }

    async fn settle(&self, ctx: &Context, calls: Vec<CallRecord>) -> Result<()> {
        let principal = ctx.principal().ok().cloned();
        let settle = self.writer.write(Lane::Interactive, move |conn| {
            Box::pin(async move {
                settle_calls(principal.as_ref(), &calls)?.run(conn).await.map(|_| ())
            })
        });
        settle.await
    }

    async fn settle_abandoned(&self, _ctx: &Context, before: Option<Timestamp>) -> Result<u64> {
        let before = before.unwrap_or(Timestamp::from_millis(i64::MAX));
        let settle = self.writer.write(Lane::Interactive, move |conn| {
            Box::pin(async move {
                sql("UPDATE calls SET is_settled = 1, estimated = 1, failure = ?
                     WHERE is_settled = 0 AND created_at < ?")
                .bind(ErrorKind::Unavailable.code())
                .bind(before)
                .run(conn)
                .await
            })
        });
        settle.await
    }

    async fn usage(&self, ctx: &Context, query: &UsageQuery) -> Result<UsageReport> {
        let principal = ctx.principal()?;
        let group_by = query.group_by;
        let (from, to) = query.span(self.now())?;
        ctx.run(async {
            let mut tx = self.snapshot().await?;
            let of = |statement: Sql| statement.bind(principal.as_str()).bind(from).bind(to);
            let total = totals(&of(sql(TOTAL)).one(&mut tx).await?)?;
            let groups = of(built_sql(grouped(group_by), true)).bind(UsageQuery::MAX_GROUPS);
            let rows = groups.all(&mut tx).await?;
            let items = rows.iter().map(|row| group(row, group_by)).collect::<Result<_>>()?;
            Ok(UsageReport { from, to, group_by, total, items })
        })
        .await
    }
}

/// What is set aside for a call.
fn open(call: ReserveCall, admitted: CallEstimate, now: Timestamp) -> CallRecord {
    CallRecord {
        id: call.id,
        session: call.session,
        message: call.message,
        purpose: call.purpose,
        model: call.model,
        usage: admitted.usage(),
        error: None,
        at: now,
    }
}

/// The statement that settles calls that have ended.
pub(super) fn settle_calls(principal: Option<&PrincipalId>, calls: &[CallRecord]) -> Result<Sql> {
    write_calls(principal, calls, true)
}

/// The statement that writes calls, new or in the place of what was set aside for them; whose they are and when they began
/// stay as they were. It is the same for any number of them.
fn write_calls(
    principal: Option<&PrincipalId>,
    calls: &[CallRecord],
    are_settled: bool,
) -> Result<Sql> {
    let calls: Vec<_> = calls.iter().map(as_json).collect();
    Ok(sql("INSERT INTO calls (id, principal, session, message, purpose, model, input_tokens, output_tokens, nanodollars,
            estimated, failure, is_settled, created_at)
         SELECT unhex(value ->> 'id', '-'), ?, unhex(value ->> 'session', '-'), unhex(value ->> 'message', '-'), value ->> 'purpose',
            value ->> 'model', value ->> 'input_tokens', value ->> 'output_tokens', value ->> 'nanodollars',
            value ->> 'estimated', value ->> 'failure', ?, value ->> 'at' FROM json_each(?) WHERE true
         ON CONFLICT (id) DO UPDATE SET input_tokens = excluded.input_tokens, output_tokens = excluded.output_tokens,
            nanodollars = excluded.nanodollars, estimated = excluded.estimated, failure = excluded.failure,
            is_settled = excluded.is_settled
         WHERE is_settled = 0")
    .bind(principal.map(PrincipalId::as_str))
    .bind(are_settled)
    .bind(to_json(&calls)?))
}

fn as_json(call: &CallRecord) -> Json {
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    json!({
        "id": call.id,
        "session": call.session,
        "message": call.message,
        "purpose": call.purpose.as_str(),
        "model": call.model,
        "input_tokens": number(call.usage.input_tokens),
        "output_tokens": number(call.usage.output_tokens),
        "nanodollars": call.usage.cost_usd.map(nanodollars).map(number),
        "estimated": call.usage.estimated,
        "failure": call.error.map(ErrorKind::code),
        "at": call.at.as_millis(),
    })
}

/// What was spent in each respect that is limited and applies to the call.
async fn spent(
    conn: &mut SqliteConnection,
    principal: Option<&PrincipalId>,
    call: &ReserveCall,
    now: Timestamp,
) -> Result<Vec<(BudgetScope, Spent)>> {
    let mut all = Vec::new();
    for (scope, _) in call.budgets.limited() {
        let Some(sum) = sum_of(scope, (principal, call), now) else { continue };
        let row = sum.one(conn).await?;
        let spent = Spent { tokens: row.col("tokens")?, nanodollars: row.col("nanodollars")? };
        all.push((scope, spent));
    }
    Ok(all)
}

macro_rules! sum_where {
    ($condition:literal) => {
        sql(concat!(
            "SELECT coalesce(sum(input_tokens + output_tokens), 0) AS tokens,
                coalesce(sum(nanodollars), 0) AS nanodollars
             FROM calls WHERE ",
            $condition
        ))
    };
}

/// `None` where the call is for nothing of the kind.
fn sum_of(
    scope: BudgetScope,
    (principal, call): (Option<&PrincipalId>, &ReserveCall),
    now: Timestamp,
) -> Option<Sql> {
    Some(match scope {
        BudgetScope::Turn => {
            sum_where!("session IS ? AND message = ?").bind(call.session).bind(call.message?)
        }
        BudgetScope::Session => sum_where!("session = ?").bind(call.session?),
        BudgetScope::UserDay | BudgetScope::UserMonth => {
            let (begin, _) = scope.period(now)?;
            sum_where!("principal = ? AND created_at >= ?").bind(principal?.as_str()).bind(begin)
        }
    })
}

macro_rules! totals {
    () => {
        "count(*) AS n_calls, coalesce(sum(input_tokens), 0) AS input_tokens,
            coalesce(sum(output_tokens), 0) AS output_tokens, coalesce(sum(nanodollars), 0) AS nanodollars,
            coalesce(sum(nanodollars IS NULL), 0) AS n_unpriced, coalesce(sum(estimated), 0) AS n_estimated,
            coalesce(sum(failure IS NOT NULL), 0) AS n_failed
         FROM calls WHERE principal = ? AND created_at >= ? AND created_at < ?"
    };
}

const TOTAL: &str = concat!("SELECT ", totals!());

fn grouped(by: UsageGrouping) -> String {
    let most_first = "sum(calls.input_tokens + calls.output_tokens) DESC, key";
    let (key, order) = match by {
        UsageGrouping::Day => ("date(created_at / 1000, 'unixepoch')", "key"),
        UsageGrouping::Model => ("model", most_first),
        UsageGrouping::Purpose => ("purpose", most_first),
        UsageGrouping::Session => ("session", most_first),
    };
    let totals = totals!();
    format!("SELECT {key} AS key, {totals} GROUP BY 1 ORDER BY {order} LIMIT ?")
}

fn group(row: &SqliteRow, by: UsageGrouping) -> Result<UsageGroup> {
    let key = match by {
        UsageGrouping::Session => {
            let session: Option<SessionId> = row.col("key")?;
            session.map(|session| session.to_string()).unwrap_or_default()
        }
        UsageGrouping::Day | UsageGrouping::Model | UsageGrouping::Purpose => row.col("key")?,
    };
    Ok(UsageGroup { key, total: totals(row)? })
}

fn totals(row: &SqliteRow) -> Result<UsageTotals> {
    #[allow(clippy::cast_precision_loss, reason = "sums are far below 2^52 billionths")]
    let cost_usd = row.col::<u64>("nanodollars")? as f64 / 1e9;
    Ok(UsageTotals {
        n_calls: row.col("n_calls")?,
        input_tokens: row.col("input_tokens")?,
        output_tokens: row.col("output_tokens")?,
        cost_usd,
        n_unpriced: row.col("n_unpriced")?,
        n_estimated: row.col("n_estimated")?,
        n_failed: row.col("n_failed")?,
    })
}
