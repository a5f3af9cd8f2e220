//! The ringrift suite as one library.
