use chatbot_core::types::BlobHash;

use super::*;

const NOW: fn() -> Instant = Instant::now;

fn stamp(size: u64) -> Stamp {
    // Written in the future: by the clock, it does not stand still.
    written(size, SystemTime::now() + Duration::from_secs(3600))
}

fn written(size: u64, modified: SystemTime) -> Stamp {
    let metadata = std::fs::metadata(std::env::temp_dir()).unwrap();
    let mut stamp = Stamp::of(&metadata);
    (stamp.size, stamp.modified) = (size, Some(modified));
    stamp
}

fn walked(files: &[(&str, Stamp)]) -> Walked {
    let files = files.iter().map(|(path, stamp)| (PathBuf::from(path), *stamp)).collect();
    Walked { files, unreadable: Vec::new() }
}

fn kept(text: &str) -> Kept {
    Kept {
        id: DocumentId::new(),
        hash: BlobHash::of(text.as_bytes()),
        size: text.len() as u64,
        gave_up: false,
        ours: true,
    }
}

/// A register of files that were read when they looked like this.
fn register(files: &[(&str, Stamp, Kept)]) -> Register {
    let mut register = Register::default();
    for (path, stamp, kept) in files {
        register.read(Path::new(path), *stamp, Some(*kept));
    }
    register
}

fn paths(ready: &[Ready]) -> Vec<&str> {
    ready.iter().map(|ready| ready.path.to_str().unwrap()).collect()
}

#[test]
fn a_file_is_read_once_it_stands_still() {
    let (mut register, now) = (Register::default(), NOW());
    let (half, whole) = (stamp(10), stamp(20));
    assert!(register.look(&walked(&[("/f/a", half)]), now, true).is_empty());
    assert_eq!(register.due(), Some(now + STILL));
    let later = now + STILL;
    assert!(register.look(&walked(&[("/f/a", whole)]), later, false).is_empty(), "it grew");
    assert!(register.look(&walked(&[("/f/a", whole)]), later + STILL / 2, false).is_empty());
    assert_eq!(register.due_paths(later + STILL).collect::<Vec<_>>(), [Path::new("/f/a")]);
    let ready = register.look(&walked(&[("/f/a", whole)]), later + STILL, false);
    assert_eq!(paths(&ready), ["/f/a"]);
    register.read(Path::new("/f/a"), whole, Some(kept("a")));
    assert!(register.look(&walked(&[("/f/a", whole)]), later + STILL, false).is_empty());
    assert_eq!(register.due(), None);
}

#[test]
fn what_was_written_long_ago_need_not_wait_at_the_start() {
    let old = written(1, SystemTime::UNIX_EPOCH);
    let files = walked(&[("/f/old", old), ("/f/new", stamp(1))]);
    assert_eq!(paths(&Register::default().look(&files, NOW(), true)), ["/f/old"]);
    assert!(Register::default().look(&files, NOW(), false).is_empty());
}

#[test]
fn a_file_that_is_gone_is_deleted_after_a_while_unless_it_comes_back() {
    let (now, there) = (NOW(), stamp(1));
    let mut register = register(&[("/f/a", there, kept("a")), ("/f/b", there, kept("b"))]);
    let look = walked(&[("/f/b", there)]);
    let unseen = register.unseen(&look, &Scope::All);
    assert_eq!(unseen.len(), 1);
    assert_eq!((unseen[0].source.as_str(), unseen[0].device), ("/f/a", Some(there.device)));
    register.miss(["/f/a".to_owned()], now);
    register.miss(["/f/a".to_owned()], now + GRACE / 2);
    assert!(register.overdue(now + GRACE / 2).is_empty());
    assert_eq!(register.due(), Some(now + GRACE));
    assert_eq!(register.overdue(now + GRACE).len(), 1);
    register.look(&walked(&[("/f/a", there)]), now + GRACE, false);
    assert!(register.overdue(now + GRACE).is_empty(), "it is back");
    register.miss(["/f/a".to_owned()], now);
    register.forget("/f/a");
    assert_eq!((register.len(), register.due()), (1, None));
}

#[test]
fn only_what_was_looked_at_can_be_missing() {
    let there = stamp(1);
    let files = ["/f/a", "/f/a.txt", "/f/a/x", "/f/a/y/z", "/f/b"];
    let register_of = || register(&files.map(|path| (path, there, kept(path))));
    let missing = |scope: &[&str], look: &Walked| {
        let scope = Scope::Below(scope.iter().map(PathBuf::from).collect());
        let unseen = register_of().unseen(look, &scope);
        unseen.into_iter().map(|unseen| unseen.source).collect::<Vec<_>>()
    };
    assert_eq!(missing(&["/f/a"], &walked(&[])), ["/f/a", "/f/a/x", "/f/a/y/z"]);
    assert_eq!(missing(&["/f/a/x", "/f/b"], &walked(&[("/f/b", there)])), ["/f/a/x"]);
    let closed = (PathBuf::from("/f/a/y"), chatbot_core::Error::invalid("closed"));
    let look = Walked { unreadable: vec![closed], ..walked(&[]) };
    assert_eq!(missing(&["/f/a"], &look), ["/f/a", "/f/a/x"], "what is behind may be there");
}

#[test]
fn a_file_that_moved_is_known_by_its_bytes() {
    let there = stamp(1);
    let others = Kept { ours: false, ..kept("other") };
    let mut register = register(&[
        ("/f/a", there, kept("same")),
        ("/f/x/b", there, kept("same")),
        ("/f/c", there, kept("else")),
        ("/f/d", there, others),
    ]);
    register.miss(["/f/a", "/f/x/b", "/f/d"].map(str::to_owned), NOW());
    let mut movers = register.movers();
    assert!(movers.may_hold(4) && !movers.may_hold(7));
    let hash = |text: &str| BlobHash::of(text.as_bytes());
    assert!(movers.take(hash("else"), Path::new("/f/y")).is_none(), "that one is still there");
    assert!(movers.take(hash("other"), Path::new("/f/y")).is_none(), "not from this folder");
    let source = |taken: Option<(String, Kept)>| taken.map(|(source, _)| source);
    assert_eq!(source(movers.take(hash("same"), Path::new("/f/y/b"))).as_deref(), Some("/f/x/b"));
    assert_eq!(source(movers.take(hash("same"), Path::new("/f/y/c"))).as_deref(), Some("/f/a"));
    assert!(movers.take(hash("same"), Path::new("/f/y/d")).is_none());
}
