//! The OnFailure= handler.
#![no_std]
#![no_main]
ringrift_stubs::program!(c"ringrift-failure");
