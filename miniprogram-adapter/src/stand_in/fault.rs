//! What can go wrong between a client and WeChat.

use std::{
    collections::{HashMap, VecDeque},
    fmt, io,
    pin::Pin,
    str::FromStr,
    task::{Context, Poll},
    time::Duration,
};

use actix_web::{
    HttpResponse,
    body::{BodySize, MessageBody},
    http::header::ContentType,
    web::Bytes,
};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use super::interface::Reply;

/// What `timeout` waits before it gives up; any client has given up long before.
const LONGER_THAN_ANYBODY_WAITS: Duration = Duration::from_secs(60);
const HTML: &str = "<!DOCTYPE html><html><body><h1>Bad Gateway</h1></body></html>";

/// A fault, written as in its description.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[non_exhaustive]
pub enum Fault {
    /// `timeout`: the call does not reach WeChat, and no answer comes.
    Timeout,
    /// `reset`: the call does not reach WeChat, and the connection is closed.
    Reset,
    /// `http502`: the call does not reach WeChat, and a gateway answers 502 with a page.
    Http502,
    /// `html`: the call does not reach WeChat, and somebody answers 200 with a page.
    Html,
    /// `empty`: the call does not reach WeChat, and the answer is empty.
    Empty,
    /// `errcode:<n>`: WeChat refuses with this errcode and does nothing.
    Errcode(i64),
    /// `truncate`: WeChat does what is asked, and half of the answer comes.
    Truncate,
    /// `slow:<ms>`: WeChat does what is asked, and the answer comes late by this much.
    Slow(Duration),
    /// `lost`: WeChat does what is asked, and the connection is closed before the answer.
    Lost,
}

impl Fault {
    pub(super) fn keeps_the_call_away(self) -> bool {
        matches!(self, Self::Timeout | Self::Reset | Self::Http502 | Self::Html | Self::Empty)
    }

    /// Answers, harmed by the fault.
    pub(super) async fn harm(self, mut reply: Reply) -> HttpResponse {
        match self {
            Self::Timeout => {
                sleep(LONGER_THAN_ANYBODY_WAITS).await;
                closed()
            }
            Self::Reset | Self::Lost => closed(),
            Self::Http502 => HttpResponse::BadGateway().content_type(ContentType::html()).body(HTML),
            Self::Html => HttpResponse::Ok().content_type(ContentType::html()).body(HTML),
            Self::Empty => HttpResponse::Ok().finish(),
            Self::Errcode(_) => reply.into(),
            Self::Truncate => {
                let half: String = reply.body.chars().take(reply.body.chars().count() / 2).collect();
                reply.body = half;
                reply.into()
            }
            Self::Slow(late) => {
                sleep(late).await;
                reply.into()
            }
        }
    }
}

/// A response that makes the server close the connection without having sent anything.
fn closed() -> HttpResponse {
    HttpResponse::Ok().body(Broken)
}

struct Broken;

impl MessageBody for Broken {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        BodySize::Sized(1)
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, io::Error>>> {
        Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout => f.write_str("timeout"),
            Self::Reset => f.write_str("reset"),
            Self::Http502 => f.write_str("http502"),
            Self::Html => f.write_str("html"),
            Self::Empty => f.write_str("empty"),
            Self::Errcode(number) => write!(f, "errcode:{number}"),
            Self::Truncate => f.write_str("truncate"),
            Self::Slow(late) => write!(f, "slow:{}", late.as_millis()),
            Self::Lost => f.write_str("lost"),
        }
    }
}

impl FromStr for Fault {
    type Err = NoSuchFault;

    fn from_str(text: &str) -> Result<Self, NoSuchFault> {
        let (name, value) = text.split_once(':').unwrap_or((text, ""));
        let fault = match (name, value) {
            ("timeout", "") => Self::Timeout,
            ("reset", "") => Self::Reset,
            ("http502", "") => Self::Http502,
            ("html", "") => Self::Html,
            ("empty", "") => Self::Empty,
            ("errcode", number) => Self::Errcode(number.parse().map_err(|_| NoSuchFault)?),
            ("truncate", "") => Self::Truncate,
            ("slow", ms) => Self::Slow(Duration::from_millis(ms.parse().map_err(|_| NoSuchFault)?)),
            ("lost", "") => Self::Lost,
            _ => return Err(NoSuchFault),
        };
        Ok(fault)
    }
}

impl TryFrom<String> for Fault {
    type Error = NoSuchFault;

    fn try_from(text: String) -> Result<Self, NoSuchFault> {
        text.parse()
    }
}

impl From<Fault> for String {
    fn from(fault: Fault) -> Self {
        fault.to_string()
    }
}

/// The text names no fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a fault is timeout, reset, http502, html, empty, errcode:<n>, truncate, slow:<ms> or lost")]
pub struct NoSuchFault;

/// The faults that wait for the next calls of an interface, in the order in which they were set.
#[derive(Debug, Default)]
pub(super) struct Faults(HashMap<String, VecDeque<Coming>>);

#[derive(Debug)]
struct Coming {
    calls: u32,
    fault: Fault,
}

impl Faults {
    pub(super) fn set(&mut self, path: &str, next: u32, fault: Fault) {
        if next > 0 {
            self.0.entry(path.to_owned()).or_default().push_back(Coming { calls: next, fault });
        }
    }

    pub(super) fn next_for(&mut self, path: &str) -> Option<Fault> {
        let queue = self.0.get_mut(path)?;
        let first = queue.front_mut()?;
        let fault = first.fault;
        first.calls -= 1;
        if first.calls == 0 {
            queue.pop_front();
        }
        Some(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_reads_as_it_is_written() {
        let texts =
            ["timeout", "reset", "http502", "html", "empty", "errcode:-1", "truncate", "slow:50", "lost"];
        for text in texts {
            assert_eq!(text.parse::<Fault>().unwrap().to_string(), text);
        }
        for text in ["", "Timeout", "timeout:5", "slow", "slow:-1", "errcode:x"] {
            assert_eq!(text.parse::<Fault>(), Err(NoSuchFault), "{text}");
        }
    }

    #[test]
    fn faults_come_in_order_and_end() {
        let mut faults = Faults::default();
        faults.set("/a", 2, Fault::Reset);
        faults.set("/a", 0, Fault::Empty);
        faults.set("/a", 1, Fault::Html);
        let met: Vec<_> = (0..4).map(|_| faults.next_for("/a")).collect();
        assert_eq!(met, [Some(Fault::Reset), Some(Fault::Reset), Some(Fault::Html), None]);
        assert_eq!(faults.next_for("/b"), None);
    }
}
