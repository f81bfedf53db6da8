//! What a process and those that it started hold, as Linux tells it: memory at its peak, and connections.
//!
//! Seen from outside, by looking often: a process that lives for less than a moment may be missed, one that works is not.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::Result;

/// Time between two looks at the memory of processes that are known.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Looks between two searches for new processes and connections, which read more.
const LOOKS_PER_SEARCH: u32 = 5;
/// Where the kernel lists sockets, below a process's folder, and whether they are of connections.
const TABLES: [&str; 4] = ["net/tcp", "net/tcp6", "net/udp", "net/udp6"];
/// The state of a socket that waits for connections.
const LISTENING: &str = "0A";

/// Ticks of the times that Linux tells of a process: the same on every machine.
///
/// *Source*: `USER_HZ` of the kernel's interface.
const TICKS_PER_S: f64 = 100.0;

/// What was seen.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Seen {
    /// The most memory that one process below the watched one had, in 10⁶ bytes.
    pub peak_mb: f64,
    /// Connections to others than the watched port's clients: who they lead to.
    pub connections: BTreeSet<String>,
}

/// Watches a process and those below it until it is dropped.
#[derive(Debug)]
pub struct Watch {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    is_over: AtomicBool,
    seen: Mutex<Seen>,
    below: Mutex<BTreeSet<u32>>,
}

impl Watch {
    /// Watches the process `id`, which listens on `port`.
    #[must_use]
    pub fn start(id: u32, port: u16) -> Self {
        let shared = Arc::new(Shared::default());
        let watched = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            let (mut sockets, mut n_looks) = (HashSet::new(), 0_u32);
            while !watched.is_over.load(Ordering::Relaxed) {
                if n_looks.is_multiple_of(LOOKS_PER_SEARCH) {
                    watched.search(id, port, &mut sockets);
                }
                watched.look();
                n_looks = n_looks.wrapping_add(1);
                std::thread::sleep(LOOK_EVERY);
            }
        });
        Self { shared, thread: Some(thread) }
    }

    /// What was seen since the last time. Peaks begin anew, where the kernel allows that.
    #[must_use]
    pub fn take(&self) -> Seen {
        self.shared.look();
        let seen = std::mem::take(&mut *locked(&self.shared.seen));
        for id in locked(&self.shared.below).iter() {
            forget_peak(*id);
        }
        seen
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic there was reported; there is nothing to add.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn look(&self) {
        let below = locked(&self.below).clone();
        let peak = below.iter().filter_map(|id| memory_mb(*id, "VmHWM:").ok());
        let peak = peak.fold(0.0, f64::max);
        let mut seen = locked(&self.seen);
        seen.peak_mb = seen.peak_mb.max(peak);
    }

    fn search(&self, id: u32, port: u16, known: &mut HashSet<String>) {
        let below = below(id, &parents());
        let all = below.iter().copied().chain([id]);
        let new: Vec<String> =
            all.flat_map(sockets).filter(|one| known.insert(one.clone())).collect();
        let found = if new.is_empty() { BTreeSet::new() } else { led_out(id, port, &new) };
        locked(&self.seen).connections.extend(found);
        *locked(&self.below) = below;
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A line of a process's status, such as `VmHWM:`, in 10⁶ bytes.
///
/// # Errors
/// Where the process is gone, or the system does not tell: only Linux does.
pub fn memory_mb(id: u32, key: &str) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(key)).ok_or("no such figure")?;
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib * 1024.0 / 1e6)
}

/// How long this thread has computed; `None` where the system does not tell. Other than a clock it stands still while others
/// compute, so that a busy machine makes nothing slow.
#[must_use]
pub fn computed() -> Option<Duration> {
    let all = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    all.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

/// What this process has computed since a moment, thread by thread: fine enough for work of a few milliseconds.
#[derive(Debug, Clone, Default)]
pub struct Computed(HashMap<OsString, u64>);

impl Computed {
    /// This moment. Empty where the system does not tell: only Linux does.
    #[must_use]
    pub fn now() -> Self {
        let Ok(threads) = std::fs::read_dir("/proc/self/task") else { return Self::default() };
        let one = |entry: std::io::Result<std::fs::DirEntry>| {
            let entry = entry.ok()?;
            let text = std::fs::read_to_string(entry.path().join("schedstat")).ok()?;
            Some((entry.file_name(), text.split_whitespace().next()?.parse().ok()?))
        };
        Self(threads.filter_map(one).collect())
    }

    /// What was computed since then. Of a thread that has ended since, nothing is known.
    #[must_use]
    pub fn since(&self) -> Duration {
        let before = |thread: &OsString| self.0.get(thread).copied().unwrap_or_default();
        let now = Self::now().0;
        Duration::from_nanos(now.iter().map(|(id, ns)| ns.saturating_sub(before(id))).sum())
    }
}

/// What a process and those below it have computed so far, in seconds; of those that ended, what their parents counted.
///
/// # Errors
/// Where the process is gone, or the system does not tell: only Linux does.
pub fn computed_s(id: u32) -> Result<f64> {
    let below = below(id, &parents());
    let others: f64 = below.iter().filter_map(|one| ticks(*one).ok()).sum();
    Ok((ticks(id)? + others) / TICKS_PER_S)
}

/// The ticks of a process, those of its ended children included.
fn ticks(id: u32) -> Result<f64> {
    /// Behind the name: user, system, and the same of children that were waited for.
    const TIMES: std::ops::Range<usize> = 11..15;
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat"))?;
    let (_, fields) = stat.rsplit_once(')').ok_or("no such figure")?;
    let times = fields.split_whitespace().take(TIMES.end).skip(TIMES.start);
    Ok(times.map(str::parse::<f64>).sum::<std::result::Result<f64, _>>()?)
}

/// Lets a process's peak begin anew at what it has now, where the kernel allows that; else peaks only rise.
pub fn forget_peak(id: u32) {
    /// Of the file's codes, the one for the peak.
    const PEAK: &str = "5";
    // Refused where the process belongs to somebody else.
    let _ = std::fs::write(format!("/proc/{id}/clear_refs"), PEAK);
}

/// Which process started which: parents by their children.
fn parents() -> BTreeMap<u32, u32> {
    let Ok(all) = std::fs::read_dir("/proc") else { return BTreeMap::new() };
    let one = |entry: std::io::Result<std::fs::DirEntry>| {
        let id: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // The name before it may hold anything, brackets too.
        let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
        Some((id, parent))
    };
    all.filter_map(one).collect()
}

/// The processes that `id` started, and those that they started.
fn below(id: u32, parents: &BTreeMap<u32, u32>) -> BTreeSet<u32> {
    let mut below = BTreeSet::new();
    loop {
        let is_new = |(child, parent): &(&u32, &u32)| {
            (**parent == id || below.contains(*parent)) && !below.contains(*child)
        };
        let more: Vec<u32> = parents.iter().filter(is_new).map(|(child, _)| *child).collect();
        if more.is_empty() {
            return below;
        }
        below.extend(more);
    }
}

/// The sockets of a process, by the kernel's numbers.
fn sockets(id: u32) -> Vec<String> {
    let Ok(all) = std::fs::read_dir(format!("/proc/{id}/fd")) else { return Vec::new() };
    let number = |entry: std::io::Result<std::fs::DirEntry>| {
        let target = std::fs::read_link(entry.ok()?.path()).ok()?;
        let number = target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
        Some(number.to_owned())
    };
    all.filter_map(number).collect()
}

/// Where those of the sockets lead that are of no client of `port`.
fn led_out(id: u32, port: u16, sockets: &[String]) -> BTreeSet<String> {
    let read = |table| std::fs::read_to_string(format!("/proc/{id}/{table}")).unwrap_or_default();
    let tables = TABLES.map(|table| (table, read(table)));
    let lines = tables.iter().flat_map(|(table, text)| text.lines().map(|line| (*table, line)));
    let by_number: HashMap<&str, (&str, Socket<'_>)> = lines
        .filter_map(|(table, line)| {
            let socket = Socket::of(line)?;
            Some((socket.number, (table, socket)))
        })
        .collect();
    let out = |number: &String| {
        let (table, socket) = by_number.get(number.as_str())?;
        let is_client = socket.state == LISTENING || socket.port() == Some(port);
        let is_udp = table.contains("udp");
        (is_udp || !is_client).then(|| format!("{table} {}", plain(socket.remote)))
    };
    sockets.iter().filter_map(out).collect()
}

/// A line of a table of sockets.
#[derive(Debug, Clone, Copy)]
struct Socket<'t> {
    local: &'t str,
    remote: &'t str,
    state: &'t str,
    number: &'t str,
}

impl<'t> Socket<'t> {
    fn of(line: &'t str) -> Option<Self> {
        let mut fields = line.split_whitespace().skip(1);
        let (local, remote, state) = (fields.next()?, fields.next()?, fields.next()?);
        Some(Self { local, remote, state, number: fields.nth(5)? })
    }

    fn port(&self) -> Option<u16> {
        u16::from_str_radix(self.local.rsplit_once(':')?.1, 16).ok()
    }
}

/// An address as people read it, where it is one of four bytes.
fn plain(address: &str) -> String {
    let readable = || {
        let (host, port) = address.split_once(':')?;
        let host = (host.len() == 8).then(|| u32::from_str_radix(host, 16).ok()).flatten()?;
        Some(format!(
            "{}:{}",
            Ipv4Addr::from(host.swap_bytes()),
            u16::from_str_radix(port, 16).ok()?
        ))
    };
    readable().unwrap_or_else(|| address.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_table_says_where_a_socket_leads() {
        let line = "   0: 0100007F:1F90 0A00000A:0035 01 00000000:00000000 00:00000000 00000000  1000        0 54321 1 x";
        let socket = Socket::of(line).unwrap();
        assert_eq!((socket.port(), socket.state, socket.number), (Some(8080), "01", "54321"));
        assert_eq!(plain(socket.remote), "10.0.0.10:53");
        let header = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
        assert!(Socket::of(header).is_none_or(|socket| socket.port().is_none()));
    }

    #[test]
    fn whatever_was_started_by_what_was_started_is_below() {
        let parents = [(2, 1), (3, 2), (4, 3), (5, 1), (6, 9)].into_iter().collect();
        assert_eq!(below(2, &parents), [3, 4].into());
        assert!(below(6, &parents).is_empty());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_connection_of_ones_own_is_seen() {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let to = listener.local_addr().unwrap();
        let _connection = std::net::TcpStream::connect(to).unwrap();
        let id = std::process::id();
        let out = led_out(id, to.port(), &sockets(id));
        assert!(out.contains(&format!("net/tcp {to}")), "{out:?}");
        assert!(memory_mb(id, "VmHWM:").unwrap() > 0.0);
        assert!(computed().is_some());
        assert!(Computed::default().since() > Computed::now().since());
        assert!(computed_s(id).unwrap() >= 0.0 && computed_s(u32::MAX).is_err());
    }
}
