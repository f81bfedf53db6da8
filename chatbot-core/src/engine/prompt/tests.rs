//! Prompts as models see them.
