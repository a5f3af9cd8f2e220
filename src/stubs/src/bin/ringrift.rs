//! The command line.
#![no_std]
#![no_main]
ringrift_stubs::program!(c"ringrift");
