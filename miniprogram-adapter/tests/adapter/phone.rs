//! Phone number codes.

use miniprogram_adapter::{Class, Client, Clock, Code, Error, Surprise, stand_in};

use crate::support::{PHONE, TOKEN, World, failure};

#[tokio::test]
async fn a_code_gives_the_number_however_the_country_is_written() {
    let world = World::new();
    for number in ["13800000001", "13800000002", "13800000003"] {
        let phone = world.client.phone_number(&world.control().phone_code("mum1", number)).await.unwrap();
        assert_eq!((phone.number.expose(), phone.country_code.as_str()), (number, "86"));
    }
    let code = world.control().phone_code_abroad("mum1", "852", "91234567");
    let phone = world.client.phone_number(&code).await.unwrap();
    assert_eq!((phone.number.expose(), phone.country_code.as_str()), ("+85291234567", "852"));
    assert_eq!((world.calls(PHONE), world.calls(TOKEN)), (4, 1));
}

#[tokio::test]
async fn a_code_works_once_for_five_minutes_and_is_not_a_login_code() {
    let world = World::new();
    let used = world.control().phone_code("mum1", "13800000000");
    world.client.phone_number(&used).await.unwrap();
    let old = world.control().phone_code("mum1", "13800000000");
    world.control().advance(300);
    let login = world.control().login_code("mum1");
    for code in [used.as_str(), &old, &login, "never-given", "demo-phone-13800000000"] {
        let outcome = world.client.phone_number(code).await;
        assert_eq!(failure(outcome), (Class::Client, Some(Code::CodeInvalid)));
    }
    assert!(matches!(world.client.phone_number("").await, Err(Error::NotACode)));
}

#[tokio::test]
async fn an_answer_of_another_time_is_refused() {
    let world = World::new();
    let clock = world.control().clock();
    let ahead = Clock::new(move || clock.now() + chrono::TimeDelta::minutes(11));
    let client = Client::new(world.wechat.client_settings(), ahead, None).unwrap();
    let error = world.call_by(&client).await.unwrap_err();
    assert!(matches!(error, Error::Unexpected(Surprise::WrongTime)), "{error:?}");
}

#[tokio::test]
async fn a_code_is_not_sent_again_when_wechat_may_have_seen_it() {
    use stand_in::Fault::{Errcode, Http502, Lost, Reset};

    let world = World::new();
    world.call().await.unwrap();
    for fault in [Lost, Reset, Http502, Errcode(-1)] {
        let calls = world.calls(PHONE);
        world.control().fault(PHONE, 1, fault);
        assert_eq!(failure(world.call().await).0, Class::Transient, "{fault}");
        assert_eq!(world.calls(PHONE), calls + 1, "{fault}");
    }
}

#[tokio::test]
async fn demo_codes_work_where_they_are_switched_on() {
    let world = World::with(|settings| settings.demo_codes = true);
    for _ in 0..2 {
        let phone = world.client.phone_number("demo-phone-13912345678").await.unwrap();
        assert_eq!(phone.number.expose(), "13912345678");
    }
    for code in ["demo-phone-1391234567", "demo-phone-1391234567x", "demo-mum1"] {
        let outcome = world.client.phone_number(code).await;
        assert_eq!(failure(outcome), (Class::Client, Some(Code::CodeInvalid)));
    }
}
