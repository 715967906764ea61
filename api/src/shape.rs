//! What serde says of a value that has the wrong shape, told in both languages. What came is not repeated.

use crate::error::FieldProblem;

/// What a reader expected (as serde, chrono and uuid name it, from the beginning of the words), in Chinese and English.
const EXPECTED: &[(&str, &str, &str)] = &[
    ("u8", "0至255的整数", "a whole number from 0 to 255"),
    ("i8", "整数", "a whole number"),
    ("i16", "整数", "a whole number"),
    ("i32", "整数", "a whole number"),
    ("i64", "整数", "a whole number"),
    ("u16", "不小于0的整数", "a whole number of 0 or more"),
    ("u32", "不小于0的整数", "a whole number of 0 or more"),
    ("u64", "不小于0的整数", "a whole number of 0 or more"),
    ("usize", "不小于0的整数", "a whole number of 0 or more"),
    ("f32", "数字", "a number"),
    ("f64", "数字", "a number"),
    ("a boolean", "true或false", "true or false"),
    ("a string", "文字", "text"),
    ("string", "文字", "text"),
    ("a sequence", "列表", "a list"),
    ("a map", "对象", "an object"),
    ("map", "对象", "an object"),
    ("struct", "对象", "an object"),
    ("a formatted date string", "日期，如2026-11-22", "a day such as 2026-11-22"),
    ("an RFC 3339", "时刻，如2026-11-22T08:30:00Z", "an instant such as 2026-11-22T08:30:00Z"),
    ("a formatted UUID", "UUID", "a UUID"),
    ("UUID", "UUID", "a UUID"),
    ("a UUID", "UUID", "a UUID"),
];

/// What a parser says of a text that it cannot read (from the beginning of its words), and what was expected instead.
const UNREADABLE: &[(&str, &str, &str)] = &[
    ("a division code has", "12位区划代码", "a division code of 12 digits"),
    // chrono: the same words for days and instants.
    ("input ", "有效的日期或时刻", "a day or instant that there is"),
    ("premature end of input", "完整的日期或时刻", "a whole day or instant"),
    ("trailing input", "日期或时刻，后面没有其他内容", "a day or instant and nothing after it"),
    ("no possible date", "有效的日期或时刻", "a day or instant that there is"),
    ("UUID parsing failed", "UUID", "a UUID"),
    ("a chosen id is", "UUIDv7（按时间排序的UUID）", "a UUIDv7, which sorts by time"),
    ("invalid digit", "整数", "a whole number"),
    ("cannot parse integer", "整数", "a whole number"),
    ("number too large", "较小的整数", "a smaller whole number"),
    ("number too small", "较大的整数", "a larger whole number"),
    ("provided string was not", "true或false", "true or false"),
    (
        "a month is written",
        "1970-01至9998-12的月份，如2026-11",
        "a month from 1970-01 to 9998-12 such as 2026-11",
    ),
];

/// What is wrong with a field, from the words of serde. `at` is the pointer to it, or its name; `below` makes the pointer
/// to a field inside it, which serde names when one is missing or unknown.
pub(crate) fn told(words: &str, at: &str, below: impl FnOnce(&str, &str) -> String) -> FieldProblem {
    // serde quotes what came first and what it knows last; what came may hold anything, quotes too.
    let quoted = words.split('`').nth(1).unwrap_or_default();
    if words.starts_with("unknown field") {
        return FieldProblem::new(
            below(at, quoted),
            "unknown_field",
            "没有这个字段。",
            "There is no such field.",
        );
    }
    if words.starts_with("missing field") {
        return FieldProblem::new(below(at, quoted), "required", "必须填写。", "This field is required.");
    }
    if words.starts_with("duplicate field") {
        return FieldProblem::new(below(at, quoted), "duplicate", "重复给出。", "It is given twice.");
    }
    if words.starts_with("unknown variant") {
        let known = words.rsplit_once("`, expected ").map_or("", |(_, known)| known);
        let allowed = known.split('`').skip(1).step_by(2).collect::<Vec<_>>().join(", ");
        return FieldProblem::new(
            at,
            "not_an_option",
            format!("可选值为：{allowed}。"),
            format!("Allowed are: {allowed}."),
        );
    }
    match expected(words) {
        Some((zh, en)) => FieldProblem::new(
            at,
            "wrong_type",
            format!("类型或格式不正确，应为{zh}。"),
            format!("The type or form is wrong: expected {en}."),
        ),
        None => FieldProblem::new(at, "wrong_type", "类型或格式不正确。", "The type or form is wrong."),
    }
}

fn expected(words: &str) -> Option<(&'static str, &'static str)> {
    let (table, said) = match words.rsplit_once("expected ") {
        Some((before, said)) if before.starts_with("invalid ") => (EXPECTED, said),
        _ => (UNREADABLE, words),
    };
    let found = table.iter().find(|(begin, ..)| said.starts_with(begin));
    found.map(|(_, zh, en)| (*zh, *en))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use chrono::{DateTime, NaiveDate, Utc};
    use domain::calendar::Month;
    use domain::id::HandbookId;
    use serde::Deserialize;
    use serde::de::DeserializeOwned;
    use serde_json::json;

    use super::*;

    fn english<T: DeserializeOwned>(json: serde_json::Value) -> String {
        let words = serde_json::from_value::<T>(json).err().unwrap().to_string();
        told(&words, "", |_, field| format!("/{field}")).en
    }

    fn of_query<T: DeserializeOwned>(text: &str) -> String {
        #[derive(Deserialize)]
        struct Asked<T> {
            #[expect(dead_code, reason = "only its shape is tested")]
            it: T,
        }
        let words = serde_urlencoded::from_str::<Asked<T>>(&format!("it={text}")).err().unwrap().to_string();
        told(&words, "", |_, field| format!("/{field}")).en
    }

    #[test]
    fn every_type_that_bodies_hold_is_told_in_plain_words() {
        #[derive(Debug, Deserialize)]
        struct Part {}
        for (said, meant) in [
            (english::<u8>(json!(300)), "a whole number from 0 to 255"),
            (english::<i32>(json!(1.5)), "a whole number"),
            (english::<i32>(json!("7")), "a whole number"),
            (english::<u64>(json!(-1)), "0 or more"),
            (english::<f64>(json!("x")), "a number"),
            (english::<bool>(json!("true")), "true or false"),
            (english::<String>(json!(7)), "text"),
            (english::<Vec<u8>>(json!(7)), "a list"),
            (english::<Part>(json!(7)), "an object"),
            (english::<serde_json::Map<String, serde_json::Value>>(json!(7)), "an object"),
            (english::<NaiveDate>(json!(7)), "a day such as"),
            (english::<NaiveDate>(json!("2026-13-01")), "a day or instant that there is"),
            (english::<NaiveDate>(json!("22.11.2026")), "a day or instant that there is"),
            (english::<NaiveDate>(json!("2026-11")), "a whole day or instant"),
            (english::<NaiveDate>(json!("2026-11-22T00:00:00Z")), "nothing after it"),
            (english::<DateTime<Utc>>(json!(7)), "an instant such as"),
            (english::<HandbookId>(json!(7)), "a UUID"),
            (english::<HandbookId>(json!("7")), "a UUID"),
            (english::<Month>(json!("November")), "such as 2026-11"),
        ] {
            assert!(said.contains(meant), "{said:?} should tell of {meant:?}");
        }
    }

    #[test]
    fn every_type_that_queries_hold_is_told_in_plain_words() {
        for (said, meant) in [
            (of_query::<u64>("x"), "a whole number"),
            (of_query::<u64>(""), "a whole number"),
            (of_query::<u64>("99999999999999999999"), "a smaller whole number"),
            (of_query::<i64>("-99999999999999999999"), "a larger whole number"),
            (of_query::<bool>("yes"), "true or false"),
            (of_query::<NaiveDate>("2026-02-30"), "a day or instant that there is"),
            (of_query::<HandbookId>("7"), "a UUID"),
            (of_query::<Month>("1900-01"), "a month from 1970-01"),
        ] {
            assert!(said.contains(meant), "{said:?} should tell of {meant:?}");
        }
    }

    #[test]
    fn words_that_nobody_knows_are_not_passed_on() {
        assert_eq!(told("Zhang San is odd", "/name", |_, _| String::new()).en, "The type or form is wrong.");
    }
}
