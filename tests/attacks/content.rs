//! What is written to be read by something else: a spreadsheet, a browser, a parser, a log, a database, a file system.

use std::io::Read;

use domain::access::Role;
use domain::handbook::Group;
use domain::institution::AgencyClass;
use domain::place::RegionLevel;
use reqwest::Method;
use serde_json::{Value, json};

use super::{is_a_plain_refusal, post_with};
use crate::entries::{entries, pressure, records};
use crate::photos::upload_picture;
use crate::support::issuing::{Desk, at, child_form};
use crate::support::operator::Operator;
use crate::support::people::{PASSWORD, TOWN};
use crate::support::{COUNTY, Client, World, send};

/// Beginnings that a spreadsheet would compute with, half- and full-width.
const FORMULAS: [&str; 10] = [
    "=HYPERLINK(\"http://example.cn\",\"点\")",
    "+1+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1:A9)",
    "＝1+1",
    "＋1",
    "－1",
    "＠SUM(1)",
    "'=1+1",
    "\u{ff1d}cmd",
];

/// The sheet of figures is the only one there is; families and clerks get JSON.
#[tokio::test(flavor = "multi_thread")]
async fn a15_a_name_that_begins_like_a_formula_is_text_in_the_sheet_and_refused_with_control_characters() {
    let world = World::empty().await;
    let county = world.county().await;
    for name in FORMULAS {
        let classes = [AgencyClass::PrimaryCare];
        let institution = world.institution(name, TOWN, RegionLevel::Town, &classes, Group::ALL).await;
        world.issued(institution, Group::Child, world.now()).await;
    }
    let desk = world.staff(&[Role::TownshipOffice], None, TOWN, RegionLevel::Town).await.client;
    let sheet = desk.get("/api/v1/usage?from=2026-11&to=2026-11&format=xlsx").await;
    assert_eq!(
        (sheet.status.as_u16(), &sheet.headers["x-content-type-options"]),
        (200, &"nosniff".parse().unwrap())
    );
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(&sheet.bytes)).unwrap();
    let mut part = |name: &str| {
        let mut text = String::new();
        archive.by_name(name).unwrap().read_to_string(&mut text).unwrap();
        text
    };
    let (cells, strings, styles) =
        (part("xl/worksheets/sheet1.xml"), part("xl/sharedStrings.xml"), part("xl/styles.xml"));
    assert!(
        !cells.contains("<f>") && !cells.contains("<f ") && !cells.contains("hyperlink"),
        "no cell computes"
    );
    let unescaped = strings.replace("&quot;", "\"").replace("&apos;", "'").replace("&amp;", "&");
    let quoted: Vec<_> = styles.split("<cellXfs").nth(1).unwrap().split("<xf ").skip(1).collect();
    for name in FORMULAS {
        let at = unescaped.split("<si>").skip(1).position(|item| item.contains(&format!(">{name}<")));
        let at = at.unwrap_or_else(|| panic!("{name} is in the sheet"));
        let value = format!("t=\"s\"><v>{at}</v>");
        let cell = cells.split("<c ").find(|cell| cell.contains(&value)).unwrap();
        let style: usize = cell.split("s=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap();
        assert!(quoted[style].contains("quotePrefix=\"1\""), "{name} stays text when it is edited");
    }

    // Tab, carriage return and what cannot be seen do not get into a name at all, by a form or by a file.
    let mch = world.staff(&[Role::CountyMch], Some(county.mch), COUNTY, RegionLevel::County).await.client;
    for name in [
        "河\t=1+1",
        "河\r\n=1",
        "河\u{202e}txt",
        "河\u{0}",
        "河\u{200b}",
        "河\u{61c}",
        "河\u{2028}川",
        "河\u{e0041}",
    ] {
        let body = json!({ "name": name, "region": { "code": TOWN, "level": "town" }, "classes": ["primary_care"], "level": "primary", "midwifery": false, "phone": "0825-2222333" });
        is_a_plain_refusal(&mch.post("/api/v1/institutions", body).await, name);
        let csv = format!(
            "name,region_code,region_level,classes,phone\n\"{name}\",{TOWN},town,primary_care,0825-2222333\n"
        );
        let headers = [("content-type", "text/csv"), ("idempotency-key", "k")];
        is_a_plain_refusal(&post_with(&mch, "/api/v1/imports/institutions", &headers, csv).await, name);
    }
    // A diary goes out as JSON and as it was written.
    let mother = world.mother(&county).await;
    for text in FORMULAS {
        mother.user.client.post(&entries(&mother), diary(text)).await.ok();
    }
    let timeline = mother.user.client.get(&records(&mother)).await;
    assert_eq!(timeline.headers["content-type"], "application/json");
    assert_eq!(timeline.ok()["items"][0]["payload"]["text"], FORMULAS[FORMULAS.len() - 1]);
}

fn diary(text: &str) -> Value {
    json!({ "kind": "diary", "subject": "household", "payload": { "date": "2026-11-22", "text": text } })
}

/// There are no pages of clinics yet: what they will draw comes as JSON that no browser takes for a page.
#[tokio::test(flavor = "multi_thread")]
async fn a17_markup_is_stored_as_it_is_and_no_answer_is_ever_a_page_made_of_it() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let doctor = world.clinician_at(mother.handbook, county.hospital).await;
    let markup = [
        "<script>alert(1)</script>",
        "<svg onload=alert(1)>",
        "<img src=x onerror=alert(1)>",
        "[点这里](javascript:alert(1))",
        "javascript:alert(1)",
        "</textarea><iframe srcdoc='x'>",
        "{{7*7}} ${7*7} <%= 7 %>",
    ];
    let is_json = |answer: &crate::support::Answer, what: &str| {
        let media = answer.headers["content-type"].to_str().unwrap();
        assert!(["application/json", "application/problem+json"].contains(&media), "{what}: {media}");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff", "{what}");
        assert_eq!(answer.headers["x-frame-options"], "DENY", "{what}");
    };
    for text in markup {
        let written = mother.user.client.post(&entries(&mother), diary(text)).await;
        is_json(&written, text);
        let id = written.ok()["id"].as_str().unwrap().to_owned();
        let shown = doctor.client.get(&format!("{}/{id}", records(&mother))).await;
        is_json(&shown, text);
        assert_eq!(shown.ok()["payload"]["text"], text, "whoever draws it escapes it");

        let mut nonsense = pressure(118, 76);
        nonsense["kind"] = json!(text);
        let refused = mother.user.client.post(&entries(&mother), nonsense).await;
        is_json(&refused, text);
        let encoded: String =
            form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20");
        for path in [format!("/api/v1/{encoded}"), format!("/api/v1/me?x={encoded}"), format!("/{encoded}")] {
            is_json(&mother.user.client.get(&path).await, &path);
        }
        let landing = world.anybody().get(&format!("/s/{encoded}")).await;
        let plain = world.anybody().get("/s/x").await;
        if landing.status == 200 {
            assert_eq!(landing.bytes, plain.bytes, "the page repeats nothing of {text}");
            let policy = landing.headers["content-security-policy"].to_str().unwrap();
            assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        } else {
            is_json(&landing, text);
        }
    }
    for turned in ["\u{202e}反写", "好\u{2066}的"] {
        mother.user.client.post(&entries(&mother), diary(turned)).await.problem(422, "invalid");
    }
    // A picture that is a page is no picture; one that is served is served as what it is.
    let photo = upload_picture(&mother).await;
    let path = format!("/api/v1/handbooks/{}/photos", mother.handbook);
    for page in
        ["<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "GIF89a<script>alert(1)</script>"]
    {
        let headers = [("content-type", "image/png"), ("idempotency-key", page.get(1..4).unwrap())];
        post_with(&mother.user.client, &path, &headers, page).await.problem(422, "photo_refused");
    }
    let shown = mother.user.client.get(&format!("{path}/{}", photo.as_str().unwrap())).await;
    assert_eq!(
        (&shown.headers["content-type"], &shown.headers["x-content-type-options"]),
        (&"image/png".parse().unwrap(), &"nosniff".parse().unwrap())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a27_whatever_is_broken_the_refusal_says_nothing_of_the_inside() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let client = &mother.user.client;
    let handbook = mother.handbook;
    let admin = world.administrator(county.health_centre).await;
    let bodies: [&[u8]; 22] = [
        b"",
        b"{",
        b"{\"kind\":",
        b"null",
        b"[]",
        b"\"text\"",
        b"1e400",
        b"-",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b"{\"kind\":\"\\ud800\"}",
        b"{\"kind\":1e400}",
        b"{\"kind\":{\"kind\":[]}}",
        b"{\"kind\":\"a\",\"kind\":\"b\"}",
        b"{\"kind\":\"\\u0000\"}",
        b"NaN",
        b"{\"payload\":{\"systolic\":99999999999999999999999}}",
        b"{\"payload\":{\"measured_at\":\"99999-12-31T00:00:00Z\"}}",
        b"{\"kind\":true}",
        b"{} {}",
        b"\x1f\x8b\x08\x00",
        b"<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY y SYSTEM \"file:///etc/passwd\">]><x>&y;</x>",
    ];
    let posts = [
        (client, format!("/api/v1/handbooks/{handbook}/entries")),
        (client, "/api/v1/claims".to_owned()),
        (client, "/api/v1/sign-in/wechat".to_owned()),
        (client, "/api/v1/sign-in/staff".to_owned()),
        (client, "/api/v1/sign-in/refresh".to_owned()),
        (client, "/api/v1/invitations/accept".to_owned()),
        (&admin, "/api/v1/handbooks".to_owned()),
        (&admin, "/api/v1/handbooks/find".to_owned()),
        (&admin, "/api/v1/visits".to_owned()),
        (&admin, "/api/v1/visits/by-id-card".to_owned()),
    ];
    let mut tried = 0;
    for (client, path) in &posts {
        for (at, body) in bodies.iter().enumerate() {
            for media in ["application/json", "application/json; charset=utf-16"] {
                let key = format!("{at}-{}", media.len());
                let headers = [("content-type", media), ("idempotency-key", key.as_str())];
                let answer = post_with(client, path, &headers, body.to_vec()).await;
                is_a_plain_refusal(&answer, &format!("{path} {}", String::from_utf8_lossy(body)));
                assert_eq!(answer.headers["content-type"], "application/problem+json");
                tried += 1;
            }
        }
        for encoding in ["gzip", "br", "deflate", "chunked"] {
            let headers = [
                ("content-type", "application/json"),
                ("content-encoding", encoding),
                ("idempotency-key", encoding),
            ];
            is_a_plain_refusal(
                &post_with(client, path, &headers, "\u{1f}nonsense").await,
                &format!("{path} {encoding}"),
            );
        }
    }
    assert_eq!(tried, posts.len() * bodies.len() * 2);

    let wrong_days = [
        "99999-01-01",
        "2026-02-30",
        "-0001-01-01",
        "0000-00-00",
        "2026-11-22T00:00:00+99:99",
        "+275760-09-13",
        "1e9",
    ];
    for day in wrong_days {
        let mut form = crate::support::issuing::pregnant_form(1);
        form["pregnancy"]["last_menstrual_period"] = json!(day);
        is_a_plain_refusal(&admin.post("/api/v1/handbooks", form).await, day);
        let mut entry = diary("x");
        entry["payload"]["date"] = json!(day);
        is_a_plain_refusal(&client.post(&entries(&mother), entry).await, day);
        for path in ["/api/v1/usage?from={}", "/api/v1/visits?on={}", "/api/v1/usage/days?days={}"] {
            let path = path.replace("{}", &day.replace('+', "%2B"));
            is_a_plain_refusal(&admin.get(&path).await, &path);
        }
    }
    for number in [
        json!(1e308),
        json!(-1e308),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(0.1e-300),
        json!("1e400"),
        json!(true),
    ] {
        let mut body = pressure(118, 76);
        body["payload"]["systolic"] = number.clone();
        is_a_plain_refusal(&client.post(&entries(&mother), body).await, &number.to_string());
    }
    for cursor in ["AAAA", "%00", "' OR 1=1", "[]", &"A".repeat(4000)] {
        let path = format!("/api/v1/handbooks/{handbook}/records?cursor={cursor}");
        is_a_plain_refusal(&client.get(&path).await, cursor);
    }
}

/// Days that a calendar knows, PostgreSQL does not and SQLite compares as texts; no handbook can speak of them.
#[tokio::test(flavor = "multi_thread")]
async fn a27_a_day_that_no_handbook_can_speak_of_is_refused_wherever_a_day_may_be_sent() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let desk = Desk(world.administrator(county.health_centre).await);
    let doctor = world.doctor(county.health_centre).await;
    let mch = world.county_mch(county.mch).await;
    let born_on = |order, day: &str| {
        let mut form = child_form(order, "2026-11-01");
        form["woman"]["id_number"] = json!(null);
        form["woman"]["birth_date"] = json!(day);
        form
    };
    let issued = desk.issued(born_on(1, "1995-01-01")).await;
    let death = at(&issued, &format!("/children/{}/death", issued["children"][0].as_str().unwrap()));
    let of_staff = format!("/api/v1/staff/{}", doctor.id);
    let before = what_days_stand_in(&world).await;
    for day in ["-262143-01-01", "-9999-01-01", "0000-01-01", "+20000-01-01"] {
        let export = |filters: Value| json!({ "list": "visits", "form": "csv", "purpose": "核对本周就诊登记，补录缺项", "filters": filters });
        let nurse = json!({
            "user_name": "wang.nurse", "name": "王小明", "title": "护士", "roles": ["clinician"],
            "institution": county.health_centre, "trained_on": day,
        });
        let posts = [
            (&desk.0, "/api/v1/handbooks".to_owned(), born_on(2, day), "/woman/birth_date"),
            (&desk.0, "/api/v1/handbooks".to_owned(), child_form(2, day), "/children/0/birth_date"),
            (&desk.0, death.clone(), json!({ "died_on": day }), "/died_on"),
            (&doctor.client, "/api/v1/exports".to_owned(), export(json!({ "from": day })), "/filters/from"),
            (&doctor.client, "/api/v1/exports".to_owned(), export(json!({ "to": day })), "/filters/to"),
            (&mch, "/api/v1/staff".to_owned(), nurse, "/trained_on"),
            (&mch, format!("{of_staff}/leave"), json!({ "on": day }), "/on"),
        ];
        for (client, path, body, pointer) in posts {
            let refused = client.post(&path, body).await.problem(422, "invalid");
            assert_eq!(refused["errors"][0]["pointer"], pointer, "{day} at {path}: {refused}");
        }
        let right = json!({ "person": "woman", "birth_date": day, "reason": "出生日期登记有误" });
        let changes = [
            (&desk.0, Method::POST, at(&issued, "/identity"), right, "/birth_date"),
            (&mch, Method::PATCH, of_staff.clone(), json!({ "trained_on": day }), "/trained_on"),
        ];
        for (client, method, path, body, pointer) in changes {
            let refused = client.change(method, &path, "\"1\"", body).await.problem(422, "invalid");
            assert_eq!(refused["errors"][0]["pointer"], pointer, "{day} at {path}: {refused}");
        }
        let csv = format!(
            "user_name,name,title,roles,institution_region_code,institution,trained_on\n\
             wang.nurse,王小明,护士,clinician,{TOWN},河沙镇卫生院,{day}\n"
        );
        let headers = [("content-type", "text/csv"), ("idempotency-key", "k")];
        let refused = post_with(&mch, "/api/v1/imports/staff", &headers, csv).await.problem(422, "invalid");
        assert_eq!(refused["errors"][0]["pointer"], "/2/trained_on", "{day}: {refused}");
        let asked = [
            (&doctor.client, "/api/v1/visits".to_owned(), "day"),
            (&mother.user.client, records(&mother), "from"),
            (&mother.user.client, records(&mother), "to"),
        ];
        for (client, path, parameter) in asked {
            let path = format!("{path}?{parameter}={}", day.replace('+', "%2B"));
            let refused = client.get(&path).await.problem(400, "bad_query");
            assert_eq!(refused["errors"][0]["parameter"], parameter, "{path}: {refused}");
        }
    }
    assert_eq!(what_days_stand_in(&world).await, before, "nothing was written");
}

/// How many rows there are that could hold a day of somebody's, and how often they were changed.
async fn what_days_stand_in(world: &World) -> Vec<i64> {
    let mut counts = Vec::new();
    for table in ["person", "handbook", "child", "staff", "disclosure", "desk_act"] {
        counts.push(world.number(&format!("SELECT COUNT(*) FROM {table}")).await);
    }
    for table in ["person", "child", "staff"] {
        counts.push(world.number(&format!("SELECT COUNT(*) FROM {table} WHERE version > 1")).await);
    }
    counts
}

/// The real program, as in production and telling everything that it can: each line stays one record of JSON, and none of
/// them holds what was sent. The whole run of the tests is searched for the same in `tests/run canaries`.
#[tokio::test(flavor = "multi_thread")]
async fn a29_lines_of_the_log_stay_records_and_hold_no_token_number_or_phone() {
    let mut operator = Operator::new();
    let world = operator.world().await;
    let created =
        operator.muzi(&world, &["admin", "create", "--user-name", "root.admin"], &format!("{PASSWORD}\n"));
    assert!(created.status.success());
    let server = operator.serving(&world, "trace").await;
    let anybody = server.client(None);
    let body = json!({ "user_name": "root.admin", "password": PASSWORD, "device": "一台电脑\n{\"level\":\"ERROR\"}" });
    let refused = anybody.post("/api/v1/sign-in/staff", body).await;
    is_a_plain_refusal(&refused, "a device of two lines");
    let body = json!({ "user_name": "root.admin", "password": PASSWORD });
    let tokens = anybody.post("/api/v1/sign-in/staff", body).await.ok();
    let (access, refresh) =
        (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
    let signed_in = server.client(Some(access));
    signed_in.get("/api/v1/me").await.ok();
    let (number, phone, code) = ("510903199501010022", "13800138000", "QRtokenQRtokenQRtoken0");
    let forged = "\r\n{\"timestamp\":\"2020-01-01T00:00:00Z\",\"level\":\"ERROR\",\"forged\":true}\n";
    let encoded: String = form_urlencoded::byte_serialize(forged.as_bytes()).collect();
    for path in [
        format!("/s/{code}"),
        format!("/api/v1/live?ticket={code}"),
        format!("/api/v1/me?token={access}"),
        format!("/api/v1/staff?name={number}"),
        format!("/api/v1/{phone}/{encoded}"),
        format!("/api/v1/me?{encoded}={number}"),
    ] {
        signed_in.get(&path).await;
    }
    for body in [
        json!({ "user_name": forged, "password": "Guess-of-a-thief-1" }),
        json!({ "user_name": number, "password": "Guess-of-a-thief-2", "totp": phone }),
        json!({ "refresh_token": refresh }),
        json!({ "code": code, "phone": phone, "name": "王小红", "id_number": number }),
    ] {
        for path in [
            "/api/v1/sign-in/staff",
            "/api/v1/sign-in/refresh",
            "/api/v1/sign-in/wechat",
            "/api/v1/claims",
            "/api/v1/handbooks/find",
        ] {
            anybody.post(path, body.clone()).await;
            signed_in.post(path, body.clone()).await;
        }
    }
    for (name, value) in [
        ("user-agent", format!("{number} {phone}")),
        ("x-request-id", number.to_owned()),
        ("x-forwarded-for", phone.to_owned()),
        ("cookie", format!("t={access}")),
    ] {
        send(signed_in.request(Method::GET, "/api/v1/me").header(name, value)).await;
    }
    let metrics = server.metrics().await;
    let log = server.stopped().await;
    let lines: Vec<&str> = log.lines().collect();
    assert!(lines.len() > 30, "{} lines", lines.len());
    for line in &lines {
        let record: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("a line that is no record"));
        assert!(record["level"].is_string() && record.get("forged").is_none());
    }
    let secrets = [
        ("password", PASSWORD),
        ("access token", access),
        ("refresh token", refresh),
        ("number", number),
        ("phone", phone),
        ("code", code),
        ("name", "王小红"),
        ("guess", "Guess-of-a-thief"),
        ("forged record", "forged"),
    ];
    for (what, secret) in secrets {
        let told = lines
            .iter()
            .find(|line| line.contains(secret))
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["target"].clone());
        assert_eq!(told, None, "the log tells the {what}");
        assert!(!metrics.contains(secret), "the metrics tell the {what}");
    }
    assert!(metrics.contains("muzi_requests_total"));
}

/// Nothing that is asked for becomes part of a statement; `LIKE` is nowhere in the program.
#[tokio::test(flavor = "multi_thread")]
async fn a33_quotes_comments_and_wildcards_find_nothing_and_change_nothing() {
    let world = World::empty().await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let mch = world.staff(&[Role::CountyMch], Some(county.mch), COUNTY, RegionLevel::County).await.client;
    let desk = world.administrator(county.health_centre).await;
    let tables = "SELECT COUNT(*) FROM handbook";
    let before = (world.number(tables).await, world.number("SELECT COUNT(*) FROM staff").await);
    let everything = mch.get("/api/v1/institutions").await.ok()["items"].as_array().unwrap().len();
    assert!(everything >= 5);
    for evil in [
        "%",
        "_",
        "%%",
        "____",
        "' OR '1'='1",
        "'; DROP TABLE handbook; --",
        "\\",
        "\" OR \"\"=\"",
        "/*",
        ") OR (1=1",
        "河%",
        "_山区人民医院",
        "1); SELECT pg_sleep(9)--",
    ] {
        let encoded: String = form_urlencoded::byte_serialize(evil.as_bytes()).collect();
        let found = mch.get(&format!("/api/v1/institutions?name={encoded}")).await.ok();
        assert_eq!(found["items"], json!([]), "{evil} is no part of a name");
        for path in [
            format!("/api/v1/institutions?class={encoded}"),
            format!("/api/v1/institutions?region={encoded}&level=county"),
            format!("/api/v1/institutions?cursor={encoded}"),
            format!("/api/v1/institutions?sort={encoded}"),
            format!("/api/v1/institutions?limit={encoded}"),
            format!("/api/v1/staff?region={encoded}"),
            format!("/api/v1/regions?parent={encoded}"),
            format!("/api/v1/regions/{encoded}"),
            format!("/api/v1/usage?region={encoded}&level=county"),
            format!("/api/v1/usage?from={encoded}"),
            format!("/api/v1/catalogue/{encoded}"),
            format!("/api/v1/handbooks/{}/records?kind={encoded}", mother.handbook),
        ] {
            for client in [&mch, &mother.user.client] {
                let answer = client.get(&path).await;
                let empty = answer.status == 200 && answer.json()["items"] == json!([]);
                if !empty {
                    is_a_plain_refusal(&answer, &path);
                }
            }
        }
        for body in [json!({ "number": evil }), json!({ "id_number": evil }), json!({ "phone": evil })] {
            is_a_plain_refusal(&desk.post("/api/v1/handbooks/find", body).await, evil);
        }
        is_a_plain_refusal(&world.sign_in(evil, evil).await, evil);
        mother.user.client.post(&entries(&mother), diary(evil)).await.ok();
    }
    assert_eq!((world.number(tables).await, world.number("SELECT COUNT(*) FROM staff").await), before);
}

/// Photos have names that the server made; that a backup holds no paths is shown in `backup`.
#[tokio::test(flavor = "multi_thread")]
async fn a39_no_name_of_the_callers_reaches_the_file_system() {
    let world = World::with(|config| {
        config.wechat.verification = Some(api::config::VerificationFile {
            name: "Ab1.txt".to_owned(),
            content: "what-the-file-holds".to_owned(),
        });
    })
    .await;
    let county = world.county().await;
    let mother = world.mother(&county).await;
    let client = &mother.user.client;
    let photos = format!("/api/v1/handbooks/{}/photos", mother.handbook);
    let names =
        ["../../../../etc/passwd", "a\0.png", "..%2f..%2fetc%2fpasswd", "%c0%ae%c0%ae/", "CON", ".muzi.db"];
    let photo = upload_picture(&mother).await;
    for (at, name) in names.iter().enumerate() {
        let printable = name.replace('\0', "%00");
        let disposition = format!("attachment; filename=\"{printable}\"");
        let key = format!("n{at}");
        let headers = [
            ("content-type", "image/png"),
            ("idempotency-key", key.as_str()),
            ("content-disposition", disposition.as_str()),
            ("slug", printable.as_str()),
        ];
        let file = client.get(&format!("{photos}/{}", photo.as_str().unwrap())).await.bytes;
        post_with(client, &photos, &headers, file).await.ok();
        client.post(&photos, json!({ "filename": name })).await.problem(415, "unsupported_media_type");
    }
    let folder = world.app.config.data.join("photos");
    let mut kept = 0;
    for file in std::fs::read_dir(&folder).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        assert!(name.parse::<uuid::Uuid>().is_ok(), "{name}");
        kept += 1;
    }
    assert_eq!(kept, 1 + names.len());
    let ways = [
        "..%2f..%2f..%2fetc%2fpasswd",
        "%2e%2e%2fmuzi.db",
        "..%5c..%5cmuzi.db",
        "%00",
        "x%00.png",
        "%c0%ae%c0%ae%2fmuzi.db",
        "%252e%252e%252fmuzi.db",
        "....%2f%2fmuzi.db",
        "%ef%bc%8e%ef%bc%8e%2fmuzi.db",
        "~",
        "muzi.db",
        "Ab1.txt%00",
    ];
    for way in ways {
        for base in [
            format!("{photos}/"),
            "/s/".to_owned(),
            "/docs/".to_owned(),
            "/".to_owned(),
            "/api/v1/catalogue/".to_owned(),
        ] {
            let answer = client.get(&format!("{base}{way}")).await;
            assert!(!answer.status.is_server_error(), "{base}{way}: {}", answer.status);
            let text = answer.text();
            assert!(
                !text.contains("root:")
                    && !text.contains("SQLite format")
                    && !text.contains("what-the-file-holds"),
                "{base}{way}"
            );
            assert!(base == "/s/" || answer.status.is_client_error(), "{base}{way}: {}", answer.status);
        }
    }
    assert_eq!(world.anybody().get("/s/Ab1.txt").await.text(), "what-the-file-holds");
    let regions: Client = world.system_administrator().await.client;
    let csv = "code,level,name_zh\n510000000000,province,../../四川\n";
    let headers = [
        ("content-type", "text/csv"),
        ("idempotency-key", "k"),
        ("content-disposition", "attachment; filename=\"/etc/x\""),
    ];
    post_with(&regions, "/api/v1/imports/regions?dry_run=true", &headers, csv).await;
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), kept);
}
