//! The quarterly report form as a sheet.

use std::io::Read;

use domain::access::Role;
use domain::handbook::Group;
use domain::institution::AgencyClass;
use domain::place::RegionLevel;

use super::{more_regions, three_issued};
use crate::support::people::{CITY, TOWN};
use crate::support::{Answer, World, send};

/// The texts and numbers of a sheet, row by row.
pub fn rows_of(sheet: &Answer) -> Vec<Vec<String>> {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(&sheet.bytes)).unwrap();
    let mut part = |name: &str| {
        let mut text = String::new();
        archive.by_name(name).unwrap().read_to_string(&mut text).unwrap();
        text
    };
    let (strings, cells) = (part("xl/sharedStrings.xml"), part("xl/worksheets/sheet1.xml"));
    assert!(!cells.contains("<f>"), "no cell is a formula");
    let strings: Vec<_> = strings.split("<si>").skip(1).map(|item| between(item, ">", "</t>")).collect();
    let cell = |cell: &str| {
        let value = between(cell, "<v>", "</v>");
        if cell.contains("t=\"s\"") { strings[value.parse::<usize>().unwrap()].clone() } else { value }
    };
    let filled = |row: &str| row.split("<c ").skip(1).filter(|text| text.contains("<v>")).map(cell).collect();
    cells.split("<row ").skip(1).map(filled).collect()
}

fn between(text: &str, from: &str, to: &str) -> String {
    text.split_once(from).and_then(|(_, rest)| rest.split_once(to)).unwrap().0.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_city_downloads_the_quarterly_report_form() {
    let world = World::empty().await;
    let county = world.county().await;
    more_regions(&world).await;
    three_issued(&world, &county).await;
    let desk = world.staff(&[Role::CityMch], None, CITY, RegionLevel::City).await.client;
    let sheet = desk.get("/api/v1/usage?from=2026-10&to=2026-12&format=xlsx").await;
    assert_eq!(sheet.status, 200, "{}", sheet.text());
    assert_eq!(
        sheet.headers["content-disposition"],
        "attachment; filename=\"usage-510900000000-2026-10-2026-12.xlsx\""
    );
    let rows = rows_of(&sheet);
    assert_eq!(rows[0], ["遂宁市母子健康手册推广工作季报表"]);
    assert_eq!(rows[1], ["（2026年4季度）"]);
    assert_eq!(rows[2], ["市（州）：遂宁市", "填表时间：2026年11月22日"]);
    let groups = [
        "区（县）",
        "针对计划怀孕妇女发放手册及发放机构",
        "计划怀孕妇女使用手册",
        "针对孕妇发放手册及发放机构",
        "孕妇使用手册",
        "针对儿童发放手册及发放机构",
        "儿童使用手册",
    ];
    assert_eq!(rows[3], groups);
    let columns = "发放总数 乡镇（街道）计生办发放数 孕前优生健康检查服务机构发放数 其他机构 使用数 使用率 \
                   发放总数 基层医疗卫生机构发放数 助产机构发放数 其他机构 使用数 使用率 \
                   发放总数 基层医疗卫生机构发放数 其他机构 使用数 使用率";
    assert_eq!(rows[4].join(" "), columns);
    let figures = "1 1 0 0 0 0 2 1 1 0 2 1 0 0 0 0 —";
    let none = "0 0 0 0 0 — 0 0 0 0 0 — 0 0 0 0 —";
    assert_eq!(rows[5].join(" "), format!("船山区 {figures}"));
    assert_eq!(rows[6].join(" "), format!("安居区 {none}"));
    assert_eq!(rows[7].join(" "), format!("合计 {figures}"));
    assert_eq!(rows[8], ["使用数根据各发放机构的发放数和随访使用情况统计。使用率=使用数/发放总数*100%。"]);
    assert!(rows[9][0].contains("换发不计为发放"));
    assert_eq!(rows[10], ["使用证据种类：家庭自我记录、扫码就诊、医务人员检查记录、随访确认使用。"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_town_downloads_its_institutions_and_a_name_is_never_a_formula() {
    let world = World::empty().await;
    let county = world.county().await;
    let name = "=HYPERLINK(\"http://example.cn\")";
    let clever =
        world.institution(name, TOWN, RegionLevel::Town, &[AgencyClass::PrimaryCare], Group::ALL).await;
    world.issued(clever, Group::Child, world.now()).await;
    world.issued(county.health_centre, Group::Child, world.now()).await;
    let desk = world.staff(&[Role::TownshipOffice], None, TOWN, RegionLevel::Town).await.client;
    let request = desk.request(reqwest::Method::GET, "/api/v1/usage?from=2026-11&to=2026-11");
    let sheet =
        send(request.header("accept", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"))
            .await;
    let rows = rows_of(&sheet);
    assert_eq!(
        (rows[0][0].as_str(), rows[1][0].as_str()),
        ("河沙镇母子健康手册推广工作报表", "（2026年11月至2026年11月）")
    );
    let first: Vec<_> = rows[5..9].iter().map(|row| row[0].as_str()).collect();
    assert_eq!(first, ["=HYPERLINK(\"http://example.cn\")", "河沙镇卫健办", "河沙镇卫生院", "合计"]);
    assert_eq!((rows[5][13].as_str(), rows[8][13].as_str()), ("1", "2"));
}
