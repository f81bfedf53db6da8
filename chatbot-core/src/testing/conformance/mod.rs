//! One suite per trait: call it with your implementation.
