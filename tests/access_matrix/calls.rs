//! How each operation is called: with ids of what is there, and a body that gets as far as the question of scope.
//!
//! An empty body and a stale `If-Match` pass the guard and then change nothing. Where the scope hangs on the body, or an
//! operation takes none, it is called in earnest, on something made for this one call.

use domain::access::Role;
use domain::id::{HandbookId, VisitId};
use domain::institution::AgencyClass;
use domain::member::{MemberRelation, MemberRole};
use domain::place::RegionLevel;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use uuid::Uuid;

use super::callers::{Caller, Cast, Subject, delegation, invitation};
use crate::photos::upload_picture;
use crate::support::people::{TOWN, VILLAGE};
use crate::support::{Answer, COUNTY, World, send};

/// Calls an operation as a caller, signed in anew: an operation may end the session.
pub async fn call(world: &World, cast: &Cast, caller: &Caller, method: &str, path: &str) -> Answer {
    let client = match caller.holder {
        Some(holder) => world.signed_in(holder).await,
        None => world.anybody(),
    };
    let address = address(world, cast, caller, method, path).await;
    let method: Method = method.parse().unwrap();
    let request = client
        .request(method.clone(), &address)
        .header("idempotency-key", Uuid::now_v7().to_string())
        .header("if-match", "\"9999\"");
    if path == "/api/v1/live" {
        return opening(request).await;
    }
    send(with_body(request, cast, caller, &method, path)).await
}

/// The answer of a stream, which has no end to wait for.
async fn opening(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    Answer { status: response.status(), headers: response.headers().clone(), bytes: Vec::new() }
}

async fn address(world: &World, cast: &Cast, caller: &Caller, method: &str, path: &str) -> String {
    let mut address = path.to_owned();
    while let Some(at) = address.find('{') {
        let end = address[at..].find('}').unwrap() + at;
        let value = id(world, cast, caller, method, path, &address[at + 1..end]).await;
        address.replace_range(at..=end, &value);
    }
    match path {
        "/api/v1/live" => ticket(world, cast).await,
        "/api/v1/usage" | "/api/v1/usage/days" => format!("{address}?region={TOWN}&level=town"),
        "/api/v1/children/{child}/growth-chart.svg" | "/api/v1/children/{child}/growth-chart.png" => {
            format!("{address}?measure=weight_for_age")
        }
        "/api/v1/handbooks/{handbook}/pregnancies/{pregnancy}/chart.svg"
        | "/api/v1/handbooks/{handbook}/pregnancies/{pregnancy}/chart.png" => {
            format!("{address}?measure=blood_pressure")
        }
        "/api/v1/targets" => format!("{address}?region={TOWN}&level=town&year=2026"),
        "/api/v1/handbooks/{handbook}/changes" => format!("{address}?after=0"),
        _ => address,
    }
}

/// The address of a stream, for another relative each time: nobody follows more than a few at once.
async fn ticket(world: &World, cast: &Cast) -> String {
    let mother = &cast.ordinary.mother;
    let relative = world.relative(mother, MemberRole::Viewer, MemberRelation::Other).await.client;
    let path = format!("/api/v1/handbooks/{}/live-ticket", mother.handbook);
    relative.post(&path, json!({})).await.ok()["url"].as_str().unwrap().to_owned()
}

/// What a placeholder of an address stands for.
async fn id(world: &World, cast: &Cast, caller: &Caller, method: &str, path: &str, name: &str) -> String {
    let subject = cast.subject_of(caller);
    let handbook = subject.mother.handbook;
    match name {
        "handbook" => handbook.to_string(),
        "alert" => subject.alert.to_string(),
        "child" => subject.child.to_string(),
        "pregnancy" => subject.mother.pregnancy.to_string(),
        "record" => record(subject, path),
        "photo" if method == "DELETE" => upload_picture(&subject.mother).await.as_str().unwrap().to_owned(),
        "photo" => subject.photo.clone(),
        "member" => newcomer(world, handbook).await,
        "delegation" => {
            let doctor = world.doctor(cast.county.health_centre).await.id;
            delegation(world, &subject.mother, &cast.county, doctor).await.to_string()
        }
        "invitation" => invitation(world, &subject.mother).await.to_string(),
        "override" => subject.set_aside.to_string(),
        "export" => cast.export.to_string(),
        "visit" if path.starts_with("/api/v1/break-glass") => subject.emergency.to_string(),
        "visit" => another_visit(world, cast, handbook).await.to_string(),
        "institution" if path.ends_with("/end") => {
            let classes = [AgencyClass::Other];
            world.institution("船山区某门诊部", COUNTY, RegionLevel::County, &classes, &[]).await.to_string()
        }
        "institution" => cast.county.hospital.to_string(),
        "staff" => cast.employee.to_string(),
        "region" => VILLAGE.to_string(),
        "session" => match caller.holder {
            Some(holder) => world.session(holder).await.to_string(),
            None => Uuid::now_v7().to_string(),
        },
        "kind" => "blood_pressure".to_owned(),
        "code" => subject.mother.number.printed(),
        "purpose" => "reminders".to_owned(),
        "request" => subject.request.to_string(),
        _ => panic!("{path}: what is a {name}?"),
    }
}

fn record(subject: &Subject, path: &str) -> String {
    match path {
        _ if path.ends_with("/countersign") => subject.awaiting.to_string(),
        _ if path.contains("/checkups/") => subject.checkup.to_string(),
        _ => subject.entry.clone(),
    }
}

async fn newcomer(world: &World, handbook: HandbookId) -> String {
    let user = world.family_user().await.id;
    world.join(handbook, user, MemberRole::Viewer, MemberRelation::Other, false).await.to_string()
}

async fn another_visit(world: &World, cast: &Cast, handbook: HandbookId) -> VisitId {
    world.visit(handbook, cast.county.hospital, cast.employee).await
}

fn with_body(
    request: RequestBuilder,
    cast: &Cast,
    caller: &Caller,
    method: &Method,
    path: &str,
) -> RequestBuilder {
    match path {
        _ if method == Method::GET => request,
        _ if path.starts_with("/api/v1/imports/") => {
            request.header("content-type", "text/csv").body("no such column\n")
        }
        "/api/v1/handbooks/{handbook}/photos" => {
            request.header("content-type", "image/png").body("no picture")
        }
        _ => request.json(&body(cast, caller, method, path)),
    }
}

fn body(cast: &Cast, caller: &Caller, method: &Method, path: &str) -> Value {
    let town = json!({ "code": TOWN, "level": "town" });
    match (method.as_str(), path) {
        ("POST", "/api/v1/handbooks/find") => {
            json!({ "number": cast.subject_of(caller).mother.number.printed() })
        }
        ("POST", "/api/v1/institutions") => json!({
            "name": "河沙镇某诊所", "region": town, "classes": ["other"], "level": "none", "phone": "0825-2222333",
        }),
        ("POST", "/api/v1/staff") => json!({
            "user_name": format!("s{}", &Uuid::now_v7().simple().to_string()[16..]), "name": "张护士", "title": "护士",
            "roles": [Role::Clinician], "institution": cast.county.hospital,
        }),
        ("PATCH", "/api/v1/handbooks/{handbook}/entries/{record}") => {
            json!({ "payload": { "date": "2026-11-22", "text": "今天走了三公里" } })
        }
        ("PUT", "/api/v1/handbooks/{handbook}/entries/{record}/private") => json!({ "private": true }),
        ("POST", "/api/v1/handbooks/{handbook}/checkups/{record}/correct") => {
            json!({ "payload": {}, "reason": "录入时看错了行" })
        }
        ("POST", "/api/v1/handbooks/{handbook}/checkups/{record}/void") => {
            json!({ "reason": "记在了别人名下" })
        }
        // Said rightly, it would move the handbook to another owner.
        ("POST", "/api/v1/handbooks/{handbook}/members/{member}/hand-over") => json!({ "no such": "field" }),
        ("PUT", "/api/v1/institutions/{institution}/catchment") => json!({ "regions": [town] }),
        ("PUT", "/api/v1/targets") => json!({ "indicator": "handbook_usage", "percent": 60 }),
        _ => json!({}),
    }
}

/// What a list shows to whoever may see it. Other operations show nothing, or the same to all.
pub fn shows(cast: &Cast, caller: &Caller, operation: &str) -> Option<String> {
    let subject = cast.subject_of(caller);
    Some(match operation {
        "GET /api/v1/alerts" => subject.alert.to_string(),
        "GET /api/v1/break-glass" => subject.emergency.to_string(),
        "GET /api/v1/overrides" => subject.set_aside.to_string(),
        "GET /api/v1/checkups" => subject.checkup.to_string(),
        "GET /api/v1/correction-requests" => subject.request.to_string(),
        "GET /api/v1/exports" => cast.export.to_string(),
        "GET /api/v1/countersign" => subject.awaiting.to_string(),
        "GET /api/v1/institutions" => cast.county.hospital.to_string(),
        "GET /api/v1/handbooks/{handbook}/records" => subject.entry.clone(),
        "GET /api/v1/staff" => cast.employee.to_string(),
        "GET /api/v1/visits" | "GET /api/v1/me/handbooks" | "POST /api/v1/handbooks/find" => {
            subject.mother.handbook.to_string()
        }
        _ => return None,
    })
}
