//! History policies and token counters: what of a conversation fits a prompt.
