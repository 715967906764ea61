//! What is wanted: the requests of one turn.

use std::fmt;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use clap::ValueEnum;
use domain::calendar::day_in_china;
use serde_json::{Value as Json, json};

use super::cast::{Cast, Family, Tokens};
use super::wire::Wire;
use crate::demo::sign_ins::PASSWORD;

/// One thing that people want of Muzi, over and over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Scenario {
    /// A family opens its timeline: a page of 50
    TimelineFamily,
    /// A clinician of the managing institution opens it
    TimelineClinician,
    /// A family writes a blood pressure
    Entry,
    /// A family shows a code, a clinician scans it and attaches a result: three requests
    ScanAndAttach,
    /// An administrator of the province looks at the usage rate of this year
    Usage,
    /// A family signs in with WeChat
    SignInFamily,
    /// A clinician signs in with a password
    SignInStaff,
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.to_possible_value().as_ref().map_or("", |value| value.get_name()))
    }
}

impl Scenario {
    /// Every one.
    pub const ALL: [Self; 7] = [
        Self::TimelineFamily,
        Self::TimelineClinician,
        Self::Entry,
        Self::ScanAndAttach,
        Self::Usage,
        Self::SignInFamily,
        Self::SignInStaff,
    ];

    /// Plays one turn.
    pub(super) async fn play(
        self,
        wire: &mut Wire,
        cast: &Cast,
        tokens: &Tokens,
        turn: usize,
    ) -> anyhow::Result<()> {
        let (family, token) = (cast.family(turn)?, tokens.family(turn));
        match self {
            Self::TimelineFamily => read_timeline(wire, family, token).await,
            Self::TimelineClinician => read_timeline(wire, family, &tokens.clinician).await,
            Self::Entry => {
                let path = format!("/api/v1/handbooks/{}/entries", family.handbook);
                wire.post(&path, token, &blood_pressure(turn)).await.map(drop)
            }
            Self::ScanAndAttach => scan_and_attach(wire, family, token, &tokens.clinician).await,
            Self::Usage => wire.get(&usage(), &tokens.province).await.map(drop),
            Self::SignInFamily => {
                let code = json!({ "code": format!("demo-{}", family.wechat) });
                wire.post("/api/v1/sign-in/wechat", "", &code).await.map(drop)
            }
            Self::SignInStaff => {
                let who = json!({ "user_name": "demo.clinician", "password": PASSWORD });
                wire.post("/api/v1/sign-in/staff", "", &who).await.map(drop)
            }
        }
    }
}

async fn read_timeline(wire: &mut Wire, family: &Family, token: &str) -> anyhow::Result<()> {
    wire.get(&format!("/api/v1/handbooks/{}/records?limit=50", family.handbook), token).await.map(drop)
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Never a danger sign: what that costs beside is another question.
fn blood_pressure(turn: usize) -> Json {
    json!({ "kind": "blood_pressure", "subject": "woman", "payload": {
        "measured_at": instant(Utc::now()), "systolic": 105 + turn % 20, "diastolic": 65 + turn % 15 } })
}

async fn scan_and_attach(
    wire: &mut Wire,
    family: &Family,
    token: &str,
    clinician: &str,
) -> anyhow::Result<()> {
    let handbook = family.handbook;
    let code = wire.post(&format!("/api/v1/handbooks/{handbook}/code"), token, &json!({})).await?;
    let url = code.get("url").cloned().unwrap_or_default();
    wire.post("/api/v1/visits", clinician, &json!({ "code": url })).await?;
    let now = Utc::now();
    let result = json!({ "kind": "laboratory_result", "subject": "woman", "occurred_on": day_in_china(now).to_string(),
        "payload": { "sampled_at": instant(now), "specimen": ["blood"], "origin": "here", "hemoglobin": 118 } });
    wire.post(&format!("/api/v1/handbooks/{handbook}/checkups"), clinician, &result).await.map(drop)
}

/// The twelve months that end with this one.
fn usage() -> String {
    let month = |at: DateTime<Utc>| day_in_china(at).format("%Y-%m").to_string();
    let now = Utc::now();
    format!("/api/v1/usage?from={}&to={}", month(now - TimeDelta::days(334)), month(now))
}
