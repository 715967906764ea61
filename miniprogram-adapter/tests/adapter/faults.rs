//! Every kind of fault on the way, and what the client makes of it.

use std::time::Duration;

use miniprogram_adapter::{Class, Client, Clock, Error, Silence, Surprise, stand_in::Fault};

use crate::support::{LOGIN, PHONE, TOKEN, World};

/// Meets the same fault at both interfaces, as often as they try.
async fn errors(world: &World, client: &Client, fault: Fault) -> [Error; 2] {
    world.control().fault(LOGIN, 2, fault);
    world.control().fault(PHONE, 2, fault);
    let login = client.login(&world.control().login_code("mum1"), "mine").await;
    [login.unwrap_err(), world.call_by(client).await.unwrap_err()]
}

#[tokio::test]
async fn no_answer_is_a_time_out() {
    let world = World::new();
    for error in errors(&world, &world.hasty_client(), Fault::Timeout).await {
        assert!(matches!(error, Error::Unanswered(Silence::TimedOut, Some(_))), "{error:?}");
        assert_eq!(error.class(), Class::Transient);
    }
}

#[tokio::test]
async fn an_answer_that_is_too_late_is_a_time_out() {
    let world = World::new();
    world.control().fault(LOGIN, 1, Fault::Slow(Duration::from_secs(20)));
    let outcome = world.hasty_client().login(&world.control().login_code("mum1"), "mine").await;
    // WeChat saw the code the first time, so the second try learns that it is used.
    assert_eq!(outcome.unwrap_err().class(), Class::Client);
    assert_eq!(world.calls(LOGIN), 2);
}

#[tokio::test]
async fn an_answer_that_is_a_little_late_is_an_answer() {
    let world = World::new();
    world.control().fault(LOGIN, 1, Fault::Slow(Duration::from_millis(30)));
    assert!(world.client.login(&world.control().login_code("mum1"), "mine").await.is_ok());
}

#[tokio::test]
async fn a_reset_is_a_broken_connection() {
    let world = World::new();
    for error in errors(&world, &world.client, Fault::Reset).await {
        assert!(matches!(error, Error::Unanswered(Silence::Broken, Some(_))), "{error:?}");
        assert_eq!(error.class(), Class::Transient);
    }
}

#[tokio::test]
async fn an_answer_lost_on_the_way_is_a_broken_connection() {
    let world = World::new();
    world.control().fault(PHONE, 1, Fault::Lost);
    let error = world.call().await.unwrap_err();
    assert!(matches!(error, Error::Unanswered(Silence::Broken, Some(_))), "{error:?}");
}

#[tokio::test]
async fn a_bad_gateway_is_transient() {
    let world = World::new();
    for error in errors(&world, &world.client, Fault::Http502).await {
        assert!(matches!(error, Error::Gateway(502)), "{error:?}");
        assert_eq!(error.class(), Class::Transient);
    }
}

#[tokio::test]
async fn what_is_not_json_is_unexpected() {
    for fault in [Fault::Html, Fault::Empty, Fault::Truncate] {
        let world = World::new();
        for error in errors(&world, &world.client, fault).await {
            assert!(matches!(error, Error::Unexpected(Surprise::NotJson)), "{fault}: {error:?}");
            assert_eq!(error.class(), Class::Unexpected);
        }
    }
}

#[tokio::test]
async fn an_errcode_is_a_refusal() {
    let world = World::new();
    for error in errors(&world, &world.client, Fault::Errcode(48001)).await {
        assert_eq!(error.class(), Class::Config);
        assert_eq!(error.code().map(miniprogram_adapter::Code::number), Some(48001));
    }
}

#[tokio::test]
async fn nobody_at_the_address_is_not_reached() {
    let world = World::new();
    let mut settings = world.wechat.client_settings();
    settings.retry.waits = vec![Duration::from_millis(1); 2];
    world.wechat.stop().await;
    let client = Client::new(settings, Clock::system(), None).unwrap();
    for error in
        [client.login("code", "mine").await.unwrap_err(), client.phone_number("code").await.unwrap_err()]
    {
        assert!(matches!(error, Error::Unanswered(Silence::NotReached, Some(_))), "{error:?}");
        assert_eq!(error.class(), Class::Transient);
    }
}

#[tokio::test]
async fn all_tries_together_stay_within_the_budget() {
    let world = World::new();
    let client = world.client_with(|settings| {
        settings.retry.waits = vec![Duration::from_millis(50); 100];
        settings.retry.budget = Duration::from_millis(500);
    });
    world.control().fault(TOKEN, 1000, Fault::Http502);
    let started = std::time::Instant::now();
    assert_eq!(world.call_by(&client).await.unwrap_err().class(), Class::Transient);
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert!((2..=11).contains(&world.calls(TOKEN)));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    let world = World::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let elsewhere = world.wechat.base_url().to_owned();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = [0; 4096];
        let _read = stream.read(&mut head).await.unwrap();
        let answer =
            format!("HTTP/1.1 302 Found\r\nLocation: {elsewhere}{LOGIN}\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.unwrap();
    });
    let client = world.client_with(|settings| settings.base_url = format!("http://{address}"));
    assert!(matches!(client.login("code", "mine").await, Err(Error::Gateway(302))));
    assert_eq!(world.calls(LOGIN), 0);
}
