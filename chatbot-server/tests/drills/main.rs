//! The drills at a size for every change: the program itself is killed at any moment, and at each moment that has a name.
//!
//! A drill that fails prints the seeds of the lives in which it did; `CHATBOT_DRILL_SEED` plays one again, and
//! `CHATBOT_DRILL_KILLS` says how many kills there are in all.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a drill that cannot be run has failed, and one that has failed says with which seed"
)]

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chatbot_core::Context;
use chatbot_core::blobs::FolderBlobs;
use chatbot_core::traits::{BlobStore as _, once};
use chatbot_faultkit::disk::Disk;
use chatbot_faultkit::life::{Ending, Options};
use chatbot_faultkit::points::Group;
use chatbot_faultkit::report::Report;
use chatbot_faultkit::{kills, points};

/// Kills in all, unless the environment says something else. Each takes about a second of one core in a build that is not
/// optimised: a quarter of the time of all tests.
const N_KILLS: u64 = 500;
/// Tests that share them.
const N_SHARES: u64 = 4;
/// Power cuts, where they may be made.
const N_POWER_CUTS: u64 = 20;
/// What a process may take to be ready again, in a build that is not optimised and on a machine that others use as well.
const READY_WITHIN: Duration = Duration::from_secs(30);

fn options() -> Options {
    let server = env!("CARGO_BIN_EXE_chatbot").into();
    Options { server, ready_within: READY_WITHIN, ending: Ending::Kill }
}

fn said(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn seed() -> u64 {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    let seed = said("CHATBOT_DRILL_SEED").unwrap_or_else(|| u64::try_from(now()).unwrap());
    println!("CHATBOT_DRILL_SEED={seed}");
    seed
}

#[track_caller]
fn holds(report: &Report) {
    println!("{report}");
    let broken: Vec<String> = report
        .violations
        .iter()
        .map(|one| format!("{:?}, CHATBOT_DRILL_SEED={}: {}", one.kind, one.seed, one.what))
        .collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

async fn kill_a_share() {
    let n_kills = said("CHATBOT_DRILL_KILLS").unwrap_or(N_KILLS).div_ceil(N_SHARES);
    let report = kills::run(&options(), (seed(), n_kills, 1), |_| ()).await;
    assert_eq!(report.n_kills, n_kills);
    assert!(report.n_acknowledged > 0 || n_kills < 10, "nothing was acknowledged: {report}");
    holds(&report);
}

#[tokio::test]
async fn nothing_is_lost_when_it_is_killed_first_share() {
    kill_a_share().await;
}

#[tokio::test]
async fn nothing_is_lost_when_it_is_killed_second_share() {
    kill_a_share().await;
}

#[tokio::test]
async fn nothing_is_lost_when_it_is_killed_third_share() {
    kill_a_share().await;
}

#[tokio::test]
async fn nothing_is_lost_when_it_is_killed_fourth_share() {
    kill_a_share().await;
}

fn disk(folder: &Path) -> Option<Disk> {
    let disk = Disk::new(folder);
    disk.inspect_err(|why| println!("skipped: no disk whose power may be cut: {why}")).ok()
}

#[tokio::test]
async fn nothing_is_lost_when_the_power_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    if disk(folder.path()).is_none() {
        return;
    }
    let options = Options { ending: Ending::PowerCut, ..options() };
    let report = kills::run(&options, (seed(), N_POWER_CUTS, 1), |_| ()).await;
    assert_eq!(report.n_kills, N_POWER_CUTS);
    holds(&report);
}

#[tokio::test]
async fn an_original_outlives_a_power_cut() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = disk(folder.path()) else { return };
    let ctx = Context::local();
    let open = async || FolderBlobs::open(disk.place().join("blobs")).await.unwrap();
    let blobs = open().await;
    let put = async || blobs.put(&ctx, once("words"), 100).await.unwrap().hash;
    // The second time its folder is there, and flushing that one is all there is.
    blobs.delete(&ctx, put().await).await.unwrap();
    let hash = put().await;
    disk.cut().unwrap();
    disk.restore().unwrap();
    assert_eq!(open().await.get(&ctx, hash).await.unwrap(), "words");
}

/// Every point of the group is reached, and nothing is lost there.
async fn walk(group: Group) {
    let report = points::run(&options(), seed(), group).await;
    assert_eq!(report.n_kills, group.points().count() as u64);
    holds(&report);
}

#[tokio::test]
async fn it_may_die_at_each_point_of_its_start() {
    walk(Group::Start).await;
}

#[tokio::test]
async fn it_may_die_at_each_point_of_a_document() {
    walk(Group::Documents).await;
}

#[tokio::test]
async fn it_may_die_at_each_point_of_a_turn() {
    walk(Group::Turns).await;
}

#[tokio::test]
async fn it_may_die_at_each_point_of_its_upkeep() {
    walk(Group::Upkeep).await;
}

#[tokio::test]
async fn it_may_die_at_each_point_of_what_is_inside_a_document() {
    walk(Group::Inside).await;
}

#[tokio::test]
#[ignore = "embeds for minutes in a build that is not optimised: by hand, or with `drill points` and a release build"]
async fn it_may_die_at_each_point_of_a_vector() {
    walk(Group::Vectors).await;
}

#[test]
fn every_point_is_in_one_group() {
    let n_walked: usize = Group::ALL.iter().map(|group| group.points().count()).sum();
    assert_eq!(n_walked, chatbot_core::testing::CRASH_POINTS.len());
}
