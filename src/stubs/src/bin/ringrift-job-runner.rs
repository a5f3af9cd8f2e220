//! The main process of a job's unit.
#![no_std]
#![no_main]
ringrift_stubs::program!(c"ringrift-job-runner");
