//! Bandwidth as `org.ringrift.Coordinator` grants it: may a transfer begin, how fast, and what it measured.
use crate::contract::ids::NodeId;
use crate::contract::reason::ReasonCode;
use crate::contract::time::Wall;
use serde::{Deserialize, Serialize};

/// How much of a host's bandwidth a transfer may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Urgency {
    /// All of it.
    Critical,
    /// Half.
    High,
    /// A quarter.
    #[default]
    Normal,
    /// A tenth.
    Background,
}

impl Urgency {
    /// All of them.
    pub const ALL: [Urgency; 4] = [Urgency::Critical, Urgency::High, Urgency::Normal, Urgency::Background];
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Urgency::Critical => "critical",
            Urgency::High => "high",
            Urgency::Normal => "normal",
            Urgency::Background => "background",
        }
    }
}

/// Arguments of CanTransfer and StartTransfer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    /// The other end.
    pub host: String,
    /// What is moved: games, training, models.
    pub data_type: String,
    /// How urgent it is.
    #[serde(default)]
    pub urgency: Urgency,
    /// Names the transfer; the same id again returns the grant that it has. StartTransfer makes one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfer_id: Option<String>,
    /// From where; the coordinator's own node when absent. With host and data type it is the route that is measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeId>,
    /// How much, bytes, if known: tells how long it will take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

/// A rate in each program's own option.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateOptions {
    /// `rsync --bwlimit=…`
    pub rsync: String,
    /// `aria2c --max-download-limit=…`
    pub aria2c: String,
    /// `s3.max_bandwidth` of the AWS command line.
    pub s3: String,
}

/// Result of CanTransfer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CanTransfer {
    /// Whether StartTransfer would grant it now.
    pub allowed: bool,
    /// The rate that it would get, kilobits a second.
    pub kbit: u64,
    /// Every reason against.
    pub reasons: Vec<String>,
    /// What kind each reason is, in their order.
    #[serde(default)]
    pub codes: Vec<ReasonCode>,
    /// How long it would take at the rate, or at what the route was measured to carry if that is less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_seconds: Option<f64>,
}

/// Result of StartTransfer: a rate that is reserved until EndTransfer, or until it expires.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TransferGrant {
    /// Names it in EndTransfer.
    pub transfer_id: String,
    /// Kilobits a second.
    pub kbit: u64,
    /// The same for the programs that move files.
    pub options: RateOptions,
    /// When the reservation ends by itself, microseconds since 1970.
    pub expires_us: Wall,
}

/// Arguments of EndTransfer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndTransfer {
    /// The grant's.
    pub transfer_id: String,
    /// Bytes that were moved; 0 measures nothing.
    #[serde(default)]
    pub bytes: u64,
    /// Seconds that it took; since the grant when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
}

/// Result of EndTransfer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TransferEnded {
    /// False when it had ended or expired already.
    pub accepted: bool,
    /// What was measured, kilobits a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured_kbit: Option<u64>,
}

/// A transfer that runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TransferView {
    /// Its id.
    pub transfer_id: String,
    /// The other end.
    pub host: String,
    /// From where.
    pub node: String,
    /// What is moved.
    pub data_type: String,
    /// How urgent.
    pub urgency: Urgency,
    /// Kilobits a second.
    pub kbit: u64,
    /// Since when, microseconds since 1970.
    pub started_us: Wall,
    /// Until when at the latest.
    pub expires_us: Wall,
}

/// A host and what is known of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostView {
    /// The host.
    pub host: String,
    /// What it may take, kilobits a second.
    pub limit_kbit: u64,
    /// The class that says so.
    pub class: String,
    /// Reserved now.
    pub used_kbit: u64,
    /// Transfers now.
    pub transfers: u32,
}

/// What a route was measured to carry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RouteView {
    /// From where.
    pub node: String,
    /// The other end.
    pub host: String,
    /// What was moved.
    pub data_type: String,
    /// The median of the last transfers, kilobits a second.
    pub kbit: u64,
    /// How many.
    pub transfers: u32,
    /// The last one, microseconds since 1970.
    pub last_us: Wall,
}

/// Result of Bandwidth.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct BandwidthView {
    /// In all, kilobits a second.
    pub total_kbit: u64,
    /// Reserved now.
    pub used_kbit: u64,
    /// Transfers now, oldest first.
    pub transfers: Vec<TransferView>,
    /// Hosts with transfers or measurements.
    pub hosts: Vec<HostView>,
    /// Routes that were measured.
    pub routes: Vec<RouteView>,
}
