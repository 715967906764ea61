//! What a guard judged by may change before the handbook is held: then nothing is done.

use std::future::Future;

use api::db::entities::{desk_act, invitation, member};
use api::db::statement;
use domain::id::InstitutionId;
use domain::institution::AgencyClass;
use domain::member::{MemberRelation, MemberRole};
use domain::place::RegionLevel;
use reqwest::Method;
use sea_orm::{ConnectionTrait, EntityTrait, PaginatorTrait, Value as SqlValue};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use uuid::Uuid;

use crate::support::issuing::*;
use crate::support::people::{County, TOWN};
use crate::support::{Answer, Client, PATIENCE, World};

/// A town in which something may happen between the guard of a request and its work.
struct Town {
    world: World,
    county: County,
    elsewhere: InstitutionId,
    sent: UnboundedReceiver<String>,
}

/// What a guard asks the database last.
#[derive(Clone, Copy)]
enum LastAsked {
    /// Whether the caller wrote in the handbook: administrators, who may not correct.
    Written,
    /// The visits of the institution: clinicians.
    Visits,
    /// The caller's membership.
    Membership,
}

impl LastAsked {
    fn is(self, sql: &str) -> bool {
        let from = match self {
            Self::Written => "FROM \"record\"",
            Self::Visits => "FROM \"visit\"",
            Self::Membership => "JOIN \"member\"",
        };
        sql.starts_with("SELECT") && sql.contains(from)
    }
}

impl Town {
    async fn new() -> Self {
        let (tell, sent) = unbounded_channel();
        let world = World::watched(move |info| {
            // Nobody listens any more when the test is over.
            let _ = tell.send(info.statement.sql.clone());
        })
        .await;
        let county = world.county().await;
        let classes = [AgencyClass::PrimaryCare];
        let elsewhere = world.institution("永兴镇卫生院", TOWN, RegionLevel::Town, &classes, &[]).await;
        Self { world, county, elsewhere, sent }
    }

    /// Makes a request, and once its guard has judged it, a change of its handbook, before the request can hold it.
    async fn meanwhile<const N: usize>(
        &mut self,
        request: impl Future<Output = Answer> + Send + 'static,
        last: LastAsked,
        handbook: Uuid,
        (change, values): (&str, [SqlValue; N]),
    ) -> Answer {
        let backend = self.world.app.db.backend();
        let txn = self.world.app.db.begin().await.unwrap();
        let hold = "UPDATE handbook SET change_seq = change_seq + 1 WHERE id = ?";
        txn.execute_raw(statement(backend, hold, [handbook.into()])).await.unwrap();
        let changed = txn.execute_raw(statement(backend, change, values)).await.unwrap();
        assert_eq!(changed.rows_affected(), 1);
        while self.sent.try_recv().is_ok() {}
        let request = tokio::spawn(request);
        let judged = async { while !last.is(&self.sent.recv().await.unwrap()) {} };
        tokio::time::timeout(PATIENCE, judged).await.expect("the guard asks");
        txn.commit().await.unwrap();
        request.await.unwrap()
    }

    /// Makes a request while its handbook goes to another institution.
    async fn while_it_goes(
        &mut self,
        request: impl Future<Output = Answer> + Send + 'static,
        last: LastAsked,
        issued: &Value,
    ) -> Answer {
        let handbook = id_of(issued);
        let change = "UPDATE handbook SET managing_id = ? WHERE id = ?";
        self.meanwhile(request, last, handbook, (change, [self.elsewhere.0.into(), handbook.into()])).await
    }
}

fn id_of(value: &Value) -> Uuid {
    value["id"].as_str().unwrap().parse().unwrap()
}

/// A write at a desk: how, where below the handbook, and with what.
type Write = (Method, String, Value);

async fn make(by: Client, issued: Value, (method, rest, body): Write) -> Answer {
    let request =
        by.request(method, &at(&issued, &rest)).header("idempotency-key", Uuid::now_v7().to_string());
    crate::support::send(request.header("if-match", "\"1\"").json(&body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_managed_a_handbook_when_the_guard_looked_does_nothing_to_it_any_more() {
    let mut town = Town::new().await;
    let desk = Desk(town.world.administrator(town.county.health_centre).await);
    let clinician = town.world.clinician(town.county.health_centre).await;
    let mut order = 0;
    let mut woman_of = || {
        order += 1;
        order
    };

    let (mut refused, mut tries) = (0, Vec::new());
    for (rest, body) in [
        ("/close", json!({ "reason": "moved_away" })),
        ("/transfer", json!({ "institution": town.county.mch, "reason": "搬家" })),
        ("/replace", json!({ "reason": "lost" })),
        ("/slip", json!({})),
        ("/identity", json!({ "person": "woman", "name": "王晓红", "reason": "姓名登记有误" })),
        ("/usage-follow-up", json!({ "found": "used" })),
    ] {
        let issued = desk.issued(pregnant_form(woman_of())).await;
        tries.push((issued, (Method::POST, rest.to_owned(), body)));
    }
    for rest in ["/release", "/reclaim"] {
        let woman = woman_of();
        let issued = desk.issued(pregnant_form(woman)).await;
        let owner = town.world.family_user().await;
        owner
            .client
            .post("/api/v1/claims", claim_by_phone(&issued, &town.world.phone_code(woman)))
            .await
            .ok();
        let mut body = json!({ "id_number": womans_number("19950101", woman), "reason": "本人到场" });
        if rest == "/reclaim" {
            body["relation"] = json!("woman");
        }
        tries.push((issued, (Method::POST, rest.to_owned(), body)));
    }
    let issued = desk.issued(planning_form(woman_of())).await;
    let body = json!({ "last_menstrual_period": "2026-09-01" });
    tries.push((issued, (Method::POST, "/pregnancies".to_owned(), body)));
    let issued = desk.issued(pregnant_form(woman_of())).await;
    let pregnancy = format!("/pregnancies/{}", issued["pregnancy"].as_str().unwrap());
    tries.push((issued, (Method::PATCH, pregnancy, json!({ "fetuses": 2 }))));
    let mut form = pregnant_form(woman_of());
    form["pregnancy"] = json!({ "due_date": "2026-11-30", "fetuses": 2 });
    let issued = desk.issued(form).await;
    let pregnancy = format!("/pregnancies/{}", issued["pregnancy"].as_str().unwrap());
    let birth =
        json!({ "outcome": "live_birth", "ended_on": "2026-11-21", "children": [{ "sex": "female" }] });
    clinician.post(&at(&issued, &format!("{pregnancy}/outcome")), birth).await.ok();
    tries.push((issued, (Method::POST, format!("{pregnancy}/children"), json!({ "sex": "female" }))));
    let issued = desk.issued(child_form(woman_of(), "2026-11-01")).await;
    let child = format!("/children/{}", issued["children"][0].as_str().unwrap());
    tries.push((issued, (Method::PATCH, child, json!({ "birth_weight_g": 3400 }))));

    let (acts, records) = (
        desk_act::Entity::find().count(town.world.app.db.read()).await.unwrap(),
        town.world.number("SELECT SUM(version) FROM handbook").await,
    );
    for (issued, write) in tries {
        let named = format!("{} {}", write.0, write.1);
        let request = make(desk.0.clone(), issued.clone(), write);
        let answer = town.while_it_goes(request, LastAsked::Written, &issued).await;
        assert_eq!(answer.status, 409, "{named}: {}", answer.text());
        answer.problem(409, "conflict");
        refused += 1;
    }
    assert_eq!(refused, 12);
    assert_eq!(desk_act::Entity::find().count(town.world.app.db.read()).await.unwrap(), acts);
    assert_eq!(town.world.number("SELECT SUM(version) FROM handbook").await, records, "nothing was done");

    let issued = desk.issued(pregnant_form(woman_of())).await;
    let write = (Method::POST, "/delegations".to_owned(), json!({ "staff": Uuid::now_v7() }));
    let request = make(clinician, issued.clone(), write);
    town.while_it_goes(request, LastAsked::Visits, &issued).await.problem(409, "conflict");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_who_stopped_being_one_after_the_guard_looked_changes_no_members() {
    let mut town = Town::new().await;
    let mother = town.world.mother(&town.county).await;
    let issued = json!({ "id": mother.handbook });
    let invite = json!({ "role": "viewer", "relation": "other", "expires_in_hours": 1 });
    for (change, status, code) in [
        ("UPDATE member SET role = 'guardian' WHERE id = ?", 403, "forbidden"),
        ("UPDATE member SET ended_at = joined_at WHERE id = ?", 404, "not_found"),
    ] {
        let viewer = town.world.relative(&mother, MemberRole::Viewer, MemberRelation::Other).await.id;
        let viewer = member::Entity::find()
            .all(town.world.app.db.read())
            .await
            .unwrap()
            .into_iter()
            .find(|row| row.user_id == viewer);
        let viewer = viewer.unwrap().id;
        let writes = [
            (Method::POST, "/invitations".to_owned(), invite.clone()),
            (Method::PATCH, format!("/members/{viewer}"), json!({ "role": "guardian" })),
            (Method::POST, format!("/members/{viewer}/hand-over"), json!({})),
            (Method::DELETE, format!("/members/{viewer}"), json!({})),
        ];
        for write in writes {
            let father = town.world.family_user().await;
            let father_id = town
                .world
                .join(mother.handbook, father.id, MemberRole::Owner, MemberRelation::Father, false)
                .await;
            let named = format!("{} {}", write.0, write.1);
            let request = make(father.client, issued.clone(), write);
            let change = (change, [father_id.0.into()]);
            let answer = town.meanwhile(request, LastAsked::Membership, mother.handbook.0, change).await;
            assert_eq!(answer.status, status, "{named}: {}", answer.text());
            answer.problem(status, code);
        }
        let viewer = member::Entity::find_by_id(viewer).one(town.world.app.db.read()).await.unwrap().unwrap();
        assert_eq!((viewer.role, viewer.ended_at), (MemberRole::Viewer, None));
    }
    assert_eq!(invitation::Entity::find().count(town.world.app.db.read()).await.unwrap(), 0);
}
