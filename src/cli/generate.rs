//! `ringrift generate`: manual pages and completions, from the one definition of the command line; and the daemons'
//! page.
use super::out::{Done, Out};
use crate::contract::error::{Exit, Failure};
use crate::contract::problem;
use crate::contract::registry::{PROCESSES, Setting, all};
use crate::contract::rights;
use clap::Subcommand;
use clap_complete::env::Shells;
use std::path::{Path, PathBuf};

/// Manual pages and completions, for packaging.
#[derive(Debug, Subcommand)]
pub enum Generate {
    /// Write manual pages to a directory
    Man {
        /// The directory
        dir: PathBuf,
    },
    /// Write completions for bash, zsh and fish to a directory
    Completions {
        /// The directory
        dir: PathBuf,
    },
}

impl Generate {
    /// Runs the verb; `surface` is the command line that it describes.
    pub fn run(self, surface: clap::Command, _out: &Out) -> Done {
        match self {
            Generate::Man { dir } => {
                clap_mangen::generate_to(surface.disable_help_subcommand(true), &dir).map_err(|e| failed(&dir, e))?;
                let page = dir.join("ringrift-daemons.8");
                std::fs::write(&page, daemons_page()).map_err(|e| failed(&page, e))?;
                let page = dir.join("ringrift-problems.7");
                std::fs::write(&page, problem::page()).map_err(|e| failed(&page, e))?;
                let page = dir.join("ringrift-rights.7");
                std::fs::write(&page, rights::page()).map_err(|e| failed(&page, e))?;
            }
            Generate::Completions { dir } => {
                for (shell, name) in [("bash", "ringrift.bash"), ("zsh", "_ringrift"), ("fish", "ringrift.fish")] {
                    let path = dir.join(name);
                    let shells = Shells::builtins();
                    let completer = shells.completer(shell).expect("one of the three that it knows");
                    let mut script = Vec::new();
                    completer
                        .write_registration("COMPLETE", "ringrift", "ringrift", "ringrift", &mut script)
                        .map_err(|e| failed(&path, e))?;
                    std::fs::write(&path, script).map_err(|e| failed(&path, e))?;
                }
            }
        }
        Ok(Exit::Ok)
    }
}

fn failed(path: &Path, error: std::io::Error) -> Failure {
    Failure::new(Exit::Failure, format!("writing to {}", path.display()))
        .caused_by(error)
        .hint("create the directory first")
}

/// Text as troff takes it.
fn troff(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

/// A setting below its daemon: key, meaning, default.
fn setting_lines(daemon: &str, setting: &Setting) -> String {
    let key = troff(&format!("daemons.{daemon}.{}", setting.key));
    format!(
        ".RS\n.TP\n.I {key}\n{} Default {}.\n.RE\n",
        troff(&setting.describe()),
        troff(&setting.kind.default_text())
    )
}

/// ringrift-daemons(8): one line a daemon, from the registry.
pub fn daemons_page() -> String {
    let mut page = String::from(
        ".TH RINGRIFT\\-DAEMONS 8 \"\" \"ringrift\" \"RingRift daemons\"\n.SH NAME\nringrift\\-daemons \\- the \
            daemons of the RingRift suite\n",
    );
    page += ".SH DESCRIPTION\nEach daemon is a service of systemd. Start the suite with\n.B systemctl start ringrift\\-master.target\n\
             and inspect it with\n.BR \"ringrift status\" ;\n.BR \"ringrift daemon\" (1)\nstarts, stops and pauses \
             single daemons.\n";
    page += ".SH HUBS AND HELPERS\n";
    for p in PROCESSES {
        page += &format!(".TP\n.B {}\n{}.\n", troff(p.binary), troff(p.purpose));
    }
    page += ".SH DAEMONS\n";
    for s in all().filter(|s| s.is_built()) {
        let needs: Vec<&str> = s.depends_on.iter().map(|d| d.name()).collect();
        let after = if needs.is_empty() { String::new() } else { format!(" After {}.", needs.join(", ")) };
        let unit = s.daemon.unit();
        page += &format!(".TP\n.B {}\n{}. Unit {}.{}\n", troff(s.name), troff(s.purpose), troff(&unit), troff(&after));
        page += &s.settings.iter().map(|setting| setting_lines(&s.daemon.snake(), setting)).collect::<String>();
    }
    page += ".SH PLANNED DAEMONS AND ALIASES\nPlanned daemons are not built yet; aliases are other names of a daemon. \
        See\n.BR \"ringrift registry list\" .\n.PP\n";
    let others: Vec<String> = all().filter(|s| !s.is_built()).map(|s| troff(s.name)).collect();
    page += &format!("{}.\n", others.join(", "));
    let ends =
        [Exit::Ok, Exit::Failure, Exit::BadData, Exit::Unavailable, Exit::TempFail, Exit::NotPermitted, Exit::Config];
    let ends = ends.map(|exit| format!("{} {}", exit as u8, exit.words().0)).join(", ");
    page += &format!(".SH EXIT STATUS\n{}.\nsystemd does not restart on 65, 77 and 78.\n", troff(&ends));
    page += ".SH FILES\n.TP\n.I /etc/ringrift/unified_loop.yaml\nthe configuration\n.TP\n.I /etc/ringrift/environment\nvariables that every unit reads\n\
             .TP\n.I /run/ringrift\nsockets, status and control files\n.TP\n.I /var/lib/ringrift\nall state\n";
    page + ".SH SEE ALSO\n.BR ringrift (1),\n.BR ringrift\\-master (8),\n.BR ringrift\\-coordinator (8),\n.BR \
        ringrift\\-workload (7),\n.BR systemctl (1),\n.BR journalctl (1)\n"
}
