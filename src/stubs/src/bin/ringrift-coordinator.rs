//! The coordinator.
#![no_std]
#![no_main]
ringrift_stubs::program!(c"ringrift-coordinator");
