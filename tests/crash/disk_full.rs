//! The disk of the embedded database fills up: a real one, a small file system in memory that only the server sees.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::ground::{Ground, Muzi};
use super::until;
use crate::support::operator::said;
use crate::support::{Answer, Client, send};

/// Makes the file system, takes the data of the first folder there, fills it but for a little, and becomes the server.
const ON_A_SMALL_DISK: &str = r#"
    mount -t tmpfs -o size=24m tmpfs "$2"
    cp -a "$1"/. "$2"/
    free=$(df --output=avail -k "$2" | tail -n 1)
    dd if=/dev/zero of="$2/ballast" bs=1024 count=$((free - 1500)) status=none
    exec "$3" serve
"#;

/// Whether this user may make a file system that nobody else sees.
fn own_file_systems() -> Option<Vec<&'static str>> {
    let ways = [vec!["--mount"], vec!["--mount", "--user", "--map-root-user"]];
    ways.into_iter().find(|way| {
        let made = Command::new("unshare").args(way).args(["mount", "-t", "tmpfs", "tmpfs", "/mnt"]).output();
        made.is_ok_and(|made| made.status.success())
    })
}

/// A server whose data lies on a small disk, and where it sees that disk.
async fn on_a_small_disk(ground: &Ground, way: &[&str]) -> (Muzi, String) {
    let disk = ground.operator.path("disk");
    std::fs::create_dir(&disk).unwrap();
    let data = ground.world.app.config.data.display().to_string();
    let muzi = ground
        .start_as(Muzi::new(), |serve| {
            let mut command = Command::new("unshare");
            command
                .args(way)
                .args(["sh", "-euc", ON_A_SMALL_DISK, "sh", &data, &disk])
                .arg(serve.get_program());
            command.env_clear();
            command.envs(serve.get_envs().filter_map(|(name, value)| Some((name, value?))));
            command.env("DATABASE_URL", format!("sqlite://{disk}/muzi.db")).env("MUZI_DATA", &disk);
            command.current_dir(ground.operator.folder.path());
            command
        })
        .await;
    (muzi, disk)
}

/// A folder of a process, past the file systems that it alone sees.
fn seen_by(muzi: &Muzi, folder: &str) -> PathBuf {
    Path::new("/proc").join(muzi.pid().to_string()).join("root").join(folder.trim_start_matches('/'))
}

async fn write(client: &Client, path: &str, id: Uuid) -> Answer {
    let payload =
        json!({ "date": domain::calendar::day_in_china(chrono::Utc::now()), "text": "字".repeat(900) });
    let body = json!({ "id": id, "kind": "diary", "subject": "household", "payload": payload });
    send(client.request(Method::POST, path).json(&body)).await
}

async fn read(client: &Client, handbook: &str, id: Uuid) -> Answer {
    client.get(&format!("{handbook}/records/{id}")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_as_507_reads_go_on_and_with_room_everything_does() {
    if std::env::var_os("TEST_DATABASE_URL").is_some() {
        return; // It is about the embedded database, and runs where journeys are on it.
    }
    let Some(way) = own_file_systems() else {
        crate::support::skip("this user may not mount a file system of its own");
        return;
    };
    let ground = Ground::with(|config| config.redis_url = None).await;
    ground.world.app.db.close().await.unwrap();
    let (muzi, place) = on_a_small_disk(&ground, &way).await;
    let home = &ground.homes[0];
    let client = Client::new(reqwest::Client::new(), muzi.base(), Some(home.mother.token()));
    let handbook = format!("/api/v1/handbooks/{}", home.handbook);
    let entries = format!("{handbook}/entries");

    let mut written = Vec::new();
    let refused = loop {
        let id = Uuid::now_v7();
        let answer = write(&client, &entries, id).await;
        if !answer.status.is_success() {
            break (id, answer);
        }
        written.push(id);
        assert!(written.len() < 5000, "the disk is never full");
    };
    let told = refused.1.problem(507, "storage_full");
    assert_eq!(refused.1.headers["retry-after"], "2");
    assert!(told["title"].as_str().is_some_and(|title| !title.is_empty()));
    let mut not_written = vec![refused.0];
    for _ in 0..20 {
        let id = Uuid::now_v7();
        let answer = write(&client, &entries, id).await;
        // What the refused one left free may be room for another.
        if answer.status.is_success() {
            written.push(id);
        } else {
            answer.problem(507, "storage_full");
            not_written.push(id);
        }
    }
    for id in &written {
        read(&client, &handbook, *id).await.ok();
    }
    for id in not_written {
        read(&client, &handbook, id).await.problem(404, "not_found");
    }
    assert_eq!(client.get("/readyz").await.status, 200, "it can be read from");

    std::fs::remove_file(seen_by(&muzi, &place).join("ballast")).unwrap();
    let again = async || write(&client, &entries, refused.0).await.status.is_success();
    until("with room the same request is carried out", again).await;
    let first: Value = read(&client, &handbook, refused.0).await.ok();
    assert_eq!(first["version"], 1);
    println!("the disk was full after {} entries", written.len());

    // The same disk, as the commands see it.
    let process = muzi.pid().to_string();
    for arguments in [["stats", "verify"], ["audit", "verify"]] {
        let muzi = ground.operator.bare(&arguments);
        let mut command = Command::new("nsenter");
        command.args(["--target", &process, "--mount"]);
        if way.contains(&"--user") {
            command.args(["--user", "--preserve-credentials"]);
        }
        command.arg(muzi.get_program()).args(arguments).env_clear();
        command.envs(muzi.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("DATABASE_URL", format!("sqlite://{place}/muzi.db")).env("MUZI_DATA", &place);
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", said(&output));
    }
}
