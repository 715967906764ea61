//! The woman, who came into the handbook by its cover, proves on her phone that it is she.

use api::db::entities::{notice, wechat_user};
use chrono::TimeDelta;
use miniprogram_adapter::stand_in::Fault;
use reqwest::Method;
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::{Value, json};

use crate::support::issuing::*;
use crate::support::people::{County, FamilyUser};
use crate::support::{Answer, Client, World, send};

const CLAIMS: &str = "/api/v1/claims";
const PHONES: &str = "/wxa/business/getuserphonenumber";

struct Home {
    world: World,
    county: County,
    desk: Desk,
    issued: Value,
    owner: FamilyUser,
}

/// A handbook that somebody claimed as the woman, by its cover and the last four of her ID number.
async fn home() -> Home {
    let world = World::empty().await;
    let county = world.county().await;
    let desk = Desk(world.administrator(county.health_centre).await);
    let issued = desk.issued(pregnant_form(1)).await;
    let owner = world.family_user().await;
    owner.client.post(CLAIMS, claim_by_cover(&issued, &last_four(1), "woman")).await.ok();
    Home { world, county, desk, issued, owner }
}

impl Home {
    /// Somebody whom the owner invites.
    async fn with(&self, role: &str, relation: &str) -> FamilyUser {
        let user = self.world.family_user().await;
        let body = json!({ "role": role, "relation": relation, "expires_in_hours": 24 });
        let code = self.owner.client.post(&at(&self.issued, "/invitations"), body).await.ok()["code"].clone();
        let accept = json!({ "code": code, "consent": { "version": CONSENT } });
        user.client.post("/api/v1/invitations/accept", accept).await.ok();
        user
    }

    async fn verify(&self, by: &Client, phone_code: &str) -> Answer {
        by.post(&at(&self.issued, "/members/me/verify"), json!({ "phone_code": phone_code })).await
    }

    fn phone_code(&self, phone: &str) -> String {
        self.world.wechat.control().phone_code("u", phone)
    }

    /// An HIV test of the clinic, as a member reads it.
    async fn hiv(&self, by: &Client) -> Value {
        let timeline = by.get(&at(&self.issued, "/records")).await.ok();
        let record =
            timeline["items"].as_array().unwrap().iter().find(|item| item["kind"] == "laboratory_result");
        let payload = &record.unwrap()["payload"];
        assert_eq!(payload["hemoglobin"], 118);
        payload["hiv"].clone()
    }

    async fn tests_for_hiv(&self) {
        let clinician = self.world.clinician(self.county.health_centre).await;
        let result = json!({
            "kind": "laboratory_result",
            "subject": "woman",
            "occurred_on": "2026-11-22",
            "payload": { "sampled_at": "2026-11-22T08:00:00+08:00", "specimen": ["blood"], "origin": "here",
                "hemoglobin": 118, "hiv": "negative" },
        });
        clinician.post(&at(&self.issued, "/checkups"), result).await.ok();
    }

    async fn notices(&self) -> u64 {
        notice::Entity::find().count(self.world.app.db.read()).await.unwrap()
    }

    async fn member_of(&self, user: &FamilyUser) -> Value {
        let list = user.client.get(&at(&self.issued, "/members")).await.ok();
        list["items"].as_array().unwrap().iter().find(|member| member["is_me"] == true).unwrap().clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_husband_with_the_cover_and_her_number_reads_nothing_sensitive_and_she_does_once_she_proved_it() {
    let home = home().await;
    let husband = &home.owner;
    let wife = home.with("guardian", "woman").await;
    home.tests_for_hiv().await;
    assert_eq!(home.hiv(&husband.client).await, Value::Null);
    assert_eq!(home.hiv(&wife.client).await, Value::Null);

    let (told, version) = (home.notices().await, home.member_of(&wife).await["version"].as_i64().unwrap());
    let proved = home.verify(&wife.client, &home.phone_code(&phone(1))).await;
    assert_eq!((proved.status.as_u16(), &proved.ok()["is_woman"]), (200, &json!(true)));
    assert_eq!((&proved.ok()["role"], &proved.ok()["version"]), (&json!("guardian"), &json!(version + 1)));
    assert_eq!(home.notices().await, told + 1, "the others are told");
    assert_eq!(home.hiv(&wife.client).await, "negative");
    assert_eq!(home.hiv(&husband.client).await, Value::Null);
    let row = wechat_user::Entity::find_by_id(wife.id).one(home.world.app.db.read()).await.unwrap().unwrap();
    assert!(row.person_id.is_some());

    let again = home.verify(&wife.client, &home.phone_code(&phone(1))).await.ok();
    assert_eq!(again, proved.ok(), "once is enough");
    assert_eq!(home.notices().await, told + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_may_call_themselves_the_woman_and_exactly_one_proves_it() {
    let home = home().await;
    let other = home.with("owner", "woman").await;
    let (first, second) = (home.phone_code(&phone(1)), home.phone_code(&phone(1)));
    let (a, b) = tokio::join!(home.verify(&home.owner.client, &first), home.verify(&other.client, &second));
    assert_ne!(a.status, b.status, "{} {}", a.text(), b.text());
    let (winner, loser, refusal) =
        if a.status == 200 { (&home.owner, &other, &b) } else { (&other, &home.owner, &a) };
    refusal.problem(409, "woman_taken");
    let (proved, unproved) = (home.member_of(winner).await, home.member_of(loser).await);
    assert_eq!((&proved["is_woman"], &unproved["is_woman"]), (&json!(true), &json!(false)));

    // Who proved nothing is an owner like any other: may do what owners do, and is removed like them.
    let of = |member: &Value| at(&home.issued, &format!("/members/{}", member["id"].as_str().unwrap()));
    let invitation = json!({ "role": "viewer", "relation": "other", "expires_in_hours": 1 });
    loser.client.post(&at(&home.issued, "/invitations"), invitation).await.ok();
    loser.client.delete(&of(&proved)).await.problem(403, "woman_stays");
    assert_eq!(winner.client.delete(&of(&unproved)).await.status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_five_wrong_phones_she_waits_an_hour() {
    let home = home().await;
    let client = &home.owner.client;
    let used = home.phone_code("13700000000");
    for left in (0..5).rev() {
        let code = if left == 4 { used.clone() } else { home.phone_code("13700000000") };
        let problem = home.verify(client, &code).await.problem(422, "phone_differs");
        assert!(problem["detail"].as_str().unwrap().contains(&format!("{left} 次")), "{problem}");
        if left == 4 {
            // What WeChat refuses is no try.
            let twice = home.verify(client, &used).await.problem(422, "invalid");
            assert_eq!(twice["errors"][0]["pointer"], "/phone_code");
        }
    }
    let asked = home.world.wechat.control().calls(PHONES);
    let refused = home.verify(client, &home.phone_code(&phone(1))).await;
    refused.problem(429, "too_many_tries");
    assert_eq!(refused.headers["retry-after"], "3600");
    assert_eq!(home.world.wechat.control().calls(PHONES), asked, "WeChat is not asked");
    assert_eq!(home.member_of(&home.owner).await["is_woman"], false);
    home.world.advance(TimeDelta::hours(1));
    let later = home.world.sign_in_user(home.owner.id).await;
    home.verify(&later, &home.phone_code(&phone(1))).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_shows_ten_phone_codes_a_minute_wherever_it_shows_them() {
    let home = home().await;
    let client = &home.owner.client;
    let invitation = json!({ "role": "viewer", "relation": "other", "expires_in_hours": 1 });
    let invitation = client.post(&at(&home.issued, "/invitations"), invitation).await.ok();
    let accept =
        json!({ "code": invitation["code"], "consent": { "version": CONSENT }, "phone_code": "made-up" });
    let claim = claim_by_phone(&home.issued, "made-up");
    let by_all_ways = async || {
        [
            home.verify(client, "made-up").await,
            client.post(CLAIMS, claim.clone()).await,
            client.post("/api/v1/invitations/accept", accept.clone()).await,
        ]
    };
    home.verify(client, "made-up").await.problem(422, "invalid");
    for answer in [by_all_ways().await, by_all_ways().await, by_all_ways().await].iter().flatten() {
        answer.problem(422, "invalid");
    }
    let asked = home.world.wechat.control().calls(PHONES);
    for answer in by_all_ways().await {
        answer.problem(429, "too_many_requests");
        assert_eq!(answer.headers["retry-after"], "60");
    }
    assert_eq!(home.world.wechat.control().calls(PHONES), asked, "WeChat is not asked");
    let wife = home.with("guardian", "woman").await;
    home.verify(&wife.client, &home.phone_code(&phone(1))).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_sent_again_gives_the_first_answer_and_one_without_wechat_costs_no_try() {
    let home = home().await;
    let phones = home.world.wechat.control();
    let body = json!({ "phone_code": home.phone_code(&phone(1)) });
    let prove = || {
        let request = home.owner.client.request(Method::POST, &at(&home.issued, "/members/me/verify"));
        send(request.header("idempotency-key", "prove-1").json(&body))
    };
    let first = prove().await.ok();
    let asked = phones.calls(PHONES);
    assert_eq!(prove().await.ok(), first);
    assert_eq!(phones.calls(PHONES), asked, "WeChat is not asked twice");
    let late = home.with("guardian", "woman").await;
    phones.fault(PHONES, 9, Fault::Http502);
    home.verify(&late.client, &home.phone_code(&phone(1))).await.problem(503, "wechat_unavailable");
    assert_eq!(home.world.number("SELECT COUNT(*) FROM throttle WHERE failures > 0").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_a_member_who_is_there_as_the_woman_proves_to_be_her() {
    let home = home().await;
    let code = || home.phone_code(&phone(1));
    let father = home.with("owner", "father").await;
    home.verify(&father.client, &code()).await.problem(403, "not_the_woman");
    let stranger = home.world.family_user().await;
    home.verify(&stranger.client, &code()).await.problem(404, "not_found");
    home.verify(&home.desk.0, &code()).await.problem(403, "forbidden");
    home.verify(&home.world.anybody(), &code()).await.problem(401, "not_signed_in");
    let empty = home.owner.client.post(&at(&home.issued, "/members/me/verify"), json!({})).await;
    assert_eq!(empty.problem(422, "invalid")["errors"][0]["pointer"], "/phone_code");

    let request = home.owner.client.request(Method::POST, &at(&home.issued, "/members/me/verify"));
    let request = request.header("idempotency-key", "in-english").header("accept-language", "en");
    let wrong = json!({ "phone_code": home.phone_code("13700000000") });
    let problem = send(request.json(&wrong)).await.problem(422, "phone_differs");
    assert!(problem["detail"].as_str().unwrap().contains("4 tries are left"), "{problem}");

    home.desk.0.post(&at(&home.issued, "/close"), json!({ "reason": "moved_away" })).await.ok();
    home.verify(&home.owner.client, &code()).await.problem(409, "handbook_closed");
    assert_eq!(home.member_of(&home.owner).await["is_woman"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_phone_of_a_father_who_is_on_record_proves_no_woman() {
    let home = home().await;
    let mut form = child_form(2, "2026-11-01");
    form["woman"]["id_number"] = json!(boys_number("19940101", 7));
    let issued = home.desk.issued(form).await;
    let father = home.world.family_user().await;
    let joined = father.client.post(CLAIMS, claim_by_phone(&issued, &home.world.phone_code(2))).await.ok();
    assert_eq!(joined["is_woman"], false);
    let body = json!({ "phone_code": home.world.phone_code(2) });
    father.client.post(&at(&issued, "/members/me/verify"), body).await.problem(403, "not_the_woman");
}
