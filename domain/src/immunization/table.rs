//! The tables of the programme: products, editions, series and figures, read once.

use std::collections::HashMap;
use std::sync::LazyLock;

use chrono::NaiveDate;
use serde::Deserialize;

use super::course::{COURSES, Course};
use super::period::Period;
use crate::word::words;

words! {
    /// What a dose of a product counts for.
    pub enum Component {
        HepB = "HepB", "乙肝", "hepatitis B";
        Bcg = "BCG", "卡介苗", "BCG";
        Ipv = "IPV", "脊灰灭活", "inactivated polio";
        Bopv = "bOPV", "二价脊灰减毒活", "bivalent oral polio";
        Topv = "tOPV", "三价脊灰减毒活", "trivalent oral polio";
        Dtap = "DTaP", "百白破", "DTaP";
        Dt = "DT", "白破", "DT";
        Mr = "MR", "麻风", "measles-rubella";
        Mmr = "MMR", "麻腮风", "MMR";
        Measles = "measles", "麻疹", "measles";
        Rubella = "rubella", "风疹", "rubella";
        Mumps = "mumps", "腮腺炎", "mumps";
        JeLive = "JE-L", "乙脑减毒活", "Japanese encephalitis, live";
        JeInactivated = "JE-I", "乙脑灭活", "Japanese encephalitis, inactivated";
        MpsvA = "MPSV-A", "A群流脑多糖", "meningococcal A polysaccharide";
        MpsvAc = "MPSV-AC", "A群C群流脑多糖", "meningococcal A+C polysaccharide";
        MpcvAc = "MPCV-AC", "A群C群流脑结合", "meningococcal A+C conjugate";
        Mcv4 = "MCV4", "ACYW135群流脑结合", "meningococcal ACYW conjugate";
        HepaLive = "HepA-L", "甲肝减毒活", "hepatitis A, live";
        HepaInactivated = "HepA-I", "甲肝灭活", "hepatitis A, inactivated";
        Hpv2 = "HPV2", "双价HPV", "bivalent HPV";
        Hpv9 = "HPV9", "九价HPV", "9-valent HPV";
        Hib = "Hib", "b型流感嗜血杆菌", "Hib";
        Pcv13 = "PCV13", "13价肺炎球菌", "13-valent pneumococcal";
        Rv5 = "RV5", "五价轮状病毒", "5-valent rotavirus";
        RvLlr = "RV1-LLR", "兰州羊株轮状病毒", "Lanzhou lamb rotavirus";
        Ev71 = "EV71", "肠道病毒71型", "EV71";
        Influenza = "IIV", "流感", "influenza";
        Varicella = "Varicella", "水痘", "varicella";
        RsvAntibody = "RSV-mAb", "RSV单抗", "RSV antibody";
    }
}

impl Component {
    pub(super) const fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// A vaccine product of `tables/vaccine_products.toml`, by its place there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Product(u8);

/// A word that is no product.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a vaccine product that is known here")]
pub struct UnknownProduct(pub String);

impl Product {
    /// Every product, in the order of the table.
    pub fn all() -> impl DoubleEndedIterator<Item = Self> {
        (0..tables().products.len()).filter_map(|at| u8::try_from(at).ok()).map(Self)
    }

    /// Its code: `HepB`, `DTaP-IPV-Hib`.
    pub fn code(self) -> &'static str {
        &self.row().code
    }

    /// Its Chinese name.
    pub fn zh(self) -> &'static str {
        &self.row().zh
    }

    /// Its English name.
    pub fn en(self) -> &'static str {
        &self.row().en
    }

    /// What a dose counts for.
    pub fn components(self) -> impl Iterator<Item = Component> {
        Component::ALL.iter().copied().filter(move |component| self.has(component.bit()))
    }

    /// The courses in which a dose counts, the first by its name: a combined vaccine counts for each component.
    pub(super) fn courses(self) -> &'static [Course] {
        &self.row().courses
    }

    /// Whether it holds one of several components.
    pub(super) fn has(self, components: u32) -> bool {
        self.row().components & components != 0
    }

    /// Whether it is a live vaccine that is injected.
    pub(super) fn is_injected_live(self) -> bool {
        self.row().is_injected_live
    }

    /// The minimum age of a dose, by its number, that its insert allows, where it is a combined vaccine that has its
    /// own.
    pub(super) fn insert_age(self, number: u8) -> Option<Period> {
        self.row().insert.get(usize::from(number).checked_sub(1)?).copied()
    }

    /// Its place among the products as a bit.
    pub(super) fn bit(self) -> u64 {
        1 << self.0
    }

    fn row(self) -> &'static ProductRow {
        &tables().products[usize::from(self.0)]
    }
}

impl std::fmt::Display for Product {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

impl std::str::FromStr for Product {
    type Err = UnknownProduct;

    fn from_str(code: &str) -> Result<Self, UnknownProduct> {
        Self::all().find(|product| product.code() == code).ok_or_else(|| UnknownProduct(code.to_owned()))
    }
}

/// The products that share a component with one, as bits; itself among them.
pub(super) fn sharing(product: Product) -> u64 {
    let row = product.row();
    let tables = tables();
    let shared = tables.shared.iter().filter(|group| **group & row.components != 0);
    let components = shared.fold(row.components, |all, group| all | group);
    Product::all().filter(|other| other.has(components)).fold(0, |bits, other| bits | other.bit())
}

/// An edition of the programme, by its place in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Edition(u8);

/// A word that is no edition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an edition of the immunization programme that is known here")]
pub struct UnknownEdition(pub String);

impl Edition {
    /// Every edition, the oldest first.
    pub fn all() -> impl DoubleEndedIterator<Item = Self> {
        (0..tables().editions.len()).filter_map(|at| u8::try_from(at).ok()).map(Self)
    }

    /// Its id: `nip-2026`.
    pub fn id(self) -> &'static str {
        &tables().edition(self).id
    }

    /// Its Chinese name.
    pub fn zh(self) -> &'static str {
        &tables().edition(self).zh
    }

    /// The document by which it was issued.
    pub fn document(self) -> &'static str {
        &tables().edition(self).document
    }

    /// The day on which it started nationally.
    pub fn starts_on(self) -> NaiveDate {
        tables().edition(self).from
    }

    /// Its series, in their order.
    pub fn series(self) -> impl Iterator<Item = &'static Series> {
        tables().edition(self).series.iter().filter_map(|at| tables().series.get(*at))
    }
}

impl std::fmt::Display for Edition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id())
    }
}

impl std::str::FromStr for Edition {
    type Err = UnknownEdition;

    fn from_str(id: &str) -> Result<Self, UnknownEdition> {
        Self::all().find(|edition| edition.id() == id).ok_or_else(|| UnknownEdition(id.to_owned()))
    }
}

/// A series of doses of an edition.
#[derive(Debug, PartialEq)]
pub struct Series {
    /// Its id: `dtap-2025`.
    pub id: String,
    /// The short name of the vaccine, as labels show it: `DTaP`.
    pub vaccine: String,
    /// The Chinese name.
    pub zh: String,
    /// The English name.
    pub en: String,
    /// The doses that count together.
    pub course: Course,
    /// How many doses it has.
    pub total: u8,
    pub(super) doses: Vec<DoseRule>,
    pub(super) told_as: Option<String>,
    pub(super) fill: String,
    pub(super) fill_later: Option<String>,
    pub(super) closes: Period,
    pub(super) closed_by: String,
    pub(super) dt: Option<DtRules>,
}

impl Series {
    /// The rule of a dose, by its number from 1; beyond the last, the last one's.
    pub(super) fn dose(&self, number: u8) -> &DoseRule {
        let last = self.doses.len().saturating_sub(1);
        &self.doses[usize::from(number.saturating_sub(1)).min(last)]
    }
}

/// The rule of one dose of a series.
#[derive(Debug, PartialEq)]
pub(super) struct DoseRule {
    /// Series and number: `hepb.2`.
    pub(super) id: String,
    pub(super) products: Vec<Product>,
    /// Components that are accepted.
    pub(super) wanted: u32,
    pub(super) age: Period,
    pub(super) before: Option<Period>,
    pub(super) after: Option<Period>,
    pub(super) after_first: Option<Period>,
    pub(super) within: Option<Period>,
}

/// From which age DT is given instead of DTaP, and by which rules.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DtRules {
    pub(super) from: Period,
    pub(super) fewer_than_3: String,
    pub(super) enough: String,
    pub(super) after_3: String,
    pub(super) after_4: String,
}

/// A vaccine outside the programme.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Voluntary {
    pub(super) id: String,
    pub(super) course: Course,
    pub(super) age: Period,
    pub(super) after: Period,
}

/// Figures of rules that are no dose's.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Limits {
    pub(super) catch_up_until: Period,
    pub(super) live_apart: Period,
    pub(super) immunoglobulin_live: Period,
    pub(super) immunoglobulin_je_inactivated: Period,
    pub(super) outbreak_from: Period,
    pub(super) men_ac_catch_up_from: Period,
    pub(super) men_ac_after_one: Period,
    pub(super) men_ac_after_two: Period,
    pub(super) dt_second: Period,
    pub(super) dt_second_within: Period,
    pub(super) dt_third: Period,
    pub(super) dt_third_within: Period,
    pub(super) dt_after_3: Period,
    pub(super) dt_after_4: Period,
    pub(super) hepa_switch: Period,
    pub(super) polio_apart: Period,
    pub(super) hpv_within: Period,
    pub(super) test_from: Period,
    pub(super) test_to: Period,
}

/// Days of birth from which rules differ.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cohorts {
    #[serde(deserialize_with = "day")]
    pub(super) two_ipv_from: NaiveDate,
    #[serde(deserialize_with = "day")]
    pub(super) two_mmr_from: NaiveDate,
    #[serde(deserialize_with = "day")]
    pub(super) rubella_from: NaiveDate,
    #[serde(deserialize_with = "day")]
    pub(super) hpv_from: NaiveDate,
}

fn day<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<NaiveDate, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

/// Products that rules name outside the list of a dose.
#[derive(Debug)]
pub(super) struct Lists {
    pub(super) ipv: Vec<Product>,
    pub(super) bopv: Vec<Product>,
    pub(super) bopv_or_ipv: Vec<Product>,
    pub(super) dt: Vec<Product>,
}

#[derive(Debug)]
struct ProductRow {
    code: String,
    zh: String,
    en: String,
    components: u32,
    courses: Vec<Course>,
    is_injected_live: bool,
    insert: Vec<Period>,
}

#[derive(Debug)]
pub(super) struct EditionRow {
    id: String,
    zh: String,
    document: String,
    pub(super) from: NaiveDate,
    series: Vec<usize>,
    /// Places of the series by course: the first, and the one that replaces it for some children.
    by_course: [(Option<usize>, Option<usize>); COURSES],
}

/// Everything that was read.
#[derive(Debug)]
pub(super) struct Tables {
    products: Vec<ProductRow>,
    editions: Vec<EditionRow>,
    series: Vec<Series>,
    shared: Vec<u32>,
    voluntary: Vec<Voluntary>,
    rules: HashMap<String, [String; 2]>,
    pub(super) limits: Limits,
    pub(super) cohorts: Cohorts,
    pub(super) lists: Lists,
}

impl Tables {
    pub(super) fn edition(&self, edition: Edition) -> &EditionRow {
        &self.editions[usize::from(edition.0)]
    }

    /// The series of a course in an edition; `other` asks for the one that replaces it for some children.
    pub(super) fn series(&self, edition: Edition, course: Course, other: bool) -> Option<&Series> {
        let (first, replacing) = self.edition(edition).by_course[course as usize];
        self.series.get(replacing.filter(|_| other).or(first)?)
    }

    /// The vaccine of a course as it is given outside the programme.
    pub(super) fn voluntary(&self, course: Course) -> Option<&Voluntary> {
        self.voluntary.iter().find(|one| one.course == course)
    }

    /// What a rule says, in Chinese and English.
    pub(super) fn clause(&self, rule: &str) -> Option<&[String; 2]> {
        self.rules.get(rule)
    }
}

static TABLES: LazyLock<Tables> = LazyLock::new(load);

/// The tables of the programme.
pub(super) fn tables() -> &'static Tables {
    &TABLES
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    edition: Vec<EditionFile>,
    series: Vec<SeriesFile>,
    voluntary: Vec<Voluntary>,
    insert: Vec<InsertFile>,
    limits: Limits,
    cohorts: Cohorts,
    live: LiveFile,
    allergy: AllergyFile,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EditionFile {
    id: String,
    #[serde(deserialize_with = "day")]
    from: NaiveDate,
    zh: String,
    document: String,
    series: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SeriesFile {
    id: String,
    course: Course,
    vaccine: String,
    zh: String,
    en: String,
    told_as: Option<String>,
    fill: String,
    fill_later: Option<String>,
    closes: Option<Period>,
    closed_by: Option<String>,
    doses: Vec<DoseFile>,
    dt: Option<DtRules>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DoseFile {
    products: Vec<String>,
    age: Period,
    before: Option<Period>,
    after: Option<Period>,
    after_first: Option<Period>,
    within: Option<Period>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InsertFile {
    product: String,
    ages: Vec<Period>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LiveFile {
    injected: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AllergyFile {
    shared: Vec<Vec<Component>>,
}

#[derive(Deserialize)]
struct ProductsFile {
    row: Vec<ProductFile>,
}

#[derive(Deserialize)]
struct ProductFile {
    code: String,
    zh: String,
    en: String,
    counts_as: Vec<Component>,
}

fn bits(components: &[Component]) -> u32 {
    components.iter().fold(0, |all, component| all | component.bit())
}

#[expect(
    clippy::expect_used,
    reason = "the files are part of the program, and every test of this module reads them"
)]
fn load() -> Tables {
    let products: ProductsFile = toml::from_str(include_str!("../../data/tables/vaccine_products.toml"))
        .expect("the vaccine products are well formed");
    let file: File =
        toml::from_str(include_str!("../../data/immunization.toml")).expect("the programme is well formed");
    let rules = toml::from_str(include_str!("../../data/immunization_rules.toml"))
        .expect("what the rules say is well formed");

    let products: Vec<_> = products.row.into_iter().map(|row| product_row(row, &file)).collect();
    let named = |codes: &[&str]| named(&products, codes).expect("every product is known");
    let lists = Lists {
        ipv: named(&["IPV"]),
        bopv: named(&["bOPV"]),
        bopv_or_ipv: named(&["bOPV", "IPV"]),
        dt: named(&["DT"]),
    };
    let until = file.limits.catch_up_until;
    let series: Vec<_> = file.series.into_iter().map(|series| built(series, until, &named)).collect();
    let editions = file.edition.into_iter();
    let editions = editions.map(|row| edition_row(row, &series).expect("every series is known")).collect();
    let shared = file.allergy.shared.iter().map(|group| bits(group)).collect();
    Tables {
        products,
        editions,
        series,
        shared,
        voluntary: file.voluntary,
        rules,
        limits: file.limits,
        cohorts: file.cohorts,
        lists,
    }
}

fn product_row(row: ProductFile, file: &File) -> ProductRow {
    let insert = file.insert.iter().find(|insert| insert.product == row.code);
    let mut courses: Vec<_> = row.counts_as.iter().map(|component| Course::of(*component)).collect();
    courses.dedup();
    ProductRow {
        courses,
        components: bits(&row.counts_as),
        is_injected_live: file.live.injected.contains(&row.code),
        insert: insert.map(|insert| insert.ages.clone()).unwrap_or_default(),
        code: row.code,
        zh: row.zh,
        en: row.en,
    }
}

fn named(products: &[ProductRow], codes: &[&str]) -> Option<Vec<Product>> {
    let place = |code: &&str| products.iter().position(|row| row.code == *code);
    codes.iter().map(|code| u8::try_from(place(code)?).ok().map(Product)).collect()
}

fn built(file: SeriesFile, until: Period, named: &impl Fn(&[&str]) -> Vec<Product>) -> Series {
    let doses: Vec<_> =
        (1..).zip(file.doses).map(|(number, dose)| dose_rule(&file.id, number, dose, named)).collect();
    Series {
        total: u8::try_from(doses.len()).unwrap_or(u8::MAX),
        doses,
        id: file.id,
        vaccine: file.vaccine,
        zh: file.zh,
        en: file.en,
        course: file.course,
        told_as: file.told_as,
        fill: file.fill,
        fill_later: file.fill_later,
        closes: file.closes.unwrap_or(until),
        closed_by: file.closed_by.unwrap_or_else(|| "catch-up-age".to_owned()),
        dt: file.dt,
    }
}

fn dose_rule(series: &str, number: u8, file: DoseFile, named: &impl Fn(&[&str]) -> Vec<Product>) -> DoseRule {
    let codes: Vec<_> = file.products.iter().map(String::as_str).collect();
    let own: Vec<Component> = codes.iter().filter_map(|code| code.parse().ok()).collect();
    // A conjugate vaccine against A and C counts where the polysaccharide is asked for (2021 text).
    let conjugate = if own.contains(&Component::MpsvAc) { Component::MpcvAc.bit() } else { 0 };
    DoseRule {
        id: format!("{series}.{number}"),
        products: named(&codes),
        wanted: bits(&own) | conjugate,
        age: file.age,
        before: file.before,
        after: file.after,
        after_first: file.after_first,
        within: file.within,
    }
}

fn edition_row(file: EditionFile, series: &[Series]) -> Option<EditionRow> {
    let place = |id: &String| series.iter().position(|one| one.id == *id);
    let places: Vec<_> = file.series.iter().map(place).collect::<Option<_>>()?;
    let mut by_course = [(None, None); COURSES];
    for at in &places {
        let of_course = by_course.get_mut(series.get(*at)?.course as usize)?;
        match of_course.0 {
            None => of_course.0 = Some(*at),
            Some(_) => of_course.1 = Some(*at),
        }
    }
    let EditionFile { id, from, zh, document, .. } = file;
    Some(EditionRow { id, zh, document, from, series: places, by_course })
}
