//! Where things are.

use std::path::{Path, PathBuf};

/// The folders of this checkout.
pub(crate) struct Project {
    /// The workspace's root.
    pub(crate) root: PathBuf,
    /// Where cargo builds, shared with the packages that tests make.
    pub(crate) target: PathBuf,
}

impl Project {
    /// Finds the checkout that this program was started in, and the target directory that it was built in.
    pub(crate) fn find() -> Result<Self, String> {
        let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
            .ok_or("Start this as `cargo xtask`, inside the checkout.")?;
        let root = Path::new(&manifest).parent().ok_or("The checkout has no root.")?.to_path_buf();
        let this = std::env::current_exe().map_err(|error| format!("no path to xtask: {error}"))?;
        let target = this.ancestors().nth(2).ok_or("xtask is not in a target directory.")?;
        Ok(Self { root, target: target.to_path_buf() })
    }

    /// The web page's folder.
    pub(crate) fn web(&self) -> PathBuf {
        self.root.join("chatbot-server").join("web")
    }

    /// A program of this workspace, as `profile` built it.
    pub(crate) fn program(&self, profile: &str, name: &str) -> PathBuf {
        self.target.join(profile).join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
    }

    /// The public evaluation sets, where they are.
    pub(crate) fn eval_data(&self) -> Result<PathBuf, String> {
        let data = std::env::var_os("CHATBOT_EVAL_DATA")
            .map_or_else(|| self.root.join("../shared/data"), PathBuf::from);
        if data.join("retrieval").is_dir() {
            return Ok(data);
        }
        Err("no evaluation data; CHATBOT_EVAL_DATA names its folder".to_owned())
    }
}
