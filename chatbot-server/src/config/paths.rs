//! Where things are kept when nobody says where.

use std::env;
use std::path::PathBuf;

/// The platform's folder for the data of programs; the current folder where the platform names none.
#[must_use]
pub fn default_data_dir() -> PathBuf {
    let folder =
        |variable: &str| env::var_os(variable).map(PathBuf::from).filter(|p| p.is_absolute());
    let home = || folder("HOME");
    let base = if cfg!(target_os = "macos") {
        home().map(|home| home.join("Library/Application Support"))
    } else if cfg!(windows) {
        folder("LOCALAPPDATA")
    } else {
        folder("XDG_DATA_HOME").or_else(|| home().map(|home| home.join(".local/share")))
    };
    base.map_or_else(|| PathBuf::from("chatbot-data"), |base| base.join("chatbot"))
}
