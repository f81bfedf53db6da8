//! Bodies of requests that do not arrive.
//!
//! There is no bound on the whole: fifty megabytes over a slow line take many minutes. There is one on how little may
//! arrive in a while, so that nobody holds a request open with a byte now and then.

use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures_util::{Stream, StreamExt as _, stream};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::error::ApiError;

/// What has to arrive within the time limit, unless the body ends: 0.5 kB/s at the default of 30 s, a tenth of what the
/// slowest mobile lines in use carry (GPRS, 4 kB/s).
const MIN_BYTES: usize = 16 << 10;

/// Answers 408 where a body does not arrive: whatever the handler made of its end, the end was ours.
pub(crate) async fn limit(
    State(patience): State<Duration>,
    request: Request,
    next: Next,
) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let late = CancellationToken::new();
    let (parts, body) = request.into_parts();
    let body = Body::from_stream(paced(body.into_data_stream(), patience, late.clone()));
    let response = next.run(Request::from_parts(parts, body)).await;
    if late.is_cancelled() {
        let message = "The request did not arrive in time. Send it again.";
        return ApiError::http(StatusCode::REQUEST_TIMEOUT, message).into_response();
    }
    response
}

/// The same pieces, and an error once too few of them came; `late` is cancelled then.
fn paced(
    pieces: impl Stream<Item = Result<Bytes, axum::Error>> + Unpin,
    patience: Duration,
    late: CancellationToken,
) -> impl Stream<Item = Result<Bytes, axum::Error>> {
    // Fused: whoever refuses a request may go on reading after its end.
    let pace = Pace { patience, deadline: Instant::now() + patience, n_bytes: 0 };
    stream::unfold(Some((pieces, pace, late)), |state| async {
        let (mut pieces, mut pace, late) = state?;
        match tokio::time::timeout_at(pace.deadline, pieces.next()).await {
            Ok(Some(Ok(piece))) => {
                pace.note(piece.len());
                Some((Ok(piece), Some((pieces, pace, late))))
            }
            Ok(Some(Err(error))) => Some((Err(error), None)),
            Ok(None) => None,
            Err(_) => {
                late.cancel();
                Some((Err(axum::Error::new(io::Error::from(io::ErrorKind::TimedOut))), None))
            }
        }
    })
    .fuse()
}

struct Pace {
    patience: Duration,
    deadline: Instant,
    /// Since the deadline was set.
    n_bytes: usize,
}

impl Pace {
    fn note(&mut self, n_bytes: usize) {
        self.n_bytes += n_bytes;
        if self.n_bytes >= MIN_BYTES {
            self.n_bytes = 0;
            self.deadline = Instant::now() + self.patience;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    /// What arrives of `n` pieces of this size, one every `pause`, and whether it was broken off.
    async fn arrives(n: usize, n_bytes: usize, pause: Duration) -> (usize, bool) {
        let pieces = stream::iter(0..n).then(move |_| async move {
            tokio::time::sleep(pause).await;
            Ok(Bytes::from(vec![b'a'; n_bytes]))
        });
        let late = CancellationToken::new();
        let paced = paced(Box::pin(pieces), PATIENCE, late.clone());
        let n_arrived = paced.filter(|piece| std::future::ready(piece.is_ok())).count().await;
        (n_arrived, late.is_cancelled())
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_line_is_waited_for_however_long_it_takes() {
        // 50 MiB at 4 kB/s: three and a half hours.
        assert_eq!(arrives(800, 64 << 10, Duration::from_secs(16)).await, (800, false));
        let nearly = PATIENCE.checked_sub(Duration::from_secs(1)).unwrap();
        assert_eq!(arrives(100, MIN_BYTES, nearly).await, (100, false));
        assert_eq!(arrives(1, 1, nearly).await, (1, false), "little, but all there is");
    }

    #[tokio::test(start_paused = true)]
    async fn silence_and_trickles_are_broken_off() {
        assert_eq!(arrives(2, MIN_BYTES, PATIENCE * 2).await, (0, true));
        assert_eq!(arrives(1000, 1, Duration::from_secs(4)).await, (7, true));
    }
}
