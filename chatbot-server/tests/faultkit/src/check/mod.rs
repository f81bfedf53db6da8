//! Whether the server kept what it had promised: by what it answers, and by what lies in its folder.

pub mod answers;
pub mod folder;
pub mod store;
