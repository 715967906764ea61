//! A family shares its handbook: invites, changes, removes, hands over.

use chrono::TimeDelta;
use domain::consent::Purpose;
use domain::id::MemberId;
use domain::member::{MemberRelation, MemberRole};
use reqwest::Method;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::{Value, json};

use crate::support::issuing::CONSENT;
use crate::support::people::{County, FamilyUser, Mother};
use crate::support::{Answer, World};
use api::db::entities::{consent_event, member};

const ACCEPT: &str = "/api/v1/invitations/accept";

struct Home {
    world: World,
    county: County,
    mother: Mother,
}

impl Home {
    async fn new() -> Self {
        let world = World::empty().await;
        let county = world.county().await;
        let mother = world.mother(&county).await;
        Self { world, county, mother }
    }

    fn at(&self, rest: &str) -> String {
        format!("/api/v1/handbooks/{}{rest}", self.mother.handbook)
    }

    async fn invited(&self, role: &str, relation: &str) -> Value {
        let body = json!({ "role": role, "relation": relation, "expires_in_hours": 24 });
        self.mother.user.client.post(&self.at("/invitations"), body).await.ok()
    }

    async fn with(&self, role: MemberRole, relation: MemberRelation) -> (FamilyUser, MemberId) {
        let user = self.world.family_user().await;
        let id = self.world.join(self.mother.handbook, user.id, role, relation, false).await;
        (user, id)
    }

    async fn members(&self) -> Vec<Value> {
        let list = self.mother.user.client.get(&self.at("/members")).await.ok();
        list["items"].as_array().unwrap().clone()
    }
}

fn accepting(code: &Value) -> Value {
    json!({ "code": code, "consent": { "version": CONSENT } })
}

async fn set_role(by: &FamilyUser, address: &str, version: i64, role: &str) -> Answer {
    by.client.change(Method::PATCH, address, &format!("\"{version}\""), json!({ "role": role })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_invites_the_father_by_a_code_that_works_once() {
    let home = Home::new().await;
    let invitation = home.invited("guardian", "father").await;
    let code = &invitation["code"];
    assert_eq!(code.as_str().unwrap().len(), 22);
    let (father, other) = (home.world.family_user().await, home.world.family_user().await);
    let joined = father.client.post(ACCEPT, accepting(code)).await.ok();
    assert_eq!((&joined["role"], &joined["relation"]), (&json!("guardian"), &json!("father")));
    other.client.post(ACCEPT, accepting(code)).await.problem(422, "invitation_refused");
    let members = home.members().await;
    assert_eq!(members.len(), 2);
    assert_eq!((&members[0]["is_me"], &members[1]["is_me"]), (&json!(true), &json!(false)));
    let given = consent_event::Entity::find()
        .filter(consent_event::COLUMN.purpose.eq(Purpose::Basic))
        .one(home.world.app.db.read())
        .await
        .unwrap()
        .unwrap();
    assert!(given.as_guardian);
    father.client.get(&home.at("")).await.ok();
    let body = json!({ "role": "viewer", "relation": "other", "expires_in_hours": 1 });
    father.client.post(&home.at("/invitations"), body).await.problem(403, "forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_accept_one_invitation_at_once_exactly_one_joins() {
    let home = Home::new().await;
    for _ in 0..5 {
        let code = home.invited("viewer", "grandparent").await["code"].clone();
        let (one, two) = (home.world.family_user().await, home.world.family_user().await);
        let (a, b) = tokio::join!(
            one.client.post(ACCEPT, accepting(&code)),
            two.client.post(ACCEPT, accepting(&code))
        );
        let loser = if a.status == 201 { &b } else { &a };
        assert_ne!(a.status, b.status, "{} {}", a.text(), b.text());
        loser.problem(422, "invitation_refused");
    }
    assert_eq!(home.members().await.len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_user_who_accepts_two_invitations_at_once_is_one_member() {
    let home = Home::new().await;
    let first = home.invited("viewer", "father").await["code"].clone();
    let second = home.invited("guardian", "father").await["code"].clone();
    let user = home.world.family_user().await;
    let (a, b) = tokio::join!(
        user.client.post(ACCEPT, accepting(&first)),
        user.client.post(ACCEPT, accepting(&second))
    );
    let loser = if a.status == 201 { b } else { a };
    loser.problem(409, "already_member");
    assert_eq!(home.members().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_that_is_over_unknown_or_of_an_owner_no_more_is_refused() {
    let home = Home::new().await;
    let (father, father_id) = home.with(MemberRole::Owner, MemberRelation::Father).await;
    let body = json!({ "role": "viewer", "relation": "other", "expires_in_hours": 1 });
    let orphaned = father.client.post(&home.at("/invitations"), body).await.ok();
    home.mother.user.client.delete(&home.at(&format!("/members/{father_id}"))).await;
    let user = home.world.family_user().await;
    user.client.post(ACCEPT, accepting(&orphaned["code"])).await.problem(422, "invitation_refused");
    user.client.post(ACCEPT, accepting(&json!("nonsense"))).await.problem(422, "invitation_refused");
    let old = home.invited("viewer", "other").await;
    home.world.advance(TimeDelta::hours(24));
    let user = home.world.family_user().await;
    user.client.post(ACCEPT, accepting(&old["code"])).await.problem(422, "invitation_refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_are_not_guessed_and_a_wrong_invitation_is_told() {
    let home = Home::new().await;
    let user = home.world.family_user().await;
    for _ in 0..5 {
        user.client.post(ACCEPT, accepting(&json!("nonsense"))).await.problem(422, "invitation_refused");
    }
    let code = home.invited("viewer", "other").await["code"].clone();
    user.client.post(ACCEPT, accepting(&code)).await.problem(429, "too_many_tries");
    let other = home.world.family_user().await;
    let old_text = json!({ "code": code, "consent": { "version": "2001-01" } });
    other.client.post(ACCEPT, old_text).await.problem(422, "consent_required");
    for hours in [0, 169, -1] {
        let body = json!({ "role": "viewer", "relation": "other", "expires_in_hours": hours });
        let problem =
            home.mother.user.client.post(&home.at("/invitations"), body).await.problem(422, "invalid");
        assert_eq!(problem["errors"][0]["pointer"], "/expires_in_hours");
    }
    home.mother.user.client.post(ACCEPT, accepting(&code)).await.problem(409, "already_member");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_woman_who_was_invited_proves_that_it_is_she() {
    let home = Home::new().await;
    // The father claimed first: the handbook has no verified woman.
    let (father, _) = home.with(MemberRole::Owner, MemberRelation::Father).await;
    let mine = home.members().await[0].clone();
    let address = home.at(&format!("/members/{}", mine["id"].as_str().unwrap()));
    assert_eq!(home.mother.user.client.delete(&address).await.status, 204);

    let body = json!({ "role": "guardian", "relation": "woman", "expires_in_hours": 24 });
    let code = father.client.post(&home.at("/invitations"), body.clone()).await.ok()["code"].clone();
    let woman = home.world.family_user().await;
    let phones = home.world.wechat.control();
    let mut proof = accepting(&code);
    proof["phone_code"] = json!(phones.phone_code("u", "13700000000"));
    woman.client.post(ACCEPT, proof.clone()).await.problem(422, "invitation_refused");
    proof["phone_code"] = json!(phones.phone_code("u", &home.mother.phone));
    let joined = woman.client.post(ACCEPT, proof.clone()).await.ok();
    assert_eq!(joined["is_woman"], true);

    let code = father.client.post(&home.at("/invitations"), body).await.ok()["code"].clone();
    let mut second = accepting(&code);
    second["phone_code"] = json!(phones.phone_code("u", &home.mother.phone));
    let impostor = home.world.family_user().await;
    impostor.client.post(ACCEPT, second).await.problem(409, "woman_taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_changes_a_role_as_it_was_seen() {
    let home = Home::new().await;
    let (viewer, id) = home.with(MemberRole::Viewer, MemberRelation::Grandparent).await;
    let address = home.at(&format!("/members/{id}"));
    set_role(&viewer, &address, 1, "owner").await.problem(403, "forbidden");
    let changed = set_role(&home.mother.user, &address, 1, "guardian").await.ok();
    assert_eq!((&changed["role"], &changed["version"]), (&json!("guardian"), &json!(2)));
    set_role(&home.mother.user, &address, 1, "owner").await.problem(412, "stale");
    let without = home.mother.user.client.request(Method::PATCH, &address).json(&json!({ "role": "owner" }));
    crate::support::send(without).await.problem(428, "if_match_required");
    let nobody = home.at(&format!("/members/{}", uuid::Uuid::now_v7()));
    set_role(&home.mother.user, &nobody, 1, "owner").await.problem(404, "not_found");
    let mine = home.members().await[0].clone();
    let mine = home.at(&format!("/members/{}", mine["id"].as_str().unwrap()));
    set_role(&home.mother.user, &mine, 1, "viewer").await.problem(409, "last_owner");
}

#[tokio::test(flavor = "multi_thread")]
async fn members_leave_and_are_removed_but_the_woman_and_the_last_owner_stay() {
    let home = Home::new().await;
    let (father, father_id) = home.with(MemberRole::Owner, MemberRelation::Father).await;
    let (granny, granny_id) = home.with(MemberRole::Viewer, MemberRelation::Grandparent).await;
    let at = |id: &str| home.at(&format!("/members/{id}"));
    let mother_id = home.members().await[0]["id"].as_str().unwrap().to_owned();
    granny.client.delete(&at(&father_id.to_string())).await.problem(403, "forbidden");
    father.client.delete(&at(&mother_id)).await.problem(403, "woman_stays");
    set_role(&father, &at(&mother_id), 1, "viewer").await.problem(403, "woman_stays");
    assert_eq!(granny.client.delete(&at(&granny_id.to_string())).await.status, 204);
    granny.client.get(&home.at("/members")).await.problem(404, "not_found");
    assert_eq!(home.mother.user.client.delete(&at(&father_id.to_string())).await.status, 204);
    home.mother.user.client.delete(&at(&father_id.to_string())).await.problem(404, "not_found");
    father.client.get(&home.at("")).await.problem(404, "not_found");
    home.mother.user.client.delete(&at(&mother_id)).await.problem(409, "last_owner");
    assert_eq!(home.members().await.len(), 1);
    assert_eq!(member::Entity::find().count(home.world.app.db.read()).await.unwrap(), 3, "rows are kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_owners_who_leave_at_once_exactly_one_goes() {
    for _ in 0..4 {
        let home = Home::new().await;
        let (father, father_id) = home.with(MemberRole::Owner, MemberRelation::Father).await;
        let mother_id = home.members().await[0]["id"].as_str().unwrap().to_owned();
        let (theirs, hers) =
            (home.at(&format!("/members/{father_id}")), home.at(&format!("/members/{mother_id}")));
        let (a, b) = tokio::join!(father.client.delete(&theirs), home.mother.user.client.delete(&hers));
        let stays = if a.status == 204 { &b } else { &a };
        assert_ne!(a.status, b.status, "{} {}", a.text(), b.text());
        stays.problem(409, "last_owner");
        let live = member::Entity::find().all(home.world.app.db.read()).await.unwrap();
        assert_eq!(live.iter().filter(|member| member.ended_at.is_none()).count(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_hands_over_in_one_step() {
    let home = Home::new().await;
    let (father, id) = home.with(MemberRole::Guardian, MemberRelation::Father).await;
    let address = home.at(&format!("/members/{id}/hand-over"));
    father.client.post(&address, json!({})).await.problem(403, "forbidden");
    let owner = home.mother.user.client.post(&address, json!({})).await.ok();
    assert_eq!(owner["role"], "owner");
    let members = home.members().await;
    assert_eq!((&members[0]["role"], &members[0]["is_woman"]), (&json!("guardian"), &json!(true)));
    home.mother.user.client.post(&address, json!({})).await.problem(403, "forbidden");
    let own = home.at(&format!("/members/{id}/hand-over"));
    father.client.post(&own, json!({})).await.problem(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handbook_has_at_most_twenty_members_and_staff_do_not_list_them() {
    let home = Home::new().await;
    for _ in 0..19 {
        home.with(MemberRole::Viewer, MemberRelation::Other).await;
    }
    let code = home.invited("viewer", "other").await["code"].clone();
    let user = home.world.family_user().await;
    user.client.post(ACCEPT, accepting(&code)).await.problem(409, "too_many_members");
    let page = home.mother.user.client.get(&home.at("/members?limit=15")).await.ok();
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = home.mother.user.client.get(&home.at(&format!("/members?cursor={cursor}"))).await.ok();
    assert_eq!(rest["items"].as_array().unwrap().len(), 5);
    let county = api::db::entities::handbook::Entity::find_by_id(home.mother.handbook)
        .one(home.world.app.db.read())
        .await
        .unwrap()
        .unwrap();
    let clinician = home.world.clinician(county.managing_id).await;
    clinician.get(&home.at("/members")).await.problem(403, "forbidden");
    user.client.get(&home.at("/members")).await.problem(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_handbooks_that_give_an_invitation_one_id_at_once_exactly_one_does() {
    let home = Home::new().await;
    let other = home.world.mother(&home.county).await;
    for _ in 0..5 {
        let body = json!({ "id": uuid::Uuid::now_v7(), "role": "viewer", "relation": "other", "expires_in_hours": 1 });
        let elsewhere = format!("/api/v1/handbooks/{}/invitations", other.handbook);
        let here = home.at("/invitations");
        let (a, b) = tokio::join!(
            home.mother.user.client.post(&here, body.clone()),
            other.user.client.post(&elsewhere, body.clone()),
        );
        let loser = if a.status == 201 { &b } else { &a };
        assert_ne!(a.status, b.status, "{} {}", a.text(), b.text());
        loser.problem(409, "id_in_use");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_see_the_invitations_that_are_still_good_and_never_their_codes() {
    let home = Home::new().await;
    let (father, father_id) = home.with(MemberRole::Owner, MemberRelation::Father).await;
    let (guardian, _) = home.with(MemberRole::Guardian, MemberRelation::Grandparent).await;
    let client = &home.mother.user.client;
    let short = json!({ "role": "viewer", "relation": "other", "expires_in_hours": 1 });
    let over = client.post(&home.at("/invitations"), short.clone()).await.ok();
    home.world.advance(TimeDelta::hours(1));
    let client = &home.world.sign_in_user(home.mother.user.id).await;
    let father = home.world.sign_in_user(father.id).await;
    let used = client.post(&home.at("/invitations"), short.clone()).await.ok();
    home.world.family_user().await.client.post(ACCEPT, accepting(&used["code"])).await.ok();
    let body = json!({ "role": "guardian", "relation": "grandparent", "expires_in_hours": 24 });
    let first = client.post(&home.at("/invitations"), body).await.ok();
    let his = father.post(&home.at("/invitations"), short.clone()).await.ok();

    let list = client.get(&home.at("/invitations")).await;
    for invitation in [&over, &used, &first, &his] {
        assert!(!list.text().contains(invitation["code"].as_str().unwrap()));
    }
    let items = list.ok()["items"].clone();
    assert_eq!(items.as_array().unwrap().len(), 2, "{items}");
    assert_eq!((&items[0]["id"], &items[0]["invited_by"]), (&his["id"], &json!(father_id)));
    assert_eq!((&items[1]["role"], &items[1]["relation"]), (&json!("guardian"), &json!("grandparent")));
    assert_eq!(items[1]["expires_at"], first["expires_at"]);
    let page = client.get(&home.at("/invitations?limit=1")).await.ok();
    let next = format!("/invitations?limit=1&cursor={}", page["next_cursor"].as_str().unwrap());
    assert_eq!(client.get(&home.at(&next)).await.ok()["items"][0]["id"], first["id"]);

    home.world.sign_in_user(guardian.id).await.get(&home.at("/invitations")).await.problem(403, "forbidden");
    let stranger = home.world.family_user().await;
    stranger.client.get(&home.at("/invitations")).await.problem(404, "not_found");
    assert_eq!(client.delete(&home.at(&format!("/members/{father_id}"))).await.status, 204);
    let items = client.get(&home.at("/invitations")).await.ok()["items"].clone();
    assert_eq!(items.as_array().unwrap().len(), 1, "an owner no more lets nobody in");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_code_answers_like_one_that_never_was() {
    let home = Home::new().await;
    let (guardian, _) = home.with(MemberRole::Guardian, MemberRelation::Father).await;
    let invitation = home.invited("owner", "other").await;
    let address = home.at(&format!("/invitations/{}", invitation["id"].as_str().unwrap()));
    guardian.client.delete(&address).await.problem(403, "forbidden");
    let client = &home.mother.user.client;
    let elsewhere = Home::new().await;
    let foreign = elsewhere.invited("viewer", "other").await;
    let foreign = home.at(&format!("/invitations/{}", foreign["id"].as_str().unwrap()));
    client.delete(&foreign).await.problem(404, "not_found");
    client.delete(&home.at("/invitations/none")).await.problem(404, "not_found");
    assert_eq!(client.delete(&address).await.status, 204);
    client.delete(&address).await.problem(404, "not_found");

    let (one, two) = (home.world.family_user().await, home.world.family_user().await);
    let revoked = one.client.post(ACCEPT, accepting(&invitation["code"])).await;
    let unknown = two.client.post(ACCEPT, accepting(&json!("nonsense"))).await;
    let told = |answer: Answer| answer.problem(422, "invitation_refused")["detail"].clone();
    assert_eq!(told(revoked), told(unknown));
    assert_eq!(client.get(&home.at("/invitations")).await.ok()["items"], json!([]));
    assert_eq!(home.members().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_revocation_and_an_acceptance_at_once_exactly_one_happens() {
    let home = Home::new().await;
    for _ in 0..5 {
        let invitation = home.invited("viewer", "other").await;
        let address = home.at(&format!("/invitations/{}", invitation["id"].as_str().unwrap()));
        let guest = home.world.family_user().await;
        let (revoked, accepted) = tokio::join!(
            home.mother.user.client.delete(&address),
            guest.client.post(ACCEPT, accepting(&invitation["code"])),
        );
        assert_ne!(revoked.status == 204, accepted.status == 201, "{} {}", revoked.text(), accepted.text());
    }
}
