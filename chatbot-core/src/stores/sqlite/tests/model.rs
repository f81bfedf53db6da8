//! Who may write what, explored to the end: two workers and one document, and an answer whose writer may be slow.
//!
//! The models say what a lease allows; a checker goes through every state that they can reach. They are tied to the
//! store: each state's path is played on a real one, which must answer as the model does and end in the same state, and
//! in each state whoever lost its lease tries every write there is.

mod jobs;
mod turns;
