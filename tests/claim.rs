//! A family claims its handbook, and claims it again when the phone is lost.

use chrono::TimeDelta;
use domain::access::{Action, Role};
use domain::consent::Purpose;
use domain::member::MemberRole;
use domain::place::RegionLevel;
use miniprogram_adapter::stand_in::Fault;
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::{Value, json};

use crate::support::issuing::*;
use crate::support::people::{County, FamilyUser, TOWN};
use crate::support::{Answer, Client, World, send};
use api::db::entities::{consent_event, desk_act, handbook, member, throttle, wechat_user};

const CLAIMS: &str = "/api/v1/claims";

async fn town() -> (World, County, Desk) {
    let world = World::empty().await;
    let county = world.county().await;
    let desk = Desk(world.administrator(county.health_centre).await);
    (world, county, desk)
}

async fn members(world: &World) -> Vec<member::Model> {
    member::Entity::find().all(world.app.db.read()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cover_and_the_last_four_make_an_owner_and_prove_no_woman() {
    let (world, _, desk) = town().await;
    for (order, four) in [(1, last_four(1)), (2, phone(2)[7..].to_owned())] {
        let issued = desk.issued(pregnant_form(order)).await;
        let user = world.family_user().await;
        let joined = user.client.post(CLAIMS, claim_by_cover(&issued, &four, "woman")).await.ok();
        assert_eq!((&joined["role"], &joined["relation"]), (&json!("owner"), &json!("woman")));
        assert_eq!(joined["is_woman"], false, "whoever shares a home with her knows {four}");
        let row = wechat_user::Entity::find_by_id(user.id).one(world.app.db.read()).await.unwrap().unwrap();
        assert_eq!(row.person_id, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_woman_claims_by_her_phone_and_is_proved_to_be_herself() {
    let (world, _, desk) = town().await;
    let issued = desk.issued(pregnant_form(1)).await;
    let user = world.family_user().await;
    let joined = user.client.post(CLAIMS, claim_by_phone(&issued, &world.phone_code(1))).await.ok();
    assert_eq!((&joined["role"], &joined["is_woman"]), (&json!("owner"), &json!(true)));
    assert_eq!(joined["handbook"], issued["id"]);
    let cover = user.client.get(&at(&issued, "")).await.ok();
    assert_eq!((&cover["state"], &cover["woman"]["name"]), (&json!("claimed"), &json!("王小红")));
    let given = consent_event::Entity::find()
        .filter(consent_event::COLUMN.purpose.eq(Purpose::Basic))
        .one(world.app.db.read())
        .await
        .unwrap()
        .unwrap();
    assert_eq!((given.text_version.as_str(), given.as_guardian), (CONSENT, false));
    let row = wechat_user::Entity::find_by_id(user.id).one(world.app.db.read()).await.unwrap().unwrap();
    assert!(row.person_id.is_some());
    assert!(
        throttle::Entity::find().all(world.app.db.read()).await.unwrap().iter().all(|row| row.failures == 0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_father_claims_as_guardian_and_is_not_the_woman() {
    let (world, _, desk) = town().await;
    let issued = desk.issued(child_form(1, "2026-11-01")).await;
    let user = world.family_user().await;
    let joined = user.client.post(CLAIMS, claim_by_cover(&issued, "0001", "father")).await.ok();
    assert_eq!((&joined["role"], &joined["is_woman"]), (&json!("owner"), &json!(false)));
    assert!(
        consent_event::Entity::find()
            .filter(consent_event::COLUMN.purpose.eq(Purpose::Basic))
            .one(world.app.db.read())
            .await
            .unwrap()
            .unwrap()
            .as_guardian
    );
    let row = wechat_user::Entity::find_by_id(user.id).one(world.app.db.read()).await.unwrap().unwrap();
    assert_eq!(row.person_id, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mother_who_knows_only_her_childs_number_is_family_but_not_proved() {
    let (world, _, desk) = town().await;
    let mut form = child_form(1, "2026-11-01");
    let number = boys_number("20261101", 4321 % 500);
    form["children"][0]["id_number"] = json!(number);
    let issued = desk.issued(form).await;
    let user = world.family_user().await;
    let joined = user.client.post(CLAIMS, claim_by_cover(&issued, &number[14..], "woman")).await.ok();
    assert_eq!(joined["is_woman"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slip_claims_once_and_for_thirty_days() {
    let (world, _, desk) = town().await;
    let mut form = planning_form(1);
    form["slip"] = json!(true);
    let issued = desk.issued(form).await;
    let code = &issued["slip"]["code"];
    let user = world.family_user().await;
    let joined = user.client.post(CLAIMS, claim_by_slip(code, "woman")).await.ok();
    assert_eq!(joined["is_woman"], false, "a slip for anybody proves nobody");
    let another = world.family_user().await;
    let refused = another.client.post(CLAIMS, claim_by_slip(code, "father")).await;
    assert!(refused.problem(422, "claim_refused")["detail"].as_str().unwrap().contains("4 次"));

    let mut form = planning_form(2);
    form["slip"] = json!(true);
    let issued = desk.issued(form).await;
    world.advance(TimeDelta::days(30));
    let user = world.family_user().await;
    user.client
        .post(CLAIMS, claim_by_slip(&issued["slip"]["code"], "woman"))
        .await
        .problem(422, "claim_refused");
    let desk = world.administrator(domain::id::InstitutionId(managing(&issued))).await;
    let slip = desk.post(&at(&issued, "/slip"), json!({})).await.ok();
    user.client.post(CLAIMS, claim_by_slip(&slip["code"], "woman")).await.ok();
    desk.post(&at(&issued, "/slip"), json!({})).await.problem(409, "already_claimed");
}

fn managing(issued: &Value) -> uuid::Uuid {
    issued["managing_institution"]["id"].as_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_slip_makes_the_old_one_void() {
    let (world, _, desk) = town().await;
    let mut form = planning_form(1);
    form["slip"] = json!(true);
    let issued = desk.issued(form).await;
    let slip = desk.0.post(&at(&issued, "/slip"), json!({})).await.ok();
    let user = world.family_user().await;
    user.client
        .post(CLAIMS, claim_by_slip(&issued["slip"]["code"], "woman"))
        .await
        .problem(422, "claim_refused");
    user.client.post(CLAIMS, claim_by_slip(&slip["code"], "woman")).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slip_that_a_desk_handed_to_the_woman_proves_her_and_is_for_nobody_else() {
    let (world, _, desk) = town().await;
    let mut form = planning_form(1);
    form["slip_to_woman"] = json!(true);
    let refused = desk.issue(form.clone()).await.problem(422, "invalid");
    assert_eq!(refused["errors"][0]["pointer"], "/slip_to_woman", "without a slip");
    form["slip"] = json!(true);
    let issued = desk.issued(form).await;
    let (husband, woman) = (world.family_user().await, world.family_user().await);
    let not_his = husband.client.post(CLAIMS, claim_by_slip(&issued["slip"]["code"], "father")).await;
    assert_eq!(not_his.problem(422, "invalid")["errors"][0]["code"], "not_on_slip");
    let joined = woman.client.post(CLAIMS, claim_by_slip(&issued["slip"]["code"], "woman")).await.ok();
    assert_eq!((&joined["role"], &joined["is_woman"]), (&json!("owner"), &json!(true)));

    let later = desk.issued(planning_form(2)).await;
    let slip = desk
        .0
        .post(&at(&later, "/slip"), json!({ "to_woman": true, "id_number": womans_number("19950101", 2) }))
        .await
        .ok();
    let acts = desk_act::Entity::find().all(world.app.db.read()).await.unwrap();
    assert_eq!(
        acts.iter().map(|act| act.action).collect::<Vec<_>>(),
        [Action::PrintCode],
        "who says so is kept"
    );
    let another = world.family_user().await;
    let joined = another.client.post(CLAIMS, claim_by_slip(&slip["code"], "woman")).await.ok();
    assert_eq!(joined["is_woman"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_recorded_phone_claims_through_wechat_and_another_does_not() {
    let (world, _, desk) = town().await;
    let issued = desk.issued(pregnant_form(1)).await;
    let user = world.family_user().await;
    let phones = world.wechat.control();
    let wrong = phones.phone_code("u", "13800009999");
    user.client.post(CLAIMS, claim_by_phone(&issued, &wrong)).await.problem(422, "claim_refused");
    let used = user.client.post(CLAIMS, claim_by_phone(&issued, &wrong)).await.problem(422, "invalid");
    assert_eq!(used["errors"][0]["pointer"], "/phone_code");

    phones.fault("/wxa/business/getuserphonenumber", 9, Fault::Http502);
    let code = phones.phone_code("u", "13900000001");
    user.client.post(CLAIMS, claim_by_phone(&issued, &code)).await.problem(503, "wechat_unavailable");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_cover_is_a_wrong_try_and_wechat_is_not_asked() {
    let (world, _, desk) = town().await;
    let issued = desk.issued(pregnant_form(1)).await;
    let user = world.family_user().await;
    let phone_code = world.phone_code(1);
    let by_cover = |printed_code: Value| {
        json!({ "printed_code": printed_code, "phone_code": phone_code, "relation": "woman",
            "consent": { "version": CONSENT } })
    };
    let forged = format!("/s/{}-{}", issued["number"].as_str().unwrap(), "A".repeat(20));
    let refused = user.client.post(CLAIMS, by_cover(json!(forged))).await.problem(422, "claim_refused");
    assert!(refused["detail"].as_str().unwrap().contains("4 次"), "{refused}");
    assert_eq!(world.wechat.control().calls("/wxa/business/getuserphonenumber"), 0);
    user.client.post(CLAIMS, by_cover(issued["printed_code"].clone())).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_by_phone_sent_again_gives_the_first_answer_without_asking_wechat_twice() {
    let (world, _, desk) = town().await;
    let issued = desk.issued(pregnant_form(1)).await;
    let user = world.family_user().await;
    let body = claim_by_phone(&issued, &world.wechat.control().phone_code("u", "13900000001"));
    let claim = || {
        send(
            user.client
                .request(reqwest::Method::POST, CLAIMS)
                .header("idempotency-key", "claim-1")
                .json(&body),
        )
    };
    let first = claim().await.ok();
    // More than one when another world's token is in the cache that they share.
    let asked = world.wechat.control().calls("/wxa/business/getuserphonenumber");
    assert_eq!(claim().await.ok(), first);
    assert_eq!(first["is_woman"], true);
    assert_eq!(world.wechat.control().calls("/wxa/business/getuserphonenumber"), asked);
    assert_eq!(members(&world).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_five_wrong_tries_a_user_waits_an_hour_and_others_do_not() {
    let (world, _, desk) = town().await;
    let issued = desk.issued(pregnant_form(1)).await;
    let (user, other) = (world.family_user().await, world.family_user().await);
    for left in (0..5).rev() {
        let problem = user.client.post(CLAIMS, claim_by_cover(&issued, "9999", "woman")).await;
        let problem = problem.problem(422, "claim_refused");
        assert!(problem["detail"].as_str().unwrap().contains(&format!("{left} 次")), "{problem}");
    }
    let right = claim_by_cover(&issued, &last_four(1), "woman");
    let refused = user.client.post(CLAIMS, right.clone()).await;
    refused.problem(429, "too_many_tries");
    assert_eq!(refused.headers["retry-after"], "3600");
    world.advance(TimeDelta::minutes(14));
    assert_eq!(user.client.post(CLAIMS, right.clone()).await.headers["retry-after"], "2760");
    // Another user is not held up by the first one's tries.
    let theirs = other.client.post(CLAIMS, claim_by_cover(&issued, "9999", "woman")).await;
    assert!(theirs.problem(422, "claim_refused")["detail"].as_str().unwrap().contains("4 次"));
    world.advance(TimeDelta::minutes(46));
    let later = FamilyUser { id: user.id, client: world.sign_in_user(user.id).await };
    later.client.post(CLAIMS, right).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_wrong_tries_at_once_five_are_compared() {
    let (world, _, desk) = town().await;
    let issued = desk.issued(pregnant_form(1)).await;
    let user = world.family_user().await;
    let tries = (0..20).map(|four| {
        let (client, body) = (user.client.clone(), claim_by_cover(&issued, &format!("9{four:03}"), "woman"));
        tokio::spawn(async move { client.post(CLAIMS, body).await.status.as_u16() })
    });
    let mut answers = Vec::new();
    for one in tries.collect::<Vec<_>>() {
        answers.push(one.await.unwrap());
    }
    let of = |status| answers.iter().filter(|answer| **answer == status).count();
    assert_eq!((of(422), of(429)), (5, 15), "{answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_true_of_a_handbook_is_told_only_to_who_proves_to_belong_to_it() {
    let (world, _, desk) = town().await;
    let issued = desk.issued(pregnant_form(1)).await;
    let closed = desk.issued(pregnant_form(2)).await;
    let owner = world.family_user().await;
    owner.client.post(CLAIMS, claim_by_cover(&issued, &last_four(1), "woman")).await.ok();
    desk.0.post(&at(&closed, "/close"), json!({ "reason": "moved_away" })).await.ok();
    let nobodys = "5109032600090018";
    let mut texts = Vec::new();
    for (handbook, four) in [(&issued, "9999"), (&closed, "9999")] {
        let stranger = world.family_user().await;
        texts.push(stranger.client.post(CLAIMS, claim_by_cover(handbook, four, "woman")).await);
    }
    let stranger = world.family_user().await;
    let number = (0..10).map(|check| format!("{}{check}", &nobodys[..15]));
    let number =
        number.into_iter().find(|number| domain::handbook::number::HandbookNumber::parse(number).is_ok());
    let printed =
        format!("/s/{}-{}", number.clone().unwrap(), world.app.keys.sign_print(&number.unwrap(), 1));
    let unknown = json!({ "printed_code": printed, "last_four": "9999", "relation": "woman", "consent": { "version": CONSENT } });
    texts.push(stranger.client.post(CLAIMS, unknown).await);
    let details: Vec<_> =
        texts.iter().map(|answer| answer.problem(422, "claim_refused")["detail"].clone()).collect();
    assert!(details.iter().all(|detail| *detail == details[0]), "{details:?}");

    let late = world.family_user().await;
    late.client
        .post(CLAIMS, claim_by_cover(&issued, &last_four(1), "woman"))
        .await
        .problem(409, "already_claimed");
    owner
        .client
        .post(CLAIMS, claim_by_cover(&issued, &last_four(1), "woman"))
        .await
        .problem(409, "already_member");
    late.client
        .post(CLAIMS, claim_by_cover(&closed, &last_four(2), "woman"))
        .await
        .problem(409, "handbook_closed");
    assert_eq!(members(&world).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_claim_gets_a_clear_answer_and_costs_no_try() {
    let (world, county, desk) = town().await;
    let issued = desk.issued(pregnant_form(1)).await;
    let user = world.family_user().await;
    let right = claim_by_cover(&issued, &last_four(1), "woman");
    let with = |change: fn(&mut Value)| {
        let mut body = right.clone();
        change(&mut body);
        user.client.post(CLAIMS, body)
    };
    with(|body| body["consent"]["version"] = json!("2001-01")).await.problem(422, "consent_required");
    with(|body| body["printed_code"] = json!("https://weixin.qq.com/")).await.problem(422, "code_refused");
    with(|body| body["printed_code"] = json!("abcdefghijklmnopqrst-_")).await.problem(422, "code_refused");
    for (pointer, code, change) in [
        (
            "/last_four",
            "wrong_form",
            (|body: &mut Value| body["last_four"] = json!("12345")) as fn(&mut Value),
        ),
        ("", "one_way", |body| body["slip_code"] = json!("x")),
        ("", "one_way", |body| body["last_four"] = json!(null)),
        ("/relation", "not_an_option", |body| body["relation"] = json!("aunt")),
        ("/consent", "required", |body| {
            body.as_object_mut().unwrap().remove("consent");
        }),
    ] {
        let problem = with(change).await.problem(422, "invalid");
        assert_eq!(
            (&problem["errors"][0]["pointer"], &problem["errors"][0]["code"]),
            (&json!(pointer), &json!(code))
        );
    }
    let wrong = throttle::Entity::find().filter(throttle::COLUMN.failures.gt(0));
    assert_eq!(wrong.count(world.app.db.read()).await.unwrap(), 0);
    // A signature that is not ours is a guess.
    let mut forged = right.clone();
    forged["printed_code"] = json!(format!("/s/{}-{}", issued["number"].as_str().unwrap(), "A".repeat(20)));
    user.client.post(CLAIMS, forged).await.problem(422, "claim_refused");
    world.clinician(county.hospital).await.post(CLAIMS, right.clone()).await.problem(403, "forbidden");
    world.anybody().post(CLAIMS, right.clone()).await.problem(401, "not_signed_in");
    send(user.client.request(reqwest::Method::POST, CLAIMS).json(&right))
        .await
        .problem(400, "idempotency_key_required");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_claim_at_once_exactly_one_becomes_the_owner() {
    let (world, _, desk) = town().await;
    for order in 1..=5 {
        let issued = desk.issued(pregnant_form(order)).await;
        let (one, two) = (world.family_user().await, world.family_user().await);
        let (a, b) = tokio::join!(
            one.client.post(CLAIMS, claim_by_cover(&issued, &last_four(order), "woman")),
            two.client.post(CLAIMS, claim_by_cover(&issued, &last_four(order), "father"))
        );
        let loser = if a.status == 201 { &b } else { &a };
        assert_ne!(a.status, b.status, "{} {}", a.text(), b.text());
        loser.problem(409, "already_claimed");
    }
    assert_eq!(members(&world).await.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_account_is_one_woman() {
    let (world, _, desk) = town().await;
    let user = world.family_user().await;
    let first = desk.issued(pregnant_form(1)).await;
    let second = desk.issued(pregnant_form(2)).await;
    let own = user.client.post(CLAIMS, claim_by_phone(&first, &world.phone_code(1))).await.ok();
    let other = user.client.post(CLAIMS, claim_by_phone(&second, &world.phone_code(2))).await.ok();
    assert_eq!((&own["is_woman"], &other["is_woman"]), (&json!(true), &json!(false)));
    let body = json!({ "phone_code": world.phone_code(2) });
    let again = user.client.post(&at(&second, "/members/me/verify"), body).await;
    again.problem(409, "account_is_another");
}

async fn reclaim(desk: &Client, issued: &Value, body: Value) -> Answer {
    desk.post(&at(issued, "/reclaim"), body).await
}

fn shown(order: u32, relation: &str) -> Value {
    json!({ "relation": relation, "id_number": womans_number("19950101", order), "reason": "手机丢失，本人持身份证到场" })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_account_is_reclaimed_at_the_desk_and_the_other_members_stay_and_are_told() {
    let (world, _, desk) = town().await;
    let issued = desk.issued(pregnant_form(1)).await;
    let (old, new, father) =
        (world.family_user().await, world.family_user().await, world.family_user().await);
    old.client.post(CLAIMS, claim_by_phone(&issued, &world.phone_code(1))).await.ok();
    invite(&old, &issued, &father, "father").await;

    let wrong = json!({ "relation": "woman", "id_number": womans_number("19950101", 2), "reason": "x" });
    reclaim(&desk.0, &issued, wrong).await.problem(422, "identity_not_shown");
    let slip = reclaim(&desk.0, &issued, shown(1, "woman")).await.ok();
    old.client.get(&at(&issued, "")).await.ok();
    new.client.post(CLAIMS, claim_by_slip(&slip["code"], "father")).await.problem(422, "invalid");
    let joined = new.client.post(CLAIMS, claim_by_slip(&slip["code"], "woman")).await.ok();
    assert_eq!((&joined["role"], &joined["is_woman"]), (&json!("owner"), &json!(true)));

    old.client.get(&at(&issued, "")).await.problem(404, "not_found");
    father.client.get(&at(&issued, "")).await.ok();
    new.client.get(&at(&issued, "")).await.ok();
    let row = |id| wechat_user::Entity::find_by_id(id).one(world.app.db.read());
    assert_eq!(row(old.id).await.unwrap().unwrap().person_id, None);
    assert!(row(new.id).await.unwrap().unwrap().person_id.is_some());
    let told = api::db::entities::notice::Entity::find().all(world.app.db.read()).await.unwrap();
    assert_eq!(told.iter().filter(|notice| notice.kind == "reclaimed").count(), 2);
    let stolen = world.family_user().await;
    stolen.client.post(CLAIMS, claim_by_slip(&slip["code"], "woman")).await.problem(422, "claim_refused");
}

/// Somebody joins as another owner.
async fn invite(by: &FamilyUser, issued: &Value, guest: &FamilyUser, relation: &str) -> Value {
    let invitation = json!({ "role": "owner", "relation": relation, "expires_in_hours": 24 });
    let invitation = by.client.post(&at(issued, "/invitations"), invitation).await.ok();
    let accept = json!({ "code": invitation["code"], "consent": { "version": CONSENT } });
    guest.client.post("/api/v1/invitations/accept", accept).await.ok()["member"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_grandparents_who_own_only_the_one_who_lost_the_phone_is_replaced() {
    let (world, _, desk) = town().await;
    let issued = desk.issued(pregnant_form(1)).await;
    let (woman, granny, grandpa) =
        (world.family_user().await, world.family_user().await, world.family_user().await);
    let hers = woman.client.post(CLAIMS, claim_by_phone(&issued, &world.phone_code(1))).await.ok();
    let grannys = invite(&woman, &issued, &granny, "grandparent").await;
    let grandpas = invite(&woman, &issued, &grandpa, "grandparent").await;

    let which = reclaim(&desk.0, &issued, shown(1, "grandparent")).await;
    let problem = which.problem(422, "invalid");
    assert_eq!(
        (&problem["errors"][0]["pointer"], &problem["errors"][0]["code"]),
        (&json!("/member"), &json!("several_owners"))
    );
    for id in [&grannys, &grandpas] {
        assert!(!which.text().contains(id.as_str().unwrap()), "it lists nobody: {}", which.text());
    }
    let lost = |member: &Value| {
        let mut body = shown(1, "grandparent");
        body["member"] = member.clone();
        body
    };
    for other in [&hers["member"], &json!(uuid::Uuid::now_v7())] {
        let problem = reclaim(&desk.0, &issued, lost(other)).await.problem(422, "invalid");
        assert_eq!(problem["errors"][0]["code"], "not_an_owner");
    }
    let request = desk.0.request(reqwest::Method::POST, &at(&issued, "/reclaim"));
    let request = request.header("idempotency-key", "nobody").header("accept-language", "en");
    let nobody = send(request.json(&shown(1, "father"))).await.problem(409, "no_such_owner");
    assert!(nobody["detail"].as_str().unwrap().contains("father"), "{nobody}");

    let slip = reclaim(&desk.0, &issued, lost(&grannys)).await.ok();
    let new = world.family_user().await;
    new.client.post(CLAIMS, claim_by_slip(&slip["code"], "grandparent")).await.ok();
    granny.client.get(&at(&issued, "")).await.problem(404, "not_found");
    for stays in [&woman, &grandpa, &new] {
        stays.client.get(&at(&issued, "")).await.ok();
    }
    assert_eq!(members(&world).await.iter().filter(|member| member.ended_at.is_none()).count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_father_becomes_owner_by_the_card_where_a_restored_database_knows_no_owner() {
    let (world, _, desk) = town().await;
    let issued = desk.issued(pregnant_form(1)).await;
    let (woman, father) = (world.family_user().await, world.family_user().await);
    woman.client.post(CLAIMS, claim_by_phone(&issued, &world.phone_code(1))).await.ok();
    reclaim(&desk.0, &issued, shown(1, "father")).await.problem(409, "no_such_owner");
    let lowered = member::ActiveModel { role: Set(MemberRole::Viewer), ..Default::default() };
    member::Entity::update_many().set(lowered).exec(world.app.db.write()).await.unwrap();
    reclaim(&desk.0, &issued, shown(2, "father")).await.problem(422, "identity_not_shown");
    let slip = reclaim(&desk.0, &issued, shown(1, "father")).await.ok();
    let joined = father.client.post(CLAIMS, claim_by_slip(&slip["code"], "father")).await.ok();
    assert_eq!((&joined["role"], &joined["is_woman"]), (&json!("owner"), &json!(false)));
    woman.client.get(&at(&issued, "")).await.ok();
    reclaim(&desk.0, &issued, shown(1, "grandparent")).await.problem(409, "no_such_owner");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_woman_gets_in_by_her_id_card_whatever_the_one_who_claimed_it_called_himself() {
    let (world, _, desk) = town().await;
    for (order, said, stays) in [(1, "woman", false), (2, "father", true)] {
        let issued = desk.issued(pregnant_form(order)).await;
        let (first, woman) = (world.family_user().await, world.family_user().await);
        first.client.post(CLAIMS, claim_by_cover(&issued, &last_four(order), said)).await.ok();
        let slip = reclaim(&desk.0, &issued, shown(order, "woman")).await.ok();
        let joined = woman.client.post(CLAIMS, claim_by_slip(&slip["code"], "woman")).await.ok();
        assert_eq!((&joined["role"], &joined["is_woman"]), (&json!("owner"), &json!(true)));
        let status = first.client.get(&at(&issued, "")).await.status;
        assert_eq!(status == 200, stays, "who called himself {said}: {status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slip_of_the_woman_does_not_end_who_proved_to_be_her_since_it_was_printed() {
    let (world, _, desk) = town().await;
    let issued = desk.issued(pregnant_form(1)).await;
    let (first, proved, new) =
        (world.family_user().await, world.family_user().await, world.family_user().await);
    first.client.post(CLAIMS, claim_by_cover(&issued, &last_four(1), "woman")).await.ok();
    invite(&first, &issued, &proved, "woman").await;
    let mut body = shown(1, "woman");
    body["member"] =
        members(&world).await.iter().min_by_key(|member| member.id).map(|first| json!(first.id)).unwrap();
    let slip = reclaim(&desk.0, &issued, body).await.ok();
    let verify = json!({ "phone_code": world.phone_code(1) });
    proved.client.post(&at(&issued, "/members/me/verify"), verify).await.ok();
    new.client.post(CLAIMS, claim_by_slip(&slip["code"], "woman")).await.problem(409, "woman_taken");

    let slip = reclaim(&desk.0, &issued, shown(1, "woman")).await.ok();
    let joined = new.client.post(CLAIMS, claim_by_slip(&slip["code"], "woman")).await.ok();
    assert_eq!(joined["is_woman"], true);
    proved.client.get(&at(&issued, "")).await.problem(404, "not_found");
    first.client.get(&at(&issued, "")).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_desk_of_the_handbook_reclaims_and_only_a_claimed_one() {
    let (world, county, desk) = town().await;
    let issued = desk.issued(pregnant_form(1)).await;
    reclaim(&desk.0, &issued, shown(1, "woman")).await.problem(409, "not_claimed");
    let owner = world.family_user().await;
    owner.client.post(CLAIMS, claim_by_cover(&issued, &last_four(1), "woman")).await.ok();
    reclaim(&owner.client, &issued, shown(1, "woman")).await.problem(403, "forbidden");
    reclaim(&world.clinician(county.health_centre).await, &issued, shown(1, "woman"))
        .await
        .problem(403, "forbidden");
    reclaim(&world.administrator(county.hospital).await, &issued, shown(1, "woman"))
        .await
        .problem(404, "not_found");
    let problem =
        reclaim(&desk.0, &issued, json!({ "relation": "woman", "id_number": "1", "reason": "" })).await;
    assert_eq!(problem.problem(422, "invalid")["errors"].as_array().unwrap().len(), 2);
    let row = handbook::Entity::find().one(world.app.db.read()).await.unwrap().unwrap();
    assert_eq!(row.slip_hash, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn id_numbers_are_not_guessed_at_a_desk() {
    let (world, county, _) = town().await;
    let place = (&[Role::HandbookAdministrator], Some(county.health_centre), TOWN, RegionLevel::Town);
    let clerk = world.staff(place.0, place.1, place.2, place.3).await;
    let desk = Desk(clerk.client.clone());
    let (issued, other) = (desk.issued(pregnant_form(1)).await, desk.issued(pregnant_form(2)).await);
    for (order, issued) in [(1, &issued), (2, &other)] {
        let owner = world.family_user().await;
        owner.client.post(CLAIMS, claim_by_cover(issued, &last_four(order), "woman")).await.ok();
    }
    // A claim that is refused for another reason is no guess.
    let unclaimed = desk.issued(pregnant_form(3)).await;
    for _ in 0..6 {
        reclaim(&desk.0, &unclaimed, shown(3, "woman")).await.problem(409, "not_claimed");
    }
    for left in (0..5).rev() {
        let problem = reclaim(&desk.0, &issued, shown(7, "woman")).await.problem(422, "identity_not_shown");
        assert!(problem["detail"].as_str().unwrap().contains(&format!("还可以尝试 {left} 次")), "{problem}");
    }
    let refused = reclaim(&desk.0, &issued, shown(1, "woman")).await;
    refused.problem(429, "too_many_tries");
    assert_eq!(refused.headers["retry-after"], "3600");
    reclaim(&desk.0, &other, shown(2, "woman")).await.ok();
    let colleague = world.administrator(county.health_centre).await;
    reclaim(&colleague, &issued, shown(1, "woman")).await.ok();
    world.advance(TimeDelta::hours(1));
    reclaim(&world.sign_in_staff(clerk.id).await, &issued, shown(1, "woman")).await.ok();
}
