//! The master loop: drives systemd towards the applied profile.
