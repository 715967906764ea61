//! The sex of a fetus is never recorded before birth: not in a field, not in a text, not in a reason.

use api::db::entities::pregnancy;
use domain::access::Role;
use domain::pregnancy::Outcome;
use reqwest::Method;
use sea_orm::{ActiveValue::Set, EntityTrait};
use serde_json::{Value, json};

use crate::checkups::checkups;
use crate::entries::entries;
use crate::support::issuing::pregnant_form;
use crate::support::{Answer, Client, World, send};

fn diary(text: &str) -> Value {
    json!({ "kind": "diary", "subject": "household", "payload": { "date": "2026-11-22", "text": text } })
}

#[tokio::test(flavor = "multi_thread")]
async fn no_text_of_the_family_names_it_before_birth_and_any_may_after() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let client = &mother.user.client;
    for told in ["B超看是男孩", "医生说怀的是女儿", "It's a b.o.y!", "ｉｔ'ｓ ａ ｇｉｒｌ", "胎儿性别：男"]
    {
        let problem = client.post(&entries(&mother), diary(told)).await.problem(422, "invalid");
        let error = &problem["errors"][0];
        assert_eq!(
            (&error["pointer"], &error["code"]),
            (&json!("/payload/text"), &json!("names_fetal_sex")),
            "{told}"
        );
        assert!(!problem.to_string().contains(told), "what was said is not repeated");
    }
    for innocent in ["希望是个健康的宝宝", "今天带外甥女去公园"] {
        client.post(&entries(&mother), diary(innocent)).await.ok();
    }
    let id = client.post(&entries(&mother), diary("今天产检")).await.ok()["id"].clone();
    let address = format!("{}/{}", entries(&mother), id.as_str().unwrap());
    let changed = json!({ "payload": diary("B超看是男孩")["payload"] });
    client.change(Method::PATCH, &address, "\"1\"", changed).await.problem(422, "invalid");

    world.birth(&mother, "2026-11-21".parse().unwrap()).await;
    client.post(&entries(&mother), diary("生了，是个女儿！")).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_loss_the_handbook_may_hold_the_next_pregnancy_before_anybody_says_so() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let lost = pregnancy::ActiveModel {
        id: Set(mother.pregnancy),
        outcome: Set(Some(Outcome::Miscarriage)),
        ended_on: Set(Some(world.app.today())),
        ..Default::default()
    };
    pregnancy::Entity::update(lost).exec(world.app.db.write()).await.unwrap();
    let told = mother.user.client.post(&entries(&mother), diary("B超看是男孩")).await.problem(422, "invalid");
    assert_eq!(told["errors"][0]["code"], "names_fetal_sex");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_clinician_writes_it_in_a_text_or_in_a_reason() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let clinician = world.clinician_at(mother.handbook, county.hospital).await;
    let contact = |condition: &str| {
        json!({
            "kind": "follow_up_contact",
            "subject": "woman",
            "occurred_on": "2026-11-22",
            "payload": {
                "contacted_at": "2026-11-22T10:00:00+08:00",
                "purpose": "high_risk",
                "channel": "phone",
                "outcome": "reached",
                "condition": condition,
            },
        })
    };
    let problem =
        clinician.client.post(&checkups(&mother), contact("超声提示男胎")).await.problem(422, "invalid");
    assert_eq!(problem["errors"][0]["code"], "names_fetal_sex");
    let id = clinician.client.post(&checkups(&mother), contact("一般情况好")).await.ok()["id"].clone();
    let address = format!("{}/{}", checkups(&mother), id.as_str().unwrap());
    let in_reason = json!({ "reason": "漏写女胎", "payload": contact("一般情况好")["payload"] });
    for (path, body) in [("correct", in_reason), ("void", json!({ "reason": "漏写女胎" }))] {
        let request = clinician.client.request(Method::POST, &format!("{address}/{path}"));
        let problem = send(request.header("if-match", "\"1\"").json(&body)).await.problem(422, "invalid");
        let error = &problem["errors"][0];
        assert_eq!((&error["pointer"], &error["code"]), (&json!("/reason"), &json!("names_fetal_sex")));
    }
}

/// A text that somebody may send beside the records: by whom, to where, with which version, in which field.
struct Told<'a> {
    by: &'a Client,
    to: String,
    version: Option<&'static str>,
    body: Value,
    field: &'static str,
}

impl Told<'_> {
    async fn saying(&self, text: &str) -> Answer {
        let mut body = self.body.clone();
        *body.pointer_mut(self.field).unwrap() = json!(text);
        match self.version {
            Some(version) => self.by.change(Method::POST, &self.to, version, body).await,
            None => self.by.post(&self.to, body).await,
        }
    }
}

/// Everything that staff write about a handbook in their own words, records apart.
#[tokio::test(flavor = "multi_thread")]
async fn no_reason_and_no_note_names_it_before_birth_and_none_hides_a_character() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let roles = [Role::Clinician, Role::HandbookAdministrator];
    let desk = world.worker(&roles, county.health_centre).await.client;
    let doctor = world.doctor(county.hospital).await.client;
    let mch = world.worker(&[Role::CountyMch], county.mch).await.client;
    let at = |rest: &str| format!("/api/v1/handbooks/{}{rest}", mother.handbook);

    let by_card =
        json!({ "id_number": mother.id_number, "name": "王小红", "reason": "手机没电，手册忘在家里了" });
    let emergency = json!({ "id_number": mother.id_number, "reason_code": "other", "reason": "孕妇昏迷送入抢救室，没有家属" });
    let opened = doctor.post("/api/v1/break-glass", emergency.clone()).await.ok();
    let early = json!({
        "kind": "laboratory_result",
        "subject": "woman",
        "occurred_on": "2026-11-20",
        "override_reason": "外院已检查，补录",
        "payload": { "sampled_at": "2026-11-20T08:00:00+08:00", "specimen": ["blood"], "origin": "here", "hemoglobin": 118 },
    });
    desk.post(&checkups(&mother), early.clone()).await.ok();
    let overridden = mch.get("/api/v1/overrides").await.ok()["items"][0]["id"].clone();
    let review = json!({ "accepted": false, "note": "核对登记，当时并无必要" });
    let mut issue = pregnant_form(7);
    issue["override_reason"] = json!("补发");
    for field in ["registered_address", "ethnicity", "education", "occupation"] {
        issue["woman"][field] = json!("无");
    }
    let born = &mother.id_number;
    let identity = json!({
        "person": "woman",
        "name": "王晓红",
        "birth_date": format!("{}-{}-{}", &born[6..10], &born[10..12], &born[12..14]),
        "address": "长虹村13号",
        "occupation": "农民",
        "reason": "登记有误",
    });
    let moved = json!({ "institution": county.mch, "address": "新村3号", "reason": "搬家" });
    let lost = json!({ "relation": "woman", "id_number": mother.id_number, "reason": "手机丢失" });
    let withdrawn = json!({ "id_number": mother.id_number, "reason": "本人撤回同意" });

    let died = json!({ "died_on": "2026-11-22", "note": "家属告知" });
    let in_error = json!({ "reason": "登记有误" });

    let told =
        |by, to: String, body: &Value, field| Told { by, to, version: None, body: body.clone(), field };
    let mut texts = vec![
        told(&doctor, "/api/v1/visits/by-id-card".to_owned(), &by_card, "/reason"),
        told(&doctor, "/api/v1/break-glass".to_owned(), &emergency, "/reason"),
        told(
            &mch,
            format!("/api/v1/break-glass/{}/review", opened["id"].as_str().unwrap()),
            &review,
            "/note",
        ),
        told(&mch, format!("/api/v1/overrides/{}/review", overridden.as_str().unwrap()), &review, "/note"),
        told(&desk, checkups(&mother), &early, "/override_reason"),
        told(&desk, at("/usage-follow-up"), &json!({ "found": "not_used", "note": "放在家里" }), "/note"),
        told(&desk, at("/replace"), &json!({ "reason": "damaged", "note": "被水泡了" }), "/note"),
        told(&desk, at("/reclaim"), &lost, "/reason"),
        told(&desk, at("/release"), &withdrawn, "/reason"),
        told(&desk, at("/transfer"), &moved, "/reason"),
        told(&desk, at("/transfer"), &moved, "/address"),
        told(&desk, at("/close"), &json!({ "reason": "moved_away", "note": "迁往外省" }), "/note"),
        told(&desk, "/api/v1/handbooks".to_owned(), &issue, "/override_reason"),
        told(&desk, at("/woman/death"), &died, "/note"),
        told(&desk, at("/woman/death/void"), &in_error, "/reason"),
        told(&desk, at(&format!("/children/{}/death", mother.pregnancy)), &died, "/note"),
        told(&desk, at(&format!("/children/{}/death/void", mother.pregnancy)), &in_error, "/reason"),
        told(&desk, at(&format!("/pregnancies/{}/outcome/void", mother.pregnancy)), &in_error, "/reason"),
    ];
    for field in ["name", "address", "registered_address", "ethnicity", "education", "occupation"] {
        let field = format!("/woman/{field}").leak();
        texts.push(told(&desk, "/api/v1/handbooks".to_owned(), &issue, field));
    }
    for field in ["/reason", "/name", "/address", "/occupation"] {
        let told = told(&desk, at("/identity"), &identity, field);
        texts.push(Told { version: Some("\"1\""), ..told });
    }

    for text in &texts {
        let problem = text.saying("超声提示男胎，家属已经知道").await.problem(422, "invalid");
        assert!(!problem.to_string().contains("男胎"), "what was said is not repeated");
        let error = &problem["errors"][0];
        let place = (&error["pointer"], &error["code"]);
        assert_eq!(place, (&json!(text.field), &json!("names_fetal_sex")), "{}", text.to);
        let problem = text.saying("核对登记\u{7}，当时并无必要").await.problem(422, "invalid");
        assert_eq!(problem["errors"][0]["pointer"], text.field, "{}", text.to);
    }
    let kept = ["visit", "rule_override", "desk_act", "usage_follow_up"]
        .map(|table| format!("SELECT COUNT(*) FROM {table}"));
    for (sql, count) in kept.iter().zip([1, 1, 0, 0]) {
        assert_eq!(world.number(sql).await, count, "{sql}");
    }

    world.birth(&mother, "2026-11-21".parse().unwrap()).await;
    for at in [0, 1, 5, 7] {
        texts[at].saying("产后随访时家属说是男婴，一切都好").await.ok();
    }
}

/// Every field of the catalogue that can hold a sex belongs to a kind that is about somebody born.
#[tokio::test(flavor = "multi_thread")]
async fn no_field_offers_it_before_birth() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let clinician = world.clinician_at(mother.handbook, county.hospital).await;
    let mut scan = json!({
        "kind": "ultrasound",
        "subject": "woman",
        "occurred_on": "2026-11-22",
        "payload": example(&world, "ultrasound"),
    });
    scan["payload"]["sex"] = json!("male");
    let problem = clinician.client.post(&checkups(&mother), scan).await.problem(422, "invalid");
    let told = problem["errors"].as_array().unwrap().iter().any(|error| error["pointer"] == "/payload/sex");
    assert!(told, "{problem}");
}

/// A payload of a kind that is valid but for its day.
pub fn example(world: &World, kind: &str) -> Value {
    let kind = world.app.catalogue.kind(kind, world.app.today()).unwrap();
    Value::Object(kind.examples[0].payload.clone())
}
