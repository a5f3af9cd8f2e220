//! Keeps the count of starts honest; systemd runs it around the starts and stops of the suite.
#![no_std]
#![no_main]
ringrift_stubs::program!(c"ringrift-starts");
