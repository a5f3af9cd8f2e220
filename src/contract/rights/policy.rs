//! The policy of the system bus for the master's methods, from the table.
use super::class::Need;
use super::table::rows;
use crate::contract::master::{BUS_NAME, INTERFACE};
use std::fmt::Write;

/// Interfaces that D-Bus itself defines; the master has properties for everybody to read and none to set.
const STANDARD: [&str; 3] =
    ["org.freedesktop.DBus.Introspectable", "org.freedesktop.DBus.Peer", "org.freedesktop.DBus.Properties"];

/// `org.ringrift.Master1.conf`.
pub fn policy() -> String {
    let mut text = String::from(
        "<?xml version=\"1.0\"?>\n\
         <!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN\"\n  \
         \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n\
         <!-- Generated from the table of rights, see ringrift-rights(7). -->\n<busconfig>\n",
    );
    text += "  <!-- Only the master's own user may own the name. -->\n  <policy user=\"ringrift-master\">\n";
    let _ =
        writeln!(text, "    <allow own=\"{BUS_NAME}\"/>\n    <allow send_destination=\"{BUS_NAME}\"/>\n  </policy>");
    text += "  <!-- Everybody may call these methods; the master asks polkit before it changes anything. -->\n  \
        <policy context=\"default\">\n";
    for interface in STANDARD {
        let _ = writeln!(text, "    <allow send_destination=\"{BUS_NAME}\" send_interface=\"{interface}\"/>");
    }
    members(&mut text, &[Need::Nothing, Need::Command]);
    text += "  </policy>\n";
    for who in ["group=\"ringrift\"", "group=\"ringrift-admin\"", "user=\"ringrift\"", "user=\"root\""] {
        let _ = writeln!(text, "  <policy {who}>");
        members(&mut text, &[Need::Reader]);
        text += "  </policy>\n";
    }
    text + "</busconfig>\n"
}

fn members(text: &mut String, needs: &[Need]) {
    for row in rows().filter(|row| row.interface == INTERFACE && needs.contains(&row.need)) {
        let _ = writeln!(
            text,
            "    <allow send_destination=\"{BUS_NAME}\" send_interface=\"{INTERFACE}\" send_member=\"{}\"/>",
            row.method
        );
    }
}
