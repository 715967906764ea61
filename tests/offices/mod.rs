//! Running regions, institutions, staff and targets.

mod institutions;
mod regions;
mod staff;
mod targets;

use domain::access::Role;
use domain::place::RegionLevel;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::people::{COUNTY, County, StaffMember};
use crate::support::{Answer, Client, World};

async fn county_mch(world: &World, county: &County) -> StaffMember {
    world.staff(&[Role::CountyMch], Some(county.mch), COUNTY, RegionLevel::County).await
}

fn pointers(problem: &Value) -> Vec<&str> {
    problem["errors"].as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect()
}

async fn put(client: &Client, path: &str, etag: &str, body: Value) -> Answer {
    client.change(Method::PUT, path, etag, body).await
}

async fn patch(client: &Client, path: &str, etag: &str, body: Value) -> Answer {
    client.change(Method::PATCH, path, etag, body).await
}

fn new_staff(
    user_name: &str,
    roles: &[&str],
    institution: Option<domain::id::InstitutionId>,
    region: Option<(i64, &str)>,
) -> Value {
    let region = region.map(|(code, level)| json!({ "code": code, "level": level }));
    json!({
        "user_name": user_name, "name": "王小明", "title": "护士", "roles": roles,
        "institution": institution, "region": region
    })
}
