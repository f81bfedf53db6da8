//! What a worker gives up before it reads anything.
//!
//! Limits first: memory, open files, the size of files, processor time, core dumps. Then, where the kernel can (Linux on
//! x86-64 and ARM64), everything but the few calls that computing needs: with a file, a network or a program there is
//! nothing that a parser could rightly want. A call that is not on the list fails as if the kernel did not know it, so that
//! a library that only tries goes on.

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod calls;

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) use linux::{confine, limit_time};
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) use other::{confine, limit_time};

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux {
    use std::io;
    use std::time::Duration;

    use rustix::process::{
        DumpableBehavior, Resource, Rlimit, Signal, getrlimit, set_dumpable_behavior,
        set_parent_process_death_signal, setrlimit,
    };
    use rustix::time::{ClockId, clock_gettime};

    /// Bytes of the main thread's stack: what Linux usually gives.
    const STACK_BYTES: u64 = 8 << 20;
    /// What is added to a document's time: parsers keep the time themselves, and say better what went wrong.
    const GRACE_S: u64 = 2;

    /// Limits this process for good; says whether it is also kept from files, network and other processes.
    pub(in super::super) fn confine(max_memory_bytes: u64) -> io::Result<bool> {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
        for (resource, limit) in [
            (Resource::Core, 0),
            (Resource::Fsize, 0),
            (Resource::Nofile, 0),
            (Resource::Stack, STACK_BYTES),
            // Counts what can be written to, and not what an allocator only keeps room for.
            (Resource::Data, max_memory_bytes),
        ] {
            lower(resource, limit)?;
        }
        Ok(only_computing())
    }

    /// Lets the process compute so long from now on, however many threads do.
    pub(in super::super) fn limit_time(time: Duration) -> io::Result<()> {
        let used = clock_gettime(ClockId::ProcessCPUTime).tv_sec;
        let until = u64::try_from(used).unwrap_or_default().saturating_add(time.as_secs());
        let maximum = getrlimit(Resource::Cpu).maximum;
        let until = until.saturating_add(GRACE_S).min(maximum.unwrap_or(u64::MAX - 1));
        Ok(setrlimit(Resource::Cpu, Rlimit { current: Some(until), maximum })?)
    }

    fn lower(resource: Resource, limit: u64) -> io::Result<()> {
        let limit = getrlimit(resource).maximum.map_or(limit, |maximum| maximum.min(limit));
        Ok(setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(limit) })?)
    }

    #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
    fn only_computing() -> bool {
        super::calls::allow_only_computing().is_ok()
    }

    #[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
    const fn only_computing() -> bool {
        false
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod other {
    use std::io;
    use std::time::Duration;

    /// Nothing is limited here; the host ends what is late.
    pub(in super::super) const fn confine(_: u64) -> io::Result<bool> {
        Ok(false)
    }

    pub(in super::super) const fn limit_time(_: Duration) -> io::Result<()> {
        Ok(())
    }
}
