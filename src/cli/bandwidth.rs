//! `ringrift bandwidth`: reservations, limits of hosts, measured throughput; and whether a transfer could start.
use super::out::{Out, Text, Tone};
use super::world::World;
use super::{Done, hub, text};
use crate::contract::coordinator::bandwidth::{BandwidthView, Transfer, Urgency};
use crate::contract::coordinator::method;
use crate::contract::error::{Exit, Failure};
use crate::contract::registry::Hub;
use clap::Args;
use serde_json::json;

/// Bandwidth: reservations, limits of hosts, measured throughput.
#[derive(Debug, Args)]
pub struct Bandwidth {
    /// Ask whether a transfer with this host could start now, and at which rate
    #[arg(long, value_name = "HOST")]
    can: Option<String>,
    /// Type of data to transfer
    #[arg(long, value_name = "TYPE", default_value = "models", requires = "can")]
    data: String,
    /// Priority: critical, high, normal or background
    #[arg(long, value_name = "URGENCY", default_value = "normal", requires = "can")]
    urgency: String,
    /// Size in bytes
    #[arg(long, value_name = "BYTES", requires = "can")]
    bytes: Option<u64>,
}

impl Bandwidth {
    /// Prints it.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let Some(host) = self.can else {
            let view = hub::ask(world, Hub::Coordinator)?.ask(method::Bandwidth, &json!({}))?;
            return out.either("bandwidth", &view, || tell(&view, world, out));
        };
        let wanted = self.urgency.to_lowercase();
        let urgency = Urgency::ALL.into_iter().find(|u| u.name() == wanted).ok_or_else(|| {
            let names = Urgency::ALL.map(Urgency::name).join(", ");
            Failure::new(Exit::Usage, format!("unknown urgency {wanted:?}")).hint(format!("use one of {names}"))
        })?;
        let call = Transfer { host, data_type: self.data, urgency, transfer_id: None, node: None, bytes: self.bytes };
        let answer = hub::ask(world, Hub::Coordinator)?.ask(method::CanTransfer, &call)?;
        out.either("can_transfer", &answer, || match answer.allowed {
            true => {
                let long = answer
                    .expected_seconds
                    .map(|s| format!(", about {}", text::seconds(s.ceil() as i64)))
                    .unwrap_or_default();
                format!("yes: {}{long}\n", rate(answer.kbit))
            }
            false => format!("no: {}\n", answer.reasons.join("; ")),
        })
    }
}

/// As in 250 Mbit/s.
fn rate(kbit: u64) -> String {
    match kbit {
        0..1000 => format!("{kbit} kbit/s"),
        1000..10_000 => format!("{:.1} Mbit/s", kbit as f64 / 1e3),
        10_000..1_000_000 => format!("{} Mbit/s", kbit / 1000),
        _ => format!("{:.2} Gbit/s", kbit as f64 / 1e6),
    }
}

fn tell(view: &BandwidthView, world: &World, out: &Out) -> String {
    let mut all = format!("{} of {} reserved\n", rate(view.used_kbit), rate(view.total_kbit));
    if !view.transfers.is_empty() {
        let rows = view.transfers.iter().map(|t| {
            vec![
                Text::plain(&t.transfer_id),
                Text::plain(&t.host),
                Text::plain(&t.data_type),
                Text::plain(t.urgency.name()),
                Text::number(rate(t.kbit)),
                Text::number(text::age(t.started_us.us(), world.now_us)),
                Text::plain(text::time(t.expires_us.us(), world.now_us)),
            ]
        });
        all += "\n";
        all += &out.table(&["TRANSFER", "HOST", "DATA", "URGENCY", "RATE", "FOR", "EXPIRES"], rows.collect());
    }
    if !view.hosts.is_empty() {
        let rows = view.hosts.iter().map(|h| {
            let tone = if h.used_kbit >= h.limit_kbit { Tone::Warn } else { Tone::Plain };
            vec![
                Text::new(tone, &h.host),
                Text::plain(&h.class),
                Text::number(rate(h.limit_kbit)),
                Text::number(rate(h.used_kbit)),
                Text::number(h.transfers.to_string()),
            ]
        });
        all += "\n";
        all += &out.table(&["HOST", "CLASS", "LIMIT", "RESERVED", "TRANSFERS"], rows.collect());
    }
    if !view.routes.is_empty() {
        let rows = view.routes.iter().map(|r| {
            vec![
                Text::plain(format!("{} → {}", r.node, r.host)),
                Text::plain(&r.data_type),
                Text::number(rate(r.kbit)),
                Text::number(r.transfers.to_string()),
                Text::number(text::age(r.last_us.us(), world.now_us)),
            ]
        });
        all += "\n";
        all += &out.table(&["ROUTE", "DATA", "MEASURED", "TRANSFERS", "LAST USED"], rows.collect());
    }
    all
}
