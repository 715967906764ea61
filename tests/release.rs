//! A last owner withdraws consent: at the desk, the handbook is let go and can be claimed again.

use api::db::entities::{desk_act, handbook, notice};
use domain::access::Action;
use domain::handbook::State;
use domain::id::HandbookId;
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::{Value, json};

use crate::support::issuing::*;
use crate::support::people::{County, FamilyUser};
use crate::support::{Answer, Client, World};

const CLAIMS: &str = "/api/v1/claims";
const ACCEPT: &str = "/api/v1/invitations/accept";

struct Family {
    world: World,
    county: County,
    desk: Desk,
    issued: Value,
    owner: FamilyUser,
}

/// A woman who claimed her handbook.
async fn family() -> Family {
    let world = World::empty().await;
    let county = world.county().await;
    let desk = Desk(world.administrator(county.health_centre).await);
    let issued = desk.issued(pregnant_form(1)).await;
    let owner = world.family_user().await;
    owner.client.post(CLAIMS, claim_by_cover(&issued, &last_four(1), "woman")).await.ok();
    Family { world, county, desk, issued, owner }
}

impl Family {
    async fn invited(&self, role: &str) -> Value {
        let body = json!({ "role": role, "relation": "father", "expires_in_hours": 24 });
        self.owner.client.post(&at(&self.issued, "/invitations"), body).await.ok()["code"].clone()
    }

    async fn joins(&self, role: &str) -> FamilyUser {
        let user = self.world.family_user().await;
        user.client.post(ACCEPT, accepting(&self.invited(role).await)).await.ok();
        user
    }

    async fn row(&self) -> handbook::Model {
        let id = HandbookId(self.issued["id"].as_str().unwrap().parse().unwrap());
        handbook::Entity::find_by_id(id).one(self.world.app.db.read()).await.unwrap().unwrap()
    }

    async fn release(&self, by: &Client, order: u32) -> Answer {
        let body = json!({ "id_number": womans_number("19950101", order), "reason": "本人撤回同意" });
        by.post(&at(&self.issued, "/release"), body).await
    }
}

fn accepting(code: &Value) -> Value {
    json!({ "code": code, "consent": { "version": CONSENT } })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_owner_withdraws_consent_at_the_desk_and_the_handbook_waits_for_a_claim() {
    let family = family().await;
    let Family { world, desk, issued, owner, .. } = &family;
    let father = family.joins("guardian").await;
    let (open, code) =
        (family.invited("viewer").await, owner.client.post(&at(issued, "/code"), json!({})).await);
    let entry = json!({ "kind": "diary", "subject": "household", "payload": { "date": "2026-11-22", "text": "今天" } });
    owner.client.post(&at(issued, "/entries"), entry).await.ok();
    let (used, told) =
        (family.row().await.first_used_at, notice::Entity::find().count(world.app.db.read()).await);
    assert!(used.is_some());

    let released = family.release(&desk.0, 1).await.ok();
    assert_eq!(released["state"], "issued");
    let row = family.row().await;
    assert_eq!(
        (row.state, row.first_used_at, json!(row.version)),
        (State::Issued, used, released["version"].clone())
    );
    assert_eq!(world.number("SELECT COUNT(*) FROM usage_evidence").await, 1, "its use stays counted");
    assert!(world.differences().await.is_empty());
    assert_eq!(notice::Entity::find().count(world.app.db.read()).await, told, "nobody is told");
    let act = desk_act::Entity::find().one(world.app.db.read()).await.unwrap().unwrap();
    assert_eq!(act.action, Action::Release);

    for gone in [owner, &father] {
        gone.client.get(&at(issued, "")).await.problem(404, "not_found");
        assert_eq!(gone.client.get("/api/v1/me/handbooks").await.ok()["items"], json!([]));
    }
    let guest = world.family_user().await;
    guest.client.post(ACCEPT, accepting(&open)).await.problem(422, "invitation_refused");
    let doctor = world.doctor(family.county.hospital).await;
    doctor.scan(code.ok()["url"].as_str().unwrap()).await.problem(410, "code_expired");
    family.release(&desk.0, 1).await.problem(409, "not_claimed");

    let new = world.family_user().await;
    let joined = new.client.post(CLAIMS, claim_by_cover(issued, &last_four(1), "woman")).await.ok();
    assert_eq!((&joined["role"], &joined["relation"]), (&json!("owner"), &json!("woman")));
    assert_eq!(new.client.get(&at(issued, "/records")).await.ok()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_account_may_claim_it_again() {
    let family = family().await;
    let verify = json!({ "phone_code": family.world.phone_code(1) });
    family.owner.client.post(&at(&family.issued, "/members/me/verify"), verify).await.ok();
    family.release(&family.desk.0, 1).await.ok();
    let again = claim_by_phone(&family.issued, &family.world.phone_code(1));
    assert_eq!(family.owner.client.post(CLAIMS, again).await.ok()["is_woman"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slip_for_a_lost_account_is_void_once_the_handbook_is_let_go() {
    let family = family().await;
    let body =
        json!({ "relation": "woman", "id_number": womans_number("19950101", 1), "reason": "手机丢失" });
    let slip = family.desk.0.post(&at(&family.issued, "/reclaim"), body).await.ok();
    family.release(&family.desk.0, 1).await.ok();
    let finder = family.world.family_user().await;
    finder.client.post(CLAIMS, claim_by_slip(&slip["code"], "woman")).await.problem(422, "claim_refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_there_is_another_owner_whoever_wants_to_leave_does_so_on_the_phone() {
    let family = family().await;
    family.joins("owner").await;
    family.release(&family.desk.0, 1).await.problem(409, "other_owners");
    assert_eq!(family.row().await.state, State::Claimed);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_managing_institutions_administrator_lets_go_and_only_with_the_id_shown() {
    let family = family().await;
    let Family { world, county, desk, issued, owner } = &family;
    family.release(&owner.client, 1).await.problem(403, "forbidden");
    family.release(&world.clinician(county.health_centre).await, 1).await.problem(403, "forbidden");
    family.release(&world.county_mch(county.mch).await, 1).await.problem(403, "forbidden");
    family.release(&world.administrator(county.hospital).await, 1).await.problem(404, "not_found");
    family.release(&world.anybody(), 1).await.problem(401, "not_signed_in");
    let empty = desk.0.post(&at(issued, "/release"), json!({ "id_number": "1", "reason": "" })).await;
    assert_eq!(empty.problem(422, "invalid")["errors"].as_array().unwrap().len(), 2);

    let transfer = json!({ "institution": county.mch, "reason": "搬家" });
    for _ in 0..5 {
        family.release(&desk.0, 2).await.problem(422, "identity_not_shown");
    }
    family.release(&desk.0, 1).await.problem(429, "too_many_tries");
    let body =
        json!({ "relation": "woman", "id_number": womans_number("19950101", 1), "reason": "手机丢失" });
    let other_way = desk.0.post(&at(issued, "/reclaim"), body).await;
    other_way.problem(429, "too_many_tries");
    desk.0.post(&at(issued, "/transfer"), transfer).await.ok();
    let issuer = world.administrator(county.health_centre).await;
    family.release(&issuer, 1).await.problem(403, "forbidden");
    assert_eq!(family.row().await.state, State::Claimed);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_desks_that_let_go_at_once_exactly_one_does() {
    let family = family().await;
    let colleague = family.world.administrator(family.county.health_centre).await;
    let (a, b) = tokio::join!(family.release(&family.desk.0, 1), family.release(&colleague, 1));
    let loser = if a.status == 200 { &b } else { &a };
    assert_ne!(a.status, b.status, "{} {}", a.text(), b.text());
    loser.problem(409, "not_claimed");
}
