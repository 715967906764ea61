//! The commands that read the log: verify, who saw whom, the head.

use api::audit::ask;

use super::heads::day_closed;
use super::{behind_the_api, request_of, sealed};
use crate::entries::records;
use crate::support::World;
use crate::support::operator::{Operator, said};

#[tokio::test(flavor = "multi_thread")]
async fn the_command_verifies_tells_who_saw_and_prints_the_head() {
    let server = Operator::new();
    let world = server.world().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let doctor = world.clinician_at(mother.handbook, county.hospital).await;
    doctor.client.get(&records(&mother)).await.ok();
    sealed(&world).await;
    let output = server.muzi(&world, &["audit", "head"], "");
    assert_eq!(output.status.code(), Some(1), "there is none before the first midnight");
    day_closed(&world).await;
    let output = server.muzi(&world, &["audit", "head"], "");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let head = server.file("heads.jsonl", &said(&output));
    let output = server.muzi(&world, &["audit", "verify", "--head", &head], "");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("1 daily heads are signed; 1 copies were compared"), "{}", said(&output));
    let output = server.muzi(&world, &["audit", "key"], "");
    assert!(said(&output).starts_with("1:"), "{}", said(&output));

    let days = ["2026-11-01", "2026-11-30"];
    let output = server.muzi(&world, &["audit", "who-saw", &mother.id_number, days[0], days[1]], "");
    assert_eq!(output.status.code(), Some(1));
    assert!(!said(&output).contains(&mother.id_number), "{}", said(&output));
    let output =
        server.muzi(&world, &["audit", "who-saw", "-", days[0], days[1]], &format!("{}\n", mother.id_number));
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let told = said(&output);
    assert!(told.contains("\tread\t李医生 (船山区人民医院)\trecords_timeline\tvisit\t"), "{told}");
    let asked = "SELECT COUNT(*) FROM audit_event WHERE action = 'who_saw' AND command IS NOT NULL";
    assert_eq!(world.number(asked).await, 1);

    behind_the_api(&world, "UPDATE audit_event SET action = 'read_cover' WHERE action = 'read_records'")
        .await;
    let output = server.muzi(&world, &["audit", "verify"], "");
    assert_eq!(output.status.code(), Some(1));
    let expected = format!("batch 1 of replica {}: an event was changed", world.app.replica);
    assert!(said(&output).contains(&expected), "{}", said(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_saw_names_everybody_with_reason_and_is_an_event_itself() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let doctor = world.doctor(county.hospital).await;
    let code = mother.show_code().await;
    doctor.scan(code["url"].as_str().unwrap()).await.ok();
    let read = doctor.client.get(&records(&mother)).await;
    let days = ask::Days { from: "2026-11-22".parse().unwrap(), to: "2026-11-22".parse().unwrap() };
    let whom = [
        ask::Whom::Id(mother.person.0),
        ask::Whom::Id(mother.handbook.0),
        ask::Whom::Number(mother.number.clone()),
        ask::Whom::IdNumber(domain::person::IdNumber::parse(&mother.id_number).unwrap()),
    ];
    for whom in whom {
        let handbooks = ask::handbooks_of(&world.app, &whom).await.unwrap();
        assert_eq!(handbooks, [mother.handbook], "{whom:?}");
    }
    let mut lines = Vec::new();
    ask::who_saw(&world.app, "root", vec![mother.handbook], days, &mut |line| lines.push(line.clone()))
        .await
        .unwrap();
    let last = &lines[lines.len() - 2];
    assert_eq!((last.who.as_str(), last.kind.as_str()), ("李医生 (船山区人民医院)", "read"));
    assert_eq!((last.what.as_str(), last.why.as_str()), ("records_timeline", "visit"));
    assert_eq!(last.request, request_of(&read).to_string());
    assert_eq!(last.at.to_rfc3339(), "2026-11-22T12:00:00+08:00");
    assert_eq!(lines.last().unwrap().who, "at the server: root");
    let log = format!("/api/v1/handbooks/{}/access-log", mother.handbook);
    assert_eq!(mother.user.client.get(&log).await.ok()["items"][0]["who"], "系统运维人员");

    let replica = "UPDATE audit_event SET kind = 'looked_through' WHERE action = 'read_records'";
    behind_the_api(&world, replica).await;
    let mut words = Vec::new();
    let mut note = |line: &ask::Line| words.push(line.kind.clone());
    ask::who_saw(&world.app, "root", vec![mother.handbook], days, &mut note).await.unwrap();
    assert!(words.iter().any(|kind| kind == "looked_through"), "a newer replica's: {words:?}");

    let mut lines = Vec::new();
    let told = ask::affected(&world.app, "root", doctor.id, days, &mut |line| lines.push(line.clone())).await;
    assert_eq!(told.unwrap(), 3);
    assert!(lines.iter().all(|line| line.handbook == mother.number.as_str()));
    let before = ask::Days { from: "2026-11-01".parse().unwrap(), to: "2026-11-21".parse().unwrap() };
    assert_eq!(ask::affected(&world.app, "root", doctor.id, before, &mut |_| {}).await.unwrap(), 0);
}
