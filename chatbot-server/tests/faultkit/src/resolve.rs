//! After a restart: what is in doubt is asked again under the same key, and must then have happened once.

use crate::Result;
use crate::actor::Actor;
use crate::api::{Api, Read, Reading};
use crate::ledger::{Ids, Known};
use crate::report::Kind;

/// Asks again for everything that is in doubt; returns how many requests that were.
///
/// # Errors
/// Where the server does not answer.
pub async fn resolve(actor: &mut Actor, api: &Api) -> Result<u64> {
    Ok(documents(actor, api).await? + sessions(actor, api).await?)
}

async fn documents(actor: &mut Actor, api: &Api) -> Result<u64> {
    let mut n_repeated = 0;
    for at in 0..actor.ledger.documents.len() {
        let Some(document) = actor.ledger.documents.get(at) else { break };
        let last = document.last().map(|version| version.known);
        if document.id.is_none() {
            actor.send_document(api, at).await?;
        } else if last == Some(Known::Asked) {
            actor.send_version(api, at).await?;
        } else if document.deleted == Known::Asked {
            actor.send_deletion(api, at).await?;
        } else {
            continue;
        }
        n_repeated += 1;
    }
    Ok(n_repeated)
}

async fn sessions(actor: &mut Actor, api: &Api) -> Result<u64> {
    let mut n_repeated = 0;
    let mut at = 0;
    while let Some(session) = actor.ledger.sessions.get(at) {
        let last = session.turns.last();
        if last.is_some_and(|turn| turn.ids.is_none()) {
            actor.send_turn(api, at, Reading::ToTheEnd).await?;
        } else if session.titles.last().is_some_and(|(_, known)| *known == Known::Asked) {
            actor.send_title(api, at).await?;
        } else if session.deleted == Known::Asked {
            actor.send_session_deletion(api, at).await?;
        } else {
            if session.is_there() && last.is_some_and(|turn| !turn.survived) {
                replay(actor, api, at).await?;
                n_repeated += 1;
            }
            at += 1;
            continue;
        }
        n_repeated += 1;
        at += 1;
    }
    Ok(n_repeated)
}

/// Asks an acknowledged question again under its key: it is the same turn.
async fn replay(actor: &mut Actor, api: &Api, at: usize) -> Result<()> {
    let session = actor.ledger.sessions.get_mut(at);
    let Some(turn) = session.and_then(|session| session.turns.last_mut()) else { return Ok(()) };
    turn.survived = true;
    let mut read = Read::default();
    api.ask(&turn.question, Reading::ToTheEnd, &mut read).await?;
    let same = read.started.as_ref().and_then(Ids::of_started) == turn.ids;
    let (question, ids) = (turn.question.clone(), turn.ids.clone());
    actor.findings.check(same, Kind::Duplicate, || {
        format!(
            "{} asked again is not {ids:?} but {:?} {:?}",
            question.key, read.started, read.refused
        )
    });
    Ok(())
}
