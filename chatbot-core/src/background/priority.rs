//! Threads that let others go first.

/// The niceness of such a thread, of 0 to 19: beside it, a thread of niceness 0 has nine tenths of a core.
#[cfg(any(target_os = "linux", target_os = "android"))]
const NICENESS: i32 = 10;

/// Lowers the calling thread's priority, where the system has one for each thread.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn step_back() {
    use rustix::process::{getpriority_process, setpriority_process};

    // Here a thread's id may stand for a process's. Nothing depends on it: refused, the thread competes as any other.
    let thread = Some(rustix::thread::gettid());
    let lowered = getpriority_process(thread).and_then(|now| {
        if now < NICENESS { setpriority_process(thread, NICENESS) } else { Ok(()) }
    });
    if let Err(error) = lowered {
        tracing::debug!(%error, "the priority was not lowered");
    }
}

/// Elsewhere all threads compete.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) const fn step_back() {}
