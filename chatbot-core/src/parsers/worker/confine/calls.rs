//! The calls that computing needs, and nothing else.

use std::collections::BTreeMap;

use libc::c_long;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter_all_threads,
};

type Refused = Box<dyn std::error::Error>;

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: TargetArch = TargetArch::x86_64;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: TargetArch = TargetArch::aarch64;

/// Allowed whatever they are called with: memory that is there, threads, clocks, chance, and ending.
const FREE: &[c_long] = &[
    libc::SYS_brk,
    libc::SYS_clock_gettime,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_gettid,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    libc::SYS_sigaltstack,
];

/// Refuses this process every call but these, for good.
pub(super) fn allow_only_computing() -> Result<(), Refused> {
    let mut rules: BTreeMap<c_long, Vec<SeccompRule>> =
        FREE.iter().map(|call| (*call, Vec::new())).collect();
    rules.extend(guarded()?);
    // As a kernel that has no such call: libraries then do without, or take an older one.
    let refused = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    let filter = SeccompFilter::new(rules, refused, SeccompAction::Allow, ARCHITECTURE)?;
    apply_filter_all_threads(&BpfProgram::try_from(filter)?)?;
    Ok(())
}

/// Calls that are allowed in one way only.
fn guarded() -> Result<[(c_long, Vec<SeccompRule>); 8], Refused> {
    let not_executable = || masked(2, libc::PROT_EXEC, 0);
    let own = u64::from(std::process::id());
    let thread = libc::CLONE_VM | libc::CLONE_THREAD;
    // Descriptors that somebody forgot to close are of no use: only the three pipes can be read or written.
    let said = || Ok::<_, Refused>(vec![rule([is(0, 1)?])?, rule([is(0, 2)?])?]);
    let memory = rule([not_executable()?, masked(3, libc::MAP_ANONYMOUS, libc::MAP_ANONYMOUS)?])?;
    let time = rule([is(0, 0)?, is(1, libc::RLIMIT_CPU as u64)?])?;
    Ok([
        (libc::SYS_read, vec![rule([is(0, 0)?])?]),
        (libc::SYS_write, said()?),
        (libc::SYS_writev, said()?),
        (libc::SYS_mmap, vec![memory]),
        (libc::SYS_mprotect, vec![rule([not_executable()?])?]),
        (libc::SYS_clone, vec![rule([masked(0, thread, thread)?])?]),
        (libc::SYS_tgkill, vec![rule([is(0, own)?])?]),
        (libc::SYS_prlimit64, vec![time]),
    ])
}

fn rule<const N: usize>(conditions: [SeccompCondition; N]) -> Result<SeccompRule, Refused> {
    Ok(SeccompRule::new(conditions.into())?)
}

/// The argument is this number.
fn is(argument: u8, value: u64) -> Result<SeccompCondition, Refused> {
    let equal = SeccompCmpOp::Eq;
    Ok(SeccompCondition::new(argument, SeccompCmpArgLen::Dword, equal, value)?)
}

/// These bits of the argument are those of `value`.
fn masked(argument: u8, mask: i32, value: i32) -> Result<SeccompCondition, Refused> {
    let [mask, value] = [mask, value].map(|bits| u64::from(bits.unsigned_abs()));
    let equal = SeccompCmpOp::MaskedEq(mask);
    Ok(SeccompCondition::new(argument, SeccompCmpArgLen::Dword, equal, value)?)
}
