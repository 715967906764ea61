//! Regions, institutions and staff from spreadsheets, and the first system administrator.

use std::os::unix::fs::PermissionsExt;

use api::db::entities::{institution, region, staff};
use domain::access::Role;
use domain::place::RegionLevel;
use reqwest::Method;
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::{Value, json};

use crate::support::operator::{Operator, said};
use crate::support::people::{CITY, COUNTY, OTHER_COUNTY, PASSWORD, TOWN, VILLAGE};
use crate::support::{Answer, Client, World, send};

/// Every province, city and county, and the towns and villages of the first counties.
const REGIONS: &str = include_str!("../domain/data/regions.csv");

async fn import(client: &Client, what: &str, csv: &str) -> Answer {
    import_under(client, what, csv, &uuid::Uuid::now_v7().to_string()).await
}

async fn import_under(client: &Client, what: &str, csv: &str, key: &str) -> Answer {
    let request = client.request(Method::POST, &format!("/api/v1/imports/{what}"));
    send(request.header("idempotency-key", key).header("content-type", "text/csv").body(csv.to_owned())).await
}

async fn dry_run(client: &Client, what: &str, csv: &str) -> Answer {
    let request = client.request(Method::POST, &format!("/api/v1/imports/{what}?dry_run=true"));
    send(request.header("content-type", "text/csv; charset=utf-8").body(csv.to_owned())).await
}

fn counts(summary: &Value) -> [u64; 4] {
    ["rows", "added", "changed", "unchanged"].map(|name| summary[name].as_u64().unwrap())
}

fn wrong(problem: &Value) -> Vec<(&str, &str)> {
    let errors = problem["errors"].as_array().unwrap().iter();
    errors.map(|error| (error["pointer"].as_str().unwrap(), error["code"].as_str().unwrap())).collect()
}

// --- Regions ------------------------------------------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread")]
async fn the_regions_of_the_country_come_in_at_once_and_a_second_time_change_nothing() {
    let world = World::empty().await;
    let admin = world.system_administrator().await.client;
    let first = import(&admin, "regions", REGIONS).await.ok();
    assert_eq!(counts(&first), [3550, 3550, 0, 0]);
    let again = import(&admin, "regions", &format!("\u{FEFF}{}", REGIONS.replace('\n', "\r\n"))).await.ok();
    assert_eq!(counts(&again), [3550, 0, 0, 3550]);
    let dongguan = admin.get("/api/v1/regions/441900000000?level=county").await;
    assert_eq!((dongguan.etag(), &dongguan.ok()["parent_code"]), ("\"1\"", &json!(441_900_000_000_i64)));

    let renamed = REGIONS.replace("510903000000,county,船山区", "510903000000,county,船山新区");
    assert_eq!(counts(&dry_run(&admin, "regions", &renamed).await.ok()), [3550, 0, 1, 3549]);
    assert_eq!(counts(&import(&admin, "regions", &renamed).await.ok()), [3550, 0, 1, 3549]);
    let county = admin.get(&format!("/api/v1/regions/{COUNTY}")).await;
    assert_eq!((county.etag(), &county.ok()["name_zh"]), ("\"2\"", &json!("船山新区")));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_row_of_regions_is_named_and_none_comes_in() {
    let world = World::empty().await;
    let admin = world.system_administrator().await.client;
    let csv = "code,level,name_zh,parent_code\n\
               520000000000,province,贵州省,\n\
               52010000000,city,贵阳市,520000000000\n\
               520200000000,town,六盘水市,520000000000\n\
               520300000000,city,,520000000000\n\
               520400000000,city,安顺市,530000000000\n\
               520000000000,province,贵州省,\n\
               520500000000,street,毕节市,\n\
               520600000000,city\n";
    let problem = import(&admin, "regions", csv).await.problem(422, "invalid");
    let expected = ["/3/code", "/5/name_zh", "/8/level", "/9"].map(str::to_owned).to_vec();
    assert_eq!(wrong(&problem).iter().map(|(at, _)| (*at).to_owned()).collect::<Vec<_>>(), expected);
    assert_eq!(problem["errors"][0]["message"], "应为12位区划代码。");

    let csv = "code,level,name_zh,parent_code\n\
               520000000000,province,贵州省,\n\
               520400000000,city,安顺市,530000000000\n\
               520000000000,province,贵州省,\n";
    let problem = import(&admin, "regions", csv).await.problem(422, "invalid");
    assert_eq!(wrong(&problem), [("/3/parent_code", "wrong_place"), ("/4/code", "twice")]);
    assert_eq!(region::Entity::find().count(world.app.db.read()).await.unwrap(), 0, "all or nothing");

    for (csv, at) in [
        ("code,name_zh\n", ("/1", "missing_column")),
        ("code,level,name_zh,colour\n", ("/1", "unknown_column")),
        ("", ("/1", "missing_column")),
    ] {
        let problem = import(&admin, "regions", csv).await.problem(422, "invalid");
        assert_eq!(wrong(&problem)[0], at);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_is_csv_of_a_megabyte_by_somebody_who_may() {
    let world = World::empty().await;
    let county = world.county().await;
    let admin = world.system_administrator().await.client;
    let path = "/api/v1/imports/regions";
    admin.post(path, json!({})).await.problem(415, "unsupported_media_type");
    let keyless = admin.request(Method::POST, path).header("content-type", "text/csv").body(REGIONS);
    send(keyless).await.problem(400, "idempotency_key_required");
    import(&admin, "regions", &"x".repeat(1024 * 1024 + 1)).await.problem(413, "too_large");
    let gbk = admin.request(Method::POST, &format!("{path}?dry_run=true")).header("content-type", "text/csv");
    let gbk = gbk.body(b"code,level,name_zh\n510000000000,province,\xcb\xc4\xb4\xa8\n".to_vec());
    assert_eq!(wrong(&send(gbk).await.problem(422, "invalid")), [("/2", "not_utf8")]);

    let mch = world.staff(&[Role::CountyMch], Some(county.mch), COUNTY, RegionLevel::County).await.client;
    import(&mch, "regions", REGIONS).await.problem(403, "forbidden");
    let doctor =
        world.staff(&[Role::Clinician], Some(county.hospital), COUNTY, RegionLevel::County).await.client;
    for what in ["regions", "institutions", "staff"] {
        dry_run(&doctor, what, "").await.problem(403, "forbidden");
        dry_run(&world.anybody(), what, "").await.problem(401, "not_signed_in");
    }
}

// --- Institutions -------------------------------------------------------------------------------------------------

const INSTITUTIONS: &str =
    "name,region_code,region_level,classes,level,midwifery,phone,is_service_point,issues_to,administrator\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_county_imports_its_institutions_then_their_administrators() {
    let world = World::empty().await;
    let county = world.county().await;
    let mch = world.staff(&[Role::CountyMch], Some(county.mch), COUNTY, RegionLevel::County).await.client;
    let rows = |administrator: &str| {
        format!(
            "{INSTITUTIONS}新桥镇卫生院,{TOWN},town,primary_care;midwifery,primary,是,0825-2333333,true,pregnant; child,{administrator}\n\
             \"河沙镇幼儿园（北）\",{TOWN},town,kindergarten,,,0825-2444444,,,\n"
        )
    };
    assert_eq!(counts(&dry_run(&mch, "institutions", &rows("")).await.ok()), [2, 2, 0, 0]);
    let before = institution::Entity::find().count(world.app.db.read()).await.unwrap();
    assert_eq!(counts(&import(&mch, "institutions", &rows("")).await.ok()), [2, 2, 0, 0]);
    assert_eq!(institution::Entity::find().count(world.app.db.read()).await.unwrap(), before + 2);
    assert_eq!(counts(&import(&mch, "institutions", &rows("")).await.ok()), [2, 0, 0, 2]);

    let staff = format!(
        "user_name,name,title,roles,institution_region_code,institution,trained_on\n\
         zhang.desk,张红,护士长,handbook_administrator;clinician,{TOWN},新桥镇卫生院,2026-05-01\n"
    );
    import(&mch, "staff", &staff).await.ok();
    assert_eq!(counts(&import(&mch, "institutions", &rows("zhang.desk")).await.ok()), [2, 0, 1, 1]);
    let list = mch.get("/api/v1/institutions?name=新桥").await.ok();
    assert_eq!((&list["items"][0]["can_issue"], &list["items"][0]["version"]), (&json!(true), &json!(2)));
    assert_eq!(
        counts(&import(&mch, "institutions", &rows("")).await.ok()),
        [2, 0, 0, 2],
        "empty keeps who is there"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_institution_is_named_and_none_comes_in() {
    let world = World::empty().await;
    let county = world.county().await;
    let mch = world.staff(&[Role::CountyMch], Some(county.mch), COUNTY, RegionLevel::County).await.client;
    let csv = format!(
        "{INSTITUTIONS}好卫生院,{TOWN},town,primary_care,,,0825-2333333,,,\n\
         ,{TOWN},town,hospital,high,maybe,12,,everybody,\n\
         无区划,,,primary_care,,,0825-2333333,,,\n\
         助产,{TOWN},town,midwifery,,,0825-2333333,,,\n"
    );
    let problem = import(&mch, "institutions", &csv).await.problem(422, "invalid");
    let at: Vec<_> = wrong(&problem).into_iter().map(|(at, _)| at).collect();
    for expected in [
        "/3/name",
        "/3/classes",
        "/3/level",
        "/3/midwifery",
        "/3/phone",
        "/3/issues_to",
        "/4/region_code",
        "/5/midwifery",
    ] {
        assert!(at.contains(&expected), "{expected} in {at:?}");
    }
    assert!(!at.iter().any(|at| at.starts_with("/2/")));

    let csv = format!(
        "{INSTITUTIONS}好卫生院,{TOWN},town,primary_care,,,0825-2333333,,,\n\
         别县医院,{OTHER_COUNTY},county,other,,,0825-2333333,,,\n\
         无此镇,510903999000,town,other,,,0825-2333333,,,\n\
         好卫生院,{TOWN},town,primary_care,,,0825-2333333,,,\n\
         河沙镇卫生院,{TOWN},town,primary_care,,,0825-2333333,true,child,nobody.here\n"
    );
    let problem = import(&mch, "institutions", &csv).await.problem(422, "invalid");
    assert_eq!(
        wrong(&problem),
        [
            ("/3/region_code", "out_of_scope"),
            ("/4/region_code", "unknown_region"),
            ("/5/name", "twice"),
            ("/6/administrator", "not_here"),
        ]
    );
    assert_eq!(mch.get("/api/v1/institutions?name=好").await.ok()["items"], json!([]));
}

// --- Staff --------------------------------------------------------------------------------------------------------

const STAFF: &str =
    "user_name,name,title,roles,institution_region_code,institution,region_code,region_level,trained_on\n";

#[tokio::test(flavor = "multi_thread")]
async fn imported_staff_sign_in_with_passwords_that_are_shown_once() {
    let world = World::empty().await;
    let county = world.county().await;
    let mch = world.staff(&[Role::CountyMch], Some(county.mch), COUNTY, RegionLevel::County).await.client;
    let csv = format!(
        "{STAFF}wang.nurse,王小明,护士,clinician,{TOWN},河沙镇卫生院,,,\n\
         zhao.village,赵村医,乡村医生,village_worker,,,{VILLAGE},village,\n"
    );
    assert_eq!(counts(&dry_run(&mch, "staff", &csv).await.ok()), [2, 2, 0, 0]);
    world.sign_in("wang.nurse", "anything").await.problem(401, "wrong_credentials");
    let imported = import_under(&mch, "staff", &csv, "once").await.ok();
    assert_eq!(
        import_under(&mch, "staff", &csv, "once").await.ok(),
        imported,
        "a lost answer is given again"
    );
    let passwords = imported["passwords"].as_array().unwrap();
    assert_eq!((passwords.len(), &passwords[0]["row"]), (2, &json!(2)));
    for issued in passwords {
        let (name, password) = (issued["user_name"].as_str().unwrap(), issued["password"].as_str().unwrap());
        assert_eq!(world.sign_in(name, password).await.ok()["me"]["must_change_password"], true);
    }
    let problem = import(&mch, "staff", &csv).await.problem(422, "invalid");
    assert_eq!(wrong(&problem), [("/2/user_name", "user_name_taken"), ("/3/user_name", "user_name_taken")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_staff_row_is_named_and_nobody_comes_in() {
    let world = World::empty().await;
    let county = world.county().await;
    let mch = world.staff(&[Role::CountyMch], Some(county.mch), COUNTY, RegionLevel::County).await.client;
    let before = staff::Entity::find().count(world.app.db.read()).await.unwrap();
    let csv = format!(
        "{STAFF}good.nurse,王小明,护士,clinician,{TOWN},河沙镇卫生院,,,\n\
         X,,护士,surgeon,{TOWN},,,,yesterday\n\
         no.place,李四,护士,clinician,,,,,\n\
         no.region,李四,村医,village_worker,,,,,2027-01-01\n\
         demo.nurse,李四,护士,clinician,{TOWN},河沙镇卫生院,{TOWN},town,\n"
    );
    let problem = import(&mch, "staff", &csv).await.problem(422, "invalid");
    let at: Vec<_> = wrong(&problem).into_iter().map(|(at, _)| at).collect();
    assert_eq!(
        at,
        [
            "/3/user_name",
            "/3/name",
            "/3/institution",
            "/3/roles",
            "/3/trained_on",
            "/4/institution",
            "/5/trained_on",
            "/5/region_code",
            "/6/user_name",
            "/6/region_code",
        ]
    );
    let csv = format!(
        "{STAFF}good.nurse,王小明,护士,clinician,{TOWN},河沙镇卫生院,,,\n\
         good.nurse,王小明,护士,clinician,{TOWN},无此卫生院,,,\n\
         a.foreigner,李四,护士,clinician,{OTHER_COUNTY},任城区人民医院,,,\n\
         a.city,李四,主任,city_mch,,,{CITY},city,\n"
    );
    let problem = import(&mch, "staff", &csv).await.problem(422, "invalid");
    assert_eq!(
        wrong(&problem),
        [
            ("/3/user_name", "twice"),
            ("/3/institution", "unknown"),
            ("/4/institution", "out_of_scope"),
            ("/5/roles", "role_not_grantable"),
            ("/5/region_code", "out_of_scope"),
        ]
    );
    assert_eq!(staff::Entity::find().count(world.app.db.read()).await.unwrap(), before);
    let rows: String =
        (0..301).map(|at| format!("nurse.{at},王,护士,clinician,{TOWN},河沙镇卫生院,,,\n")).collect();
    import(&mch, "staff", &format!("{STAFF}{rows}")).await.problem(413, "too_large");
}

// --- At the server itself -----------------------------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread")]
async fn the_first_system_administrator_is_made_at_the_server_and_signs_in() {
    let server = Operator::new();
    let world = server.world().await;
    let create = ["admin", "create", "--user-name", "root.admin", "--name", "张管理"];
    let refused = server.muzi(&world, &create, "short\n");
    assert!(
        !refused.status.success() && said(&refused).contains("10 to 128 characters"),
        "{}",
        said(&refused)
    );
    let refused = server.muzi(&world, &["admin", "create", "--user-name", "demo.admin"], "Chuanshan-2026\n");
    assert!(!refused.status.success() && said(&refused).contains("demo."), "{}", said(&refused));
    assert_eq!(staff::Entity::find().count(world.app.db.read()).await.unwrap(), 0);

    let created = server.muzi(&world, &create, &format!("{PASSWORD}\n"));
    assert!(created.status.success(), "{}", said(&created));
    assert!(!said(&created).contains(PASSWORD));
    let me = world.sign_in("root.admin", PASSWORD).await.ok()["me"].clone();
    assert_eq!((&me["name"], &me["roles"]), (&json!("张管理"), &json!(["system_administrator"])));
    assert_eq!((&me["region_code"], &me["must_change_password"]), (&Value::Null, &json!(false)));
    let taken = server.muzi(&world, &create, &format!("{PASSWORD}\n"));
    assert!(!taken.status.success() && said(&taken).contains("taken"), "{}", said(&taken));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_imported_at_the_server_with_passwords_in_a_private_file() {
    let server = Operator::new();
    let world = server.world().await;
    let regions = server.file("regions.csv", REGIONS);
    let trial = server.muzi(&world, &["import", "regions", &regions, "--dry-run"], "");
    assert!(said(&trial).contains("3550 would be added"), "{}", said(&trial));
    assert_eq!(region::Entity::find().count(world.app.db.read()).await.unwrap(), 0);
    let imported = server.muzi(&world, &["import", "regions", &regions], "");
    assert!(imported.status.success() && said(&imported).contains("3550 were added"), "{}", said(&imported));

    let institutions = server.file(
        "institutions.csv",
        &format!("{INSTITUTIONS}船山区妇幼保健院,{COUNTY},county,mch_county,,,0825-2222333,,,\n"),
    );
    assert!(server.muzi(&world, &["import", "institutions", &institutions], "").status.success());
    let wrong =
        server.file("wrong.csv", &format!("{STAFF}X,王,主任,county_mch,,,{COUNTY},town,\ny.z,,,,,,,,\n"));
    let path = server.folder.path().join("passwords.csv");
    let passwords = path.to_str().unwrap();
    let refused = server.muzi(&world, &["import", "staff", &wrong, "--passwords", passwords], "");
    assert!(!refused.status.success());
    for line in ["row 2, user_name:", "row 2, region_code:", "row 3, name:", "row 3, roles:"] {
        assert!(said(&refused).contains(line), "{line} in {}", said(&refused));
    }
    assert!(!path.exists());

    let staff = server.file(
        "staff.csv",
        &format!("{STAFF}zhao.mch,赵主任,主任医师,county_mch;clinician,{COUNTY},船山区妇幼保健院,{COUNTY},county,\n"),
    );
    let needs = server.muzi(&world, &["import", "staff", &staff], "");
    assert!(!needs.status.success() && said(&needs).contains("--passwords"), "{}", said(&needs));
    let imported = server.muzi(&world, &["import", "staff", &staff, "--passwords", passwords], "");
    assert!(imported.status.success(), "{}", said(&imported));
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let written = std::fs::read_to_string(&path).unwrap();
    let password = written.lines().nth(1).unwrap().split(',').nth(2).unwrap();
    assert!(!said(&imported).contains(password));
    let signed_in = world.sign_in("zhao.mch", password).await.ok();
    assert_eq!(
        (&signed_in["me"]["name"], &signed_in["me"]["region_code"]),
        (&json!("赵主任"), &json!(COUNTY))
    );
    let again = server.muzi(&world, &["import", "staff", &staff, "--passwords", passwords], "");
    assert!(!again.status.success() && path.exists(), "a file of passwords is never written over");
}
