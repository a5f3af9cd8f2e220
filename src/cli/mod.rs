//! The command `ringrift`: one verb, one file.
