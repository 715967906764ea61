//! What happens at a desk: codes, scans, streams, a second replica; and what a test looks up behind the API.

use actix_web::dev::ServerHandle;
use actix_web::web::Data;
use api::app::{App, Clock};
use api::db::entities::{child, institution, person, record};
use api::keys::{Place, places};
use api::notices::store::next_change;
use api::session::store::Holder;
use api::start::{self, Wechat};
use chrono::NaiveDate;
use domain::access::Role;
use domain::id::{ChildId, HandbookId, InstitutionId, PersonId, RecordId, StaffId, UserId};
use domain::member::{MemberRelation, MemberRole};
use domain::person::{Sex, complete_id_number};
use domain::record::{RecordState, Source, SubjectKind};
use sea_orm::{ConnectionTrait, EntityTrait, IntoActiveModel, Statement, Value as SqlValue};
use serde_json::{Value, json};
use uuid::Uuid;

use super::people::{FamilyUser, Mother, StaffMember};
use super::{Answer, Client, PATIENCE, World, serve};

impl World {
    /// A signed-in staff member of an institution, with the institution's region.
    pub async fn worker(&self, roles: &[Role], institution: InstitutionId) -> StaffMember {
        let row =
            institution::Entity::find_by_id(institution).one(self.app.db.read()).await.unwrap().unwrap();
        self.staff(roles, Some(institution), row.region_code.0, row.region_level).await
    }

    /// A signed-in clinician of an institution.
    pub async fn doctor(&self, institution: InstitutionId) -> StaffMember {
        self.worker(&[Role::Clinician], institution).await
    }

    /// Another member of the mother's handbook, signed in.
    pub async fn relative(&self, mother: &Mother, role: MemberRole, relation: MemberRelation) -> FamilyUser {
        let user = self.family_user().await;
        self.join(mother.handbook, user.id, role, relation, false).await;
        user
    }

    /// Somebody again, after the clock was moved beyond the life of the last token or session.
    pub async fn sign_in_staff(&self, id: StaffId) -> Client {
        self.signed_in(Holder::Staff(id)).await
    }

    /// Likewise for the family side.
    pub async fn sign_in_user(&self, id: UserId) -> Client {
        self.signed_in(Holder::User(id)).await
    }

    /// A child of a handbook with an ID number whose last four are known.
    pub async fn child(&self, handbook: HandbookId, name: &str, body: &str) -> (ChildId, String) {
        let (id, person) = (ChildId(Uuid::now_v7()), PersonId(Uuid::now_v7()));
        let id_number = complete_id_number(body).unwrap();
        let identity = json!({ "name": name, "id_number": id_number });
        let born_on = NaiveDate::from_ymd_opt(2026, 3, 1).unwrap();
        let keys = &self.app.keys;
        let row = person::Model {
            id: person,
            identity: keys.seal(Place::new(places::PERSON_IDENTITY, person.0), &identity).unwrap(),
            id_number_index: Some(keys.blind("id_number", &id_number)),
            phone_index: None,
            born_on: Some(born_on),
            sex: Some(Sex::Female),
            region_code: None,
            created_at: self.now(),
            version: 1,
        };
        let db = self.app.db.write();
        person::Entity::insert(row.into_active_model()).exec_without_returning(db).await.unwrap();
        let row = child::Model {
            id,
            handbook_id: handbook,
            pregnancy_id: None,
            person_id: person,
            identity_index: None,
            birth_order: 1,
            born_on,
            born_at: None,
            birth_weight_g: Some(3200),
            gestational_days: Some(275),
            ended_on: None,
            voided_at: None,
            version: 1,
        };
        child::Entity::insert(row.into_active_model()).exec_without_returning(db).await.unwrap();
        (id, id_number)
    }

    /// An entry of the family as another process leaves it: in the database, without a word to this one.
    pub async fn entry(&self, mother: &Mother, is_private: bool) -> RecordId {
        let id = RecordId(Uuid::now_v7());
        let txn = self.app.db.begin().await.unwrap();
        let row = record::Model {
            id,
            handbook_id: mother.handbook,
            subject: SubjectKind::Woman,
            child_id: None,
            pregnancy_id: Some(mother.pregnancy),
            source: Source::Family,
            kind: "diary".to_owned(),
            edition: "2017".to_owned(),
            occurred_on: self.app.today(),
            occurred_at: None,
            user_id: Some(mother.user.id),
            staff_id: None,
            author_role: "owner".to_owned(),
            institution_id: None,
            visit_id: None,
            state: RecordState::Live,
            is_private,
            awaits_countersign_of: None,
            countersigned_by: None,
            payload: json!({}),
            sealed: None,
            warnings: json!([]),
            photos: api::db::entities::PhotoIds(Vec::new()),
            edited_at: None,
            override_reason: None,
            recorded_at: self.now(),
            changed_at: self.now(),
            change_seq: next_change(&txn, mother.handbook).await.unwrap(),
            hidden_seq: None,
            version: 1,
        };
        record::Entity::insert(row.into_active_model()).exec_without_returning(&txn).await.unwrap();
        txn.commit().await.unwrap();
        id
    }

    /// How many reads stand in the audit log.
    pub async fn reads(&self) -> i64 {
        self.number("SELECT COUNT(*) FROM audit_event WHERE kind = 'read'").await
    }

    /// A number that a query gives.
    pub async fn number(&self, sql: &str) -> i64 {
        let query = Statement::from_string(self.app.db.backend(), sql);
        let row = self.app.db.read().query_one_raw(query).await.unwrap().unwrap();
        row.try_get_by_index::<i64>(0).unwrap()
    }

    /// Changes rows behind the API.
    pub async fn execute<const N: usize>(&self, sql: &str, values: [SqlValue; N]) {
        let change = api::db::statement(self.app.db.backend(), sql, values);
        self.app.db.write().execute_raw(change).await.unwrap();
    }

    /// A second process on the same database, cache and clock.
    pub async fn replica(&self) -> Replica {
        let reading = self.clock.clone();
        let clock = Clock::from_fn(move || reading.now());
        let app =
            start::serving(self.app.config.clone(), clock, Wechat::stand_in(&self.wechat)).await.unwrap();
        let (base_url, server) = serve(app.clone());
        Replica { app, base_url, server }
    }
}

/// A second process.
pub struct Replica {
    pub app: Data<App>,
    base_url: String,
    server: ServerHandle,
}

impl Replica {
    /// Somebody who is not signed in, at this process.
    pub fn anybody(&self) -> Client {
        Client::new(reqwest::Client::new(), self.base_url.clone(), None)
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.app.stop.send_replace(true);
        drop(self.server.stop(false));
    }
}

impl Mother {
    /// The code that her phone shows.
    pub async fn show_code(&self) -> Value {
        self.user.client.post(&format!("/api/v1/handbooks/{}/code", self.handbook), json!({})).await.ok()
    }

    /// The link of the code on the cover, printed by the health centre's administrator.
    pub async fn cover(&self, administrator: &StaffMember) -> String {
        let path = format!("/api/v1/handbooks/{}/printed-code", self.handbook);
        administrator.client.get(&path).await.ok()["url"].as_str().unwrap().to_owned()
    }

    /// What she was told, the newest first.
    pub async fn notices(&self) -> Vec<Value> {
        let path = format!("/api/v1/handbooks/{}/notices", self.handbook);
        self.user.client.get(&path).await.ok()["items"].as_array().unwrap().clone()
    }

    /// The kinds of what she was told, the newest first.
    pub async fn told(&self) -> Vec<String> {
        let notices = self.notices().await;
        notices.iter().map(|notice| notice["kind"].as_str().unwrap().to_owned()).collect()
    }
}

impl StaffMember {
    /// Scans a text.
    pub async fn scan(&self, code: &str) -> Answer {
        self.client.post("/api/v1/visits", json!({ "code": code })).await
    }

    /// Scans the code on a cover and types the last four.
    pub async fn scan_cover(&self, code: &str, last_four: &str) -> Answer {
        self.client.post("/api/v1/visits", json!({ "code": code, "last_four": last_four })).await
    }
}

/// An open stream of live updates.
pub struct Events {
    response: reqwest::Response,
    text: String,
}

impl Events {
    /// Follows a handbook: a ticket, then the stream.
    pub async fn follow(client: &Client, handbook: HandbookId) -> Self {
        let path = format!("/api/v1/handbooks/{handbook}/live-ticket");
        let ticket = client.post(&path, json!({})).await.ok();
        Self::open(client, ticket["url"].as_str().unwrap()).await
    }

    /// Opens a stream at an address that a ticket gave.
    pub async fn open(client: &Client, url: &str) -> Self {
        let response = client.request(reqwest::Method::GET, url).send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, text: String::new() }
    }

    /// What comes next, heartbeats too; `None` when the stream ended.
    pub async fn next(&mut self) -> Option<String> {
        tokio::time::timeout(PATIENCE, self.read()).await.expect("something comes or the stream ends in time")
    }

    /// The number of the next change, passing over heartbeats.
    pub async fn change(&mut self) -> i64 {
        let reading = async {
            loop {
                let event = self.read().await.expect("the stream is open");
                if let Some(data) = event.lines().find_map(|line| line.strip_prefix("data: ")) {
                    assert!(event.starts_with("event: changed\n"));
                    return serde_json::from_str::<Value>(data).unwrap()["seq"].as_i64().unwrap();
                }
            }
        };
        tokio::time::timeout(PATIENCE, reading).await.expect("a change comes in time")
    }

    async fn read(&mut self) -> Option<String> {
        loop {
            if let Some(at) = self.text.find("\n\n") {
                let event = self.text[..at].to_owned();
                self.text.drain(..at + 2);
                return Some(event);
            }
            let chunk = self.response.chunk().await.ok().flatten()?;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}
