//! The examples are the files beside this folder; this crate only holds the code of the project's documentation, so
//! that the tests compile and run it.

/// The README's code.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;

/// The guide's code.
#[cfg(doctest)]
pub mod guide {
    #[doc = include_str!("../../docs/guide/src/quick-start.md")]
    pub struct QuickStart;
    #[doc = include_str!("../../docs/guide/src/documents.md")]
    pub struct Documents;
    #[doc = include_str!("../../docs/guide/src/asking.md")]
    pub struct Asking;
    #[doc = include_str!("../../docs/guide/src/tools-and-guards.md")]
    pub struct ToolsAndGuards;
    #[doc = include_str!("../../docs/guide/src/configuration.md")]
    pub struct Configuration;
    #[doc = include_str!("../../docs/guide/src/extending.md")]
    pub struct Extending;
}
