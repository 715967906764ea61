//! What can go wrong with a call, and what the caller is to do about it.

use std::{fmt, net::IpAddr, sync::Arc};

/// Why a call has no result. It can be shown and logged: it carries no secret, no user and no number.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// WeChat answered with an errcode.
    #[error("WeChat refused: {0}")]
    Refused(Refusal),
    /// No complete answer came.
    #[error("WeChat did not answer: {0}")]
    Unanswered(Silence, #[source] Option<Arc<reqwest::Error>>),
    /// Something before WeChat's application answered, with this HTTP status and no errcode.
    #[error("the gateway before WeChat answered HTTP {0}")]
    Gateway(u16),
    /// An answer came that is not what the interface promises.
    #[error("WeChat's answer is not as promised: {0}")]
    Unexpected(Surprise),
    /// WeChat gave a token and refuses that same token. Only a person can decide on a forced refresh; the usual cause
    /// is another system that fetches tokens for the same mini-program.
    #[error("WeChat refuses the very token that it gives")]
    TokenStillRefused,
    /// The one-time code is empty or too long to be one. WeChat was not asked.
    #[error("this is not a one-time code")]
    NotACode,
}

impl Error {
    /// What the caller is to do about it.
    pub fn class(&self) -> Class {
        match self {
            Self::Refused(refusal) => refusal.class,
            Self::Unanswered(..) | Self::Gateway(500..) => Class::Transient,
            Self::Gateway(_) | Self::Unexpected(_) => Class::Unexpected,
            Self::TokenStillRefused => Class::Token,
            Self::NotACode => Class::Client,
        }
    }

    /// The errcode, when WeChat gave one.
    pub fn code(&self) -> Option<Code> {
        self.refusal().map(|refusal| refusal.code)
    }

    /// WeChat's id of the request, by which its support finds it for seven days.
    pub fn rid(&self) -> Option<&str> {
        self.refusal()?.rid.as_deref()
    }

    pub(crate) fn interrupted() -> Self {
        Self::Unanswered(Silence::Interrupted, None)
    }

    fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }
}

impl From<reqwest::Error> for Error {
    /// Drops the address, whose query may hold the AppSecret, a one-time code or a token.
    fn from(error: reqwest::Error) -> Self {
        let silence = if error.is_connect() {
            Silence::NotReached
        } else if error.is_timeout() {
            Silence::TimedOut
        } else {
            Silence::Broken
        };
        Self::Unanswered(silence, Some(Arc::new(error.without_url())))
    }
}

impl From<Surprise> for Error {
    fn from(surprise: Surprise) -> Self {
        Self::Unexpected(surprise)
    }
}

/// An errcode and what is safe to keep of its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The errcode.
    pub code: Code,
    /// What it means for this call; the same code can mean something else for another one.
    pub class: Class,
    /// WeChat's id of the request.
    pub rid: Option<String>,
    /// The address that WeChat saw us come from, when it refused for that: the one to enter in the console's list.
    pub our_address: Option<IpAddr>,
}

impl Refusal {
    /// Reads the message for the request id and, where the code is about addresses, for ours. The rest of the message
    /// is dropped: it is for people, and nobody promises what is in it.
    pub(crate) fn new(code: Code, class: Class, message: &str) -> Self {
        let our_address = if code.is_about_our_address() { address_in(message) } else { None };
        Self { code, class, rid: rid_in(message), our_address }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "errcode {} ({:?}, {:?})", self.code, self.code, self.class)?;
        if let Some(rid) = &self.rid {
            write!(f, ", rid {rid}")?;
        }
        if let Some(address) = self.our_address {
            write!(f, ", we came from {address}")?;
        }
        Ok(())
    }
}

fn rid_in(message: &str) -> Option<String> {
    let (_, after) = message.rsplit_once("rid:")?;
    let is_part_of_it = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let rid: String = after.trim_start().chars().take_while(|&c| is_part_of_it(c)).take(64).collect();
    (!rid.is_empty()).then_some(rid)
}

fn address_in(message: &str) -> Option<IpAddr> {
    message.split([' ', ',']).find_map(|word| word.parse().ok())
}

/// Why no complete answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// There was no connection, so WeChat did not see the request.
    NotReached,
    /// Time ran out. WeChat may have done what was asked.
    TimedOut,
    /// The connection broke before the answer was complete. WeChat may have done what was asked.
    Broken,
    /// We stopped while waiting.
    Interrupted,
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotReached => "no connection",
            Self::TimedOut => "time ran out",
            Self::Broken => "the connection broke",
            Self::Interrupted => "we are stopping",
        })
    }
}

/// How an answer differs from what the interface promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Surprise {
    /// It is not JSON: empty, cut short, or somebody's HTML page.
    NotJson,
    /// It is JSON without the promised fields, or with fields of another type.
    Fields,
    /// The watermark names another mini-program.
    OtherApp,
    /// The watermark is more than ten minutes from our clock: an old answer, or one of the clocks is wrong.
    WrongTime,
}

impl fmt::Display for Surprise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotJson => "not JSON",
            Self::Fields => "the promised fields are not there",
            Self::OtherApp => "the watermark is of another mini-program",
            Self::WrongTime => "the watermark is not of these ten minutes",
        })
    }
}

/// What a failure asks of the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// It may pass by itself. What could be retried has been retried.
    Transient,
    /// The access token was refused, and so was its one replacement. Tell a person.
    Token,
    /// Too often: wait for the next minute.
    Rate,
    /// A day's allowance (or a life's) is used up. Tell a person.
    Quota,
    /// The user is to start again: ask the phone for a new code. Never an internal error.
    Client,
    /// An answer that the business decides on, such as "the user does not want messages".
    Business,
    /// The account or its console is not set up for this. Tell a person; do not repeat.
    Config,
    /// We asked wrongly.
    Bug,
    /// An answer that nobody has described. Do not repeat.
    Unexpected,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $class:ident;)+) => {
        /// An errcode: those whose meaning is known, and any other by its number.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[$doc])* $name,)+
            /// A code outside WeChat's own tables; such codes exist.
            Other(i64),
        }

        impl Code {
            /// The number on the wire.
            pub fn number(self) -> i64 {
                match self {
                    $(Self::$name => $number,)+
                    Self::Other(number) => number,
                }
            }

            /// What the code means wherever a call does not say otherwise.
            pub fn class(self) -> Class {
                match self {
                    $(Self::$name => Class::$class,)+
                    Self::Other(_) => Class::Unexpected,
                }
            }
        }

        impl From<i64> for Code {
            fn from(number: i64) -> Self {
                match number {
                    $($number => Self::$name,)+
                    other => Self::Other(other),
                }
            }
        }
    };
}

codes! {
    /// The platform is busy.
    Busy = -1, Transient;
    /// The service of message templates is busy.
    TemplatesBusy = 20001, Transient;
    /// Two messages to one user at once.
    SendInFlight = 43108, Transient;

    /// The token is not one, or was replaced by another.
    TokenInvalid = 40001, Token;
    /// The token is malformed.
    TokenMalformed = 40014, Token;
    /// The token is too old.
    TokenExpired = 42001, Token;

    /// Too many calls in this minute.
    MinuteLimit = 45011, Rate;
    /// Too many calls in this second.
    SecondFrequency = 44990, Rate;
    /// Too many calls in this minute, as the content check says it.
    MinuteFrequency = 44991, Rate;

    /// The day's calls are used up.
    DayLimit = 45009, Quota;
    /// The day's calls are used up, as the link interfaces say it.
    DayFrequency = 44993, Quota;
    /// The mini-program codes of a lifetime are used up.
    CodeImagesUsedUp = 45029, Quota;
    /// Too many links were opened today.
    LinkVisitsUsedUp = 85406, Quota;

    /// The one-time code is unknown, expired, used, or of another mini-program.
    CodeInvalid = 40029, Client;
    /// The one-time code has been used. Not in WeChat's own table, but this is what a second use gets.
    CodeUsed = 40163, Client;
    /// WeChat holds the user for high-risk: show a neutral message and the help desk.
    UserBlocked = 40226, Client;
    /// The session key does not exist or is too old.
    SessionExpired = 87007, Client;
    /// The signature is not by the current session key.
    SessionStale = 87009, Client;

    /// The user does not accept this message.
    MessageRefused = 43101, Business;
    /// The user has not opened the mini-program within two hours.
    NotRecentlyOpened = 61010, Business;
    /// The content is risky.
    ContentRisky = 87014, Business;

    /// The grant type is wrong.
    GrantType = 40002, Config;
    /// The appid is wrong; with a phone code, the code is of another mini-program.
    AppId = 40013, Config;
    /// The message template is not of this account.
    Template = 40037, Config;
    /// There is nothing at this address.
    Url = 40066, Config;
    /// The AppSecret is wrong or has just been reset.
    Secret = 40125, Config;
    /// Our address is not in the console's list.
    OurAddressNotListed = 40164, Config;
    /// The page is not in the released version.
    Page = 41030, Config;
    /// The account may not send messages.
    MessagesBanned = 43107, Config;
    /// The account does not have this capability.
    Unauthorized = 48001, Config;
    /// Our address waits for the administrator.
    OurAddressWaits = 89501, Config;
    /// Our address needs the administrator's confirmation.
    OurAddressUnconfirmed = 89503, Config;
    /// The administrator refused our address for a day.
    OurAddressRefusedForADay = 89506, Config;
    /// The administrator refused our address for an hour.
    OurAddressRefusedForAnHour = 89507, Config;

    /// An argument is wrong.
    Arguments = 40097, Bug;
    /// The scene of a mini-program code has characters that are not allowed.
    Scene = 40129, Bug;
    /// The scene of a mini-program code is empty or too long.
    SceneLength = 40169, Bug;
    /// No token was sent.
    TokenMissing = 41001, Bug;
    /// No appid was sent.
    AppIdMissing = 41002, Bug;
    /// No AppSecret was sent.
    SecretMissing = 41004, Bug;
    /// No one-time code was sent.
    CodeMissing = 41008, Bug;
    /// The interface wants GET.
    GetRequired = 43001, Bug;
    /// The interface wants POST.
    PostRequired = 43002, Bug;
    /// The body is empty.
    BodyEmpty = 44002, Bug;
    /// The body is not the JSON that the interface wants.
    BodyFormat = 47001, Bug;
    /// A value of a message template breaks its rule.
    TemplateValue = 47003, Bug;
}

impl Code {
    fn is_about_our_address(self) -> bool {
        matches!(
            self,
            Self::OurAddressNotListed
                | Self::OurAddressWaits
                | Self::OurAddressUnconfirmed
                | Self::OurAddressRefusedForADay
                | Self::OurAddressRefusedForAnHour
        )
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The classes of the platform's codes, one row each as the reference gives them.
    #[test]
    fn every_class_has_its_codes() {
        let table = [
            (Class::Transient, &[-1, 20001, 43108][..]),
            (Class::Token, &[40001, 40014, 42001]),
            (Class::Rate, &[45011, 44990, 44991]),
            (Class::Quota, &[45009, 44993, 45029, 85406]),
            (Class::Client, &[40029, 40163, 40226, 87007, 87009]),
            (Class::Business, &[43101, 61010, 87014]),
            (Class::Config, &[40013, 40125, 40164, 40037, 41030, 43107, 48001, 89503]),
            (Class::Bug, &[40097, 40129, 40169, 41001, 44002, 47001, 47003]),
            (Class::Unexpected, &[1, 12345, i64::MAX]),
        ];
        for (class, numbers) in table {
            for &number in numbers {
                assert_eq!(Code::from(number).class(), class, "errcode {number}");
                assert_eq!(Code::from(number).number(), number);
            }
        }
    }

    #[test]
    fn the_request_id_is_kept_and_the_rest_of_the_message_dropped() {
        let message = "invalid openid oABCDEF, rid: 5f2b1a2b-3c4d5e6f-00112233";
        let refusal = Refusal::new(Code::from(40003), Class::Unexpected, message);
        assert_eq!(refusal.rid.as_deref(), Some("5f2b1a2b-3c4d5e6f-00112233"));
        assert_eq!(refusal.our_address, None);

        let shown = format!("{refusal} {refusal:?}");
        assert!(shown.contains("40003") && !shown.contains("oABCDEF"), "{shown}");
        assert_eq!(Refusal::new(Code::Busy, Class::Transient, "system error").rid, None);
        assert_eq!(Refusal::new(Code::Busy, Class::Transient, "system error rid: ").rid, None);
    }

    #[test]
    fn a_refused_address_is_told_so_that_it_can_be_listed() {
        let message = "invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist, rid: 1-2-3";
        let refusal = Refusal::new(Code::OurAddressNotListed, Class::Config, message);
        assert_eq!(refusal.our_address, Some(IpAddr::from([203, 0, 113, 7])));
        assert!(Error::Refused(refusal).to_string().ends_with("we came from 203.0.113.7"));
    }
}
