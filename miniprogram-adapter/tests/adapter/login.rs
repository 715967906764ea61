//! Login codes: who the user is, once.

use std::time::Duration;

use miniprogram_adapter::{AppSecret, Class, Code, Error, Silence, stand_in};

use crate::support::{LOGIN, World, failure};

#[tokio::test]
async fn a_code_says_who_the_user_is() {
    let world = World::new();
    let mum = world.control().user("mum1");
    let dad = world.control().user_without_unionid("dad1");

    let login = world.client.login(&world.control().login_code("mum1"), "mine").await.unwrap();
    assert_eq!(login, mum);
    assert_eq!(login.openid.expose().len(), 28);
    assert!(login.unionid.is_some());

    let login = world.client.login(&world.control().login_code("dad1"), "mine").await.unwrap();
    assert_eq!(login, dad);
    assert_eq!(login.unionid, None);
    assert_ne!(mum.openid, dad.openid);
}

#[tokio::test]
async fn a_double_tap_gets_the_same_answer_and_wechat_is_asked_once() {
    let world = World::new();
    let code = world.control().login_code("mum1");
    let (first, second) = tokio::join!(world.client.login(&code, "mine"), world.client.login(&code, "mine"));
    assert_eq!(first.unwrap(), second.unwrap());

    world.control().advance(59);
    assert!(world.client.login(&code, "mine").await.is_ok());
    assert_eq!(world.calls(LOGIN), 1);
}

#[tokio::test]
async fn a_code_that_somebody_else_sends_is_used() {
    let world = World::new();
    let code = world.control().login_code("mum1");
    let mum = world.client.login(&code, "mine").await.unwrap();
    let theirs = world.client.login(&code, "theirs").await;
    assert_eq!(failure(theirs), (Class::Client, Some(Code::CodeUsed)));
    assert_eq!(world.client.login(&code, "mine").await.unwrap(), mum, "nothing is taken from her");
    assert_eq!(world.calls(LOGIN), 2);
}

#[tokio::test]
async fn a_used_code_asks_for_a_new_one() {
    let world = World::new();
    let code = world.control().login_code("mum1");
    world.client.login(&code, "mine").await.unwrap();

    let elsewhere = world.replica(None);
    assert_eq!(failure(elsewhere.login(&code, "mine").await), (Class::Client, Some(Code::CodeUsed)));
    world.control().advance(60);
    assert_eq!(failure(world.client.login(&code, "mine").await), (Class::Client, Some(Code::CodeUsed)));

    let calls = world.calls(LOGIN);
    assert_eq!(failure(world.client.login(&code, "mine").await).0, Class::Client);
    assert_eq!(world.calls(LOGIN), calls, "a definite no is remembered as well");
}

#[tokio::test]
async fn a_code_that_is_old_or_foreign_or_of_another_kind_is_invalid() {
    let world = World::new();
    let control = world.control();
    let old = control.login_code("mum1");
    control.advance(300);
    let foreign = control.login_code_of_app("wx0000000000000000", "mum1");
    let phone = control.phone_code("mum1", "13800000000");
    for code in [old.as_str(), &foreign, &phone, "never-given", "demo-mum1"] {
        assert_eq!(failure(world.client.login(code, "mine").await), (Class::Client, Some(Code::CodeInvalid)));
    }
    assert!(matches!(world.client.login("", "mine").await, Err(Error::NotACode)));
    assert_eq!(world.calls(LOGIN), 5);
}

#[tokio::test]
async fn a_code_works_to_its_last_second() {
    let world = World::new();
    let code = world.control().login_code("mum1");
    world.control().advance(299);
    assert!(world.client.login(&code, "mine").await.is_ok());
}

#[tokio::test]
async fn a_wrong_account_is_a_matter_of_configuration() {
    let world = World::new();
    let code = world.control().login_code("mum1");
    let wrong_secret = world.client_with(|settings| settings.secret = AppSecret::new("wrong"));
    assert_eq!(failure(wrong_secret.login(&code, "mine").await), (Class::Config, Some(Code::Secret)));
    let wrong_app = world.client_with(|settings| settings.app_id = "wx0000000000000000".to_owned());
    assert_eq!(failure(wrong_app.login(&code, "mine").await), (Class::Config, Some(Code::AppId)));
    assert!(world.client.login(&code, "mine").await.is_ok(), "the code is not used up by that");
}

#[tokio::test]
async fn no_code_is_sent_again_once_wechat_has_answered() {
    let world = World::new();
    let answers = [
        ("err--1", Class::Transient),
        ("err-45011", Class::Rate),
        ("err-45009", Class::Quota),
        ("err-40226", Class::Client),
        ("err-43101", Class::Business),
        ("err-40164", Class::Config),
        ("err-41002", Class::Bug),
        ("err-987654", Class::Unexpected),
    ];
    for (calls, (code, class)) in (1..).zip(answers) {
        let error = world.client.login(code, "mine").await.unwrap_err();
        assert_eq!(error.class(), class, "{code}");
        assert!(error.rid().is_some());
        assert_eq!(world.calls(LOGIN), calls, "{code}");
    }
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_once_more() {
    let world = World::new();
    world.control().fault(LOGIN, 1, stand_in::Fault::Reset);
    assert!(world.client.login(&world.control().login_code("mum1"), "mine").await.is_ok());
    assert_eq!(world.calls(LOGIN), 2);
}

#[tokio::test]
async fn a_code_used_up_by_a_lost_answer_asks_for_a_new_one() {
    let world = World::new();
    let code = world.control().login_code("mum1");
    world.control().fault(LOGIN, 1, stand_in::Fault::Lost);
    assert_eq!(failure(world.client.login(&code, "mine").await), (Class::Client, Some(Code::CodeUsed)));
    assert_eq!(world.calls(LOGIN), 2);
}

#[tokio::test]
async fn two_lost_answers_are_a_failure_that_is_not_remembered() {
    let world = World::new();
    let code = world.control().login_code("mum1");
    world.control().fault(LOGIN, 2, stand_in::Fault::Reset);
    let error = world.client.login(&code, "mine").await.unwrap_err();
    assert!(matches!(error, Error::Unanswered(Silence::Broken, _)), "{error:?}");
    assert_eq!((error.class(), world.calls(LOGIN)), (Class::Transient, 2));

    assert!(world.client.login(&code, "mine").await.is_ok(), "the phone may send the same code again");
}

#[tokio::test]
async fn a_phone_that_hangs_up_and_comes_back_gets_its_login() {
    let world = World::new();
    let code = world.control().login_code("mum1");
    world.control().fault(LOGIN, 1, stand_in::Fault::Slow(Duration::from_millis(50)));
    let caller = tokio::spawn({
        let (client, code) = (world.client.clone(), code.clone());
        async move { client.login(&code, "mine").await }
    });
    world.until(|control| control.calls(LOGIN) == 1).await;
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());

    assert!(world.client.login(&code, "mine").await.is_ok());
    assert_eq!(world.calls(LOGIN), 1);
}

#[tokio::test]
async fn a_user_logs_in_at_most_a_hundred_times_a_minute() {
    let world = World::new();
    for _ in 0..100 {
        world.client.login(&world.control().login_code("mum1"), "mine").await.unwrap();
    }
    let code = world.control().login_code("mum1");
    assert_eq!(failure(world.client.login(&code, "mine").await), (Class::Rate, Some(Code::MinuteLimit)));
    assert!(world.client.login(&world.control().login_code("mum2"), "mine").await.is_ok());

    world.control().advance(60);
    assert!(world.client.login(&code, "mine").await.is_ok(), "the limit did not use the code up");
}

#[tokio::test]
async fn demo_codes_work_where_they_are_switched_on() {
    let world = World::with(|settings| settings.demo_codes = true);
    let mum = world.control().user("mum1");
    assert_eq!(world.client.login("demo-mum1", "mine").await.unwrap(), mum);
    world.control().advance(3600);
    assert_eq!(world.client.login("demo-mum1", "mine").await.unwrap(), mum);
    for code in ["demo-", "demo-phone-13800000000"] {
        assert_eq!(failure(world.client.login(code, "mine").await), (Class::Client, Some(Code::CodeInvalid)));
    }
}
