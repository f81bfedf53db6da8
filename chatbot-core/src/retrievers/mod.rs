//! Retrievers, and the building blocks they are composed of.
