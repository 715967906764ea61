//! A day at the desk, in earnest: what a desk does with a handbook besides issuing it, each thing to its end.

use chrono::TimeDelta;
use domain::access::Role;
use domain::institution::AgencyClass;
use domain::member::{MemberRelation, MemberRole};
use domain::place::RegionLevel;
use reqwest::Method;
use serde_json::json;

use crate::checkups::{antenatal, checkups};
use crate::entries::{entries, pressure, records};
use crate::photos::upload_picture;
use crate::support::issuing::*;
use crate::support::people::{COUNTY, County, TOWN, VILLAGE};
use crate::support::{World, send};

pub async fn a_day(world: &World) {
    let county = world.county().await;
    let authority = world.staff(&[Role::HealthAuthority], None, COUNTY, RegionLevel::County).await.client;
    for of in [String::new(), format!("&institution={}", county.hospital)] {
        authority.get(&format!("/api/v1/usage?from=2026-07&to=2026-09{of}")).await.ok();
    }
    let desk = Desk(world.administrator(county.health_centre).await);
    let clinician = world.clinician(county.health_centre).await;
    let owner = world.family_user().await;

    let mut form = pregnant_form(1);
    form["pregnancy"] = json!({ "due_date": "2026-11-30", "fetuses": 2 });
    let issued = desk.issued(form).await;
    owner.client.post("/api/v1/claims", claim_by_cover(&issued, &last_four(1), "woman")).await.ok();
    owner.client.post(&at(&issued, "/entries"), pressure(172, 112)).await.ok();

    let named = json!({ "person": "woman", "name": "王晓红", "reason": "姓名登记有误" });
    desk.0.change(Method::POST, &at(&issued, "/identity"), "\"1\"", named).await.ok();
    let pregnancy = at(&issued, &format!("/pregnancies/{}", issued["pregnancy"].as_str().unwrap()));
    let dates = json!({ "due_date": "2026-12-02", "due_date_by": "ultrasound" });
    clinician.change(Method::PATCH, &pregnancy, "\"1\"", dates).await.ok();
    let birth = json!({ "outcome": "live_birth", "ended_on": "2026-11-21",
        "children": [{ "sex": "female", "birth_weight_g": 2450 }] });
    let born = clinician.post(&format!("{pregnancy}/outcome"), birth).await.ok();
    let twin = json!({ "sex": "female", "birth_weight_g": 2300 });
    clinician.post(&format!("{pregnancy}/children"), twin).await.ok();
    let child = at(&issued, &format!("/children/{}", born["children"][0].as_str().unwrap()));
    let died = json!({ "died_on": "2026-11-22", "note": "家属告知" });
    clinician.post(&format!("{child}/death"), died).await.ok();
    clinician.post(&format!("{child}/death/void"), json!({ "reason": "登记有误" })).await.ok();

    let lost =
        json!({ "relation": "woman", "id_number": womans_number("19950101", 1), "reason": "手机丢失" });
    desk.0.post(&at(&issued, "/reclaim"), lost).await.ok();
    let withdrawn = json!({ "id_number": womans_number("19950101", 1), "reason": "本人撤回同意" });
    desk.0.post(&at(&issued, "/release"), withdrawn).await.ok();
    desk.0.post(&at(&issued, "/slip"), json!({})).await.ok();
    let newer = desk.0.post(&at(&issued, "/replace"), json!({ "reason": "damaged" })).await.ok();

    let classes = [AgencyClass::PrimaryCare];
    let other = world.institution("永兴镇卫生院", TOWN, RegionLevel::Town, &classes, &[]).await;
    let moved =
        json!({ "institution": other, "reason": "搬家", "region_code": VILLAGE, "address": "新村3号" });
    clinician.post(&at(&newer, "/transfer"), moved).await.ok();
    let gone = json!({ "reason": "moved_away", "note": "迁往外省" });
    world.clinician(other).await.post(&at(&newer, "/close"), gone).await.ok();

    let mut past_three = child_form(2, "2022-11-01");
    past_three["override_reason"] = json!("遗失");
    let issued = desk.issued(past_three).await;
    let named = json!({ "person": issued["children"][0], "name": "李乐", "reason": "姓名登记有误" });
    desk.0.change(Method::POST, &at(&issued, "/identity"), "\"1\"", named).await.ok();

    leaving(world, &county).await;
    taking_lists(world, &county).await;
}

/// Lists of persons are asked for, decided on, taken and marked as seen.
async fn taking_lists(world: &World, county: &County) {
    let roles = [Role::Clinician, Role::HandbookAdministrator, Role::CountyMch];
    let mch = world.worker(&roles, county.mch).await;
    let clinician = world.worker(&roles[..2], county.health_centre).await;
    for who in [&mch, &clinician] {
        for list in ["unused", "alerts", "visits", "overrides", "break_glass", "corrections", "countersign"] {
            let form = if ["unused", "alerts", "visits"].contains(&list) { "csv" } else { "screen" };
            let body = json!({ "list": list, "form": form, "purpose": "核对名单后逐一电话随访" });
            let asked = who.client.post("/api/v1/exports", body).await;
            assert!([201, 403].contains(&asked.status.as_u16()), "{list}: {}", asked.text());
            if asked.status == 201 {
                let id = asked.ok()["id"].as_str().unwrap().to_owned();
                who.client.get(&format!("/api/v1/exports/{id}/file")).await;
                mch.client.post(&format!("/api/v1/exports/{id}/seen"), json!({})).await;
                let no = json!({ "approve": false, "reason": "名单范围过大，请缩小" });
                mch.client.post(&format!("/api/v1/exports/{id}/decision"), no).await;
            }
        }
    }
    let checkups = json!({ "list": "checkups", "form": "screen", "purpose": "核对本人录入的检查记录" });
    clinician.client.post("/api/v1/exports", checkups).await.ok();
    for state in ["waiting", "ready", "refused", "expired"] {
        for seen in [true, false] {
            let path = format!("/api/v1/exports?state={state}&seen={seen}");
            mch.client.get(&path).await.ok();
            clinician.client.get(&path).await.ok();
        }
    }
}

/// A family takes back what it shared, has a record corrected, and closes its account: with others staying, and for good.
async fn leaving(world: &World, county: &County) {
    let mother = world.mother(county).await;
    let father = world.relative(&mother, MemberRole::Guardian, MemberRelation::Father).await;
    mother.user.client.post(&entries(&mother), pressure(172, 112)).await.ok();
    father.client.post(&entries(&mother), pressure(118, 76)).await.ok();
    upload_picture(&mother).await;
    let doctor = world.clinician_at(mother.handbook, county.hospital).await;
    let checkup = doctor.client.post(&checkups(&mother), antenatal(world)).await.ok()["id"].clone();
    let asking = format!("{}/{}/correction-requests", records(&mother), checkup.as_str().unwrap());
    let request = mother.user.client.post(&asking, json!({ "says": "体重写错了" })).await.ok()["id"].clone();
    let answer = format!("/api/v1/correction-requests/{}/answer", request.as_str().unwrap());
    doctor.client.post(&answer, json!({ "state": "refused", "reason": "复测无误" })).await.ok();
    for answer in [json!({ "given": false }), json!({ "given": true, "version": CONSENT })] {
        for purpose in ["share_entries", "child", "reminders", "basic"] {
            let path = format!("/api/v1/handbooks/{}/consents/{purpose}", mother.handbook);
            send(mother.user.client.request(Method::PUT, &path).json(&answer)).await;
        }
    }
    let closing = json!({ "confirmed": true, "own_entries": "delete" });
    father.client.post("/api/v1/me/closing", closing.clone()).await.ok();
    mother.user.client.post("/api/v1/me/closing", closing).await.ok();
    let lost = "UPDATE pregnancy SET outcome = 'miscarriage', ended_on = ? WHERE id = ?";
    let long_ago = world.app.today() - TimeDelta::days(100);
    world.execute(lost, [long_ago.into(), mother.pregnancy.into()]).await;
    for days in [1, 16 * 365] {
        api::worker::schedule(&world.app).await.unwrap();
        world.advance(TimeDelta::days(days));
        world.carry_out_jobs().await;
    }
}
