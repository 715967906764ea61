//! How many whole plans a second: `cargo test -p domain --release -- --ignored plans_a_second --nocapture`.

use std::hint::black_box;
use std::time::Instant;

use super::*;

#[test]
#[ignore = "a measurement, to be run in release"]
fn plans_a_second() {
    let edition = edition("nip-2021-dtap2025-hpv");
    let child = girl("2019-01-15");
    let doses: Vec<_> =
        by_the_ages(&child, edition).into_iter().filter(|dose| dose.on < day("2026-07-01")).collect();
    let starts = Starts::national();
    for (what, with_reasons) in [("plans", false), ("plans with their sentences", true)] {
        let (began, rounds) = (Instant::now(), 100_000_u32);
        for _ in 0..rounds {
            let plan = plan(black_box(&child), black_box(&doses), day("2026-07-01"), None, &starts).unwrap();
            if with_reasons {
                for one in &plan.series {
                    black_box((one.why_zh(), one.why_en(), one.label()));
                }
            }
            black_box(plan);
        }
        let a_second = f64::from(rounds) / began.elapsed().as_secs_f64();
        println!("{a_second:.0} {what} a second, {} doses each", doses.len());
    }
}
