//! ringrift-rights(7), from the table.
use super::class::Class;
use super::table::rows;
use std::fmt::Write;

const HEAD: &str = "'\\\" t
.TH RINGRIFT\\-RIGHTS 7 \"\" \"ringrift\" \"RingRift rights\"
.SH NAME
ringrift\\-rights \\- who may do what with the RingRift suite
.SH DESCRIPTION
Every hub's socket can be connected to by every user, and so can the master on the system bus. Each call is judged by what the
kernel says of its caller (SO_PEERCRED, SO_PEERGROUPS), never by what the caller says, and by one table. A method that is not in it
is served to nobody. The caller is one of these, the first that fits:
.TP
.B root
the administrator; may do all of it.
.TP
.B suite
the users
.B ringrift
(daemons and hubs) and
.B ringrift\\-master
(the master); may do all of it, but have the master start and stop.
.TP
.B job
a process of a job: its main or a supplementary group is
.BR ringrift\\-job .
No other group makes more of it.
.TP
.B admin
a member of group
.BR ringrift\\-admin :
reads what a member reads, and controls, halts and clears.
.TP
.B member
a member of group
.BR ringrift :
reads queue, events and jobs, and publishes
.BR external.* .
.TP
.B anybody
all other local users.
.PP
The installation adds nobody to either group; use
.B adduser NAME ringrift\\-admin
and log in again.
.PP
The recorded author of an action (\"by\" of a pause, a halt or its clearing, \"requested_by\" of a job that a person submitted) is the
caller's user.
";

const TAIL: &str = ".SH FILES AND LOGS
Status files below
.I /run/ringrift
and the configuration below
.I /etc/ringrift
are world\\-readable; the configuration holds no secrets. State below
.I /var/lib/ringrift
is readable by its owner only. Logs, including those of jobs, are in the journal, readable by members of
.B systemd\\-journal
or
.BR adm .
.TP
.I /tmp/ringrift_coordination/EMERGENCY_HALT
the emergency flag of legacy scripts. Its directory belongs to root and is writable for members of
.B ringrift\\-admin
only; a flag that belongs to anybody else is logged and ignored.
.SH BUDGETS
A user in one of the groups may have at most 64 connections to a hub, every other user and each job 16. A further connection is
answered with
.B org.ringrift.TooMany
and closed.
.SH EXIT STATUS
.BR ringrift (1)
exits with 77 when a call is not permitted, and names the group that may make it.
.SH SEE ALSO
.BR ringrift (1),
.BR ringrift\\-daemons (8),
.BR ringrift\\-coordinator (8),
.BR ringrift\\-master (8),
.BR polkit (8)
";

/// The manual page.
pub fn page() -> String {
    let mut page = String::from(HEAD);
    let mut interface = "";
    for row in rows() {
        if row.interface != interface {
            if !interface.is_empty() {
                page += ".TE\n";
            }
            interface = row.interface;
            let _ = write!(page, ".SH {}\n.TS\nl c c c c c c.\nmethod", troff(interface).to_uppercase());
            Class::ALL.iter().for_each(|class| page += &format!("\t{}", class.column()));
            page += "\n_\n";
        }
        page += row.method;
        Class::ALL.iter().for_each(|class| page += if row.need.allows(*class) { "\tyes" } else { "\t\\-" });
        page.push('\n');
    }
    page += ".TE\n.SH FURTHER RULES\n";
    for row in rows().filter(|row| !row.further.is_empty()) {
        let _ = writeln!(page, ".TP\n.B {}.{}\n{}", troff(row.interface), row.method, troff(row.further));
    }
    page + TAIL
}

/// Text as troff takes it.
fn troff(text: &str) -> String {
    text.replace('\\', "\\e").replace('-', "\\-")
}
