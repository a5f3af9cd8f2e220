//! The master loop.
#![no_std]
#![no_main]
ringrift_stubs::program!(c"ringrift-master");
