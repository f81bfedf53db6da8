//! Work that takes long and that nobody waits for at this moment: it steps back behind answers.
//!
//! Each piece has a thread of its own while it runs. A thread cannot take its low priority back, so it is not one of the
//! runtime's; and starting one is nothing beside the parsing of a document.

mod priority;

use tokio::sync::oneshot;

use crate::error::{Error, Result};

pub(crate) use priority::step_back;

/// Runs `work` on a thread of low priority. A thread is not stopped where its result is no longer waited for: `work` looks
/// after that itself.
///
/// # Errors
/// `internal` where `work` panics; that of the system where it gives no thread.
pub(crate) async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let (done, outcome) = oneshot::channel();
    std::thread::Builder::new().name("background".to_owned()).spawn(move || {
        step_back();
        // Whoever asked may have left meanwhile.
        let _ = done.send(work());
    })?;
    outcome
        .await
        .map_err(|_| Error::internal("A piece of work in the background stopped without a result."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[tokio::test]
    async fn results_come_back_and_a_panic_is_an_error() {
        assert_eq!(run(|| 6 * 7).await.unwrap(), 42);
        let failed = run(|| assert!(std::hint::black_box(false), "as it should")).await;
        assert_eq!(failed.unwrap_err().kind(), ErrorKind::Internal);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn it_has_a_low_priority_and_the_others_stay_as_they_are() {
        fn niceness() -> Option<i32> {
            let stat = std::fs::read_to_string("/proc/thread-self/stat").ok()?;
            stat.rsplit(')').next()?.split_whitespace().nth(16)?.parse().ok()
        }
        let before = niceness();
        assert_eq!(run(niceness).await.unwrap(), before.map(|before| before.max(10)));
        assert_eq!(niceness(), before);
    }
}
