//! A disk whose power can be cut: a file system in a file, of which only what was flushed is there afterwards.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::ioctl;

use crate::{Failure, Result};

/// Room for what a drill stores; the file holds only what was written.
const BYTES: u64 = 1 << 30;
/// No kindness: nothing is written by itself for as long as a drill lasts, nor because a file was given another's name.
const OPTIONS: &str = "loop,noauto_da_alloc,commit=900";
/// How often, and after what pause, a disk that something still holds is tried again.
const TRIES: usize = 100;
const PAUSE: Duration = Duration::from_millis(20);

/// `EXT4_IOC_SHUTDOWN`: the file system does nothing more.
const SHUTDOWN: ioctl::Opcode = ioctl::opcode::read::<u32>(b'X', 125);
/// Not even its journal is written: that is what a power cut is.
const WITHOUT_JOURNAL: u32 = 2;

/// A disk, mounted until this value is dropped.
#[derive(Debug)]
pub struct Disk {
    image: PathBuf,
    place: PathBuf,
}

impl Disk {
    /// Makes a disk in this folder and mounts it there.
    ///
    /// # Errors
    /// Where that may not be done here: it takes Linux, ext4, and the rights of an administrator.
    pub fn new(folder: &Path) -> Result<Self> {
        let disk = Self { image: folder.join("disk.img"), place: folder.join("disk") };
        File::create_new(&disk.image)?.set_len(BYTES)?;
        std::fs::create_dir(&disk.place)?;
        run("mkfs.ext4", |command| command.arg("-q").arg(&disk.image))?;
        disk.mount()?;
        Ok(disk)
    }

    /// Where it is mounted.
    #[must_use]
    pub fn place(&self) -> &Path {
        &self.place
    }

    /// Cuts the power. Every write after that fails, and what was not flushed before is lost.
    ///
    /// # Errors
    /// Where the file system refuses.
    pub fn cut(&self) -> Result<()> {
        let root = File::open(&self.place)?;
        // SAFETY: the request reads one `u32`, which lives until it returns.
        #[allow(unsafe_code, reason = "no safe way leads to this request of the file system")]
        unsafe {
            ioctl::ioctl(&root, ioctl::Setter::<SHUTDOWN, u32>::new(WITHOUT_JOURNAL))?;
        }
        Ok(())
    }

    /// Gives the power back: the disk is mounted anew, and its file system repairs itself.
    ///
    /// # Errors
    /// Where something still holds it, or it cannot be mounted.
    pub fn restore(&self) -> Result<()> {
        for _ in 0..TRIES {
            if self.unmount("--").is_ok() {
                return self.mount();
            }
            std::thread::sleep(PAUSE);
        }
        self.unmount("--")?;
        self.mount()
    }

    fn mount(&self) -> Result<()> {
        run("mount", |mount| mount.args(["-o", OPTIONS]).args([&self.image, &self.place]))
    }

    fn unmount(&self, option: &str) -> Result<()> {
        run("umount", |umount| umount.arg(option).arg(&self.place))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // What still reads from it reads on; then it is gone.
        self.unmount("--lazy").ok();
    }
}

fn run(program: &str, arguments: impl FnOnce(&mut Command) -> &mut Command) -> Result<()> {
    let mut command = Command::new(program);
    let done = arguments(&mut command).output().map_err(|error| format!("{program}: {error}"))?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr);
    Err(Failure::from(format!("{program} ({}): {}", done.status, said.trim())))
}
