//! The job-runner with small workloads.
