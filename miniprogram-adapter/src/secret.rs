//! Values that must never be seen in a log, an error text or a debug print.

use std::fmt;

use serde::Deserialize;

macro_rules! secrets {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes the value in; from here on only [`Self::expose`] shows it.
            pub fn new(value: impl Into<String>) -> Self {
                Self(value.into())
            }

            /// The value itself: for the wire and for sealed storage, never for a log.
            pub fn expose(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("***")
            }
        }
    )+};
}

secrets! {
    /// The AppSecret of the mini-program.
    AppSecret;
    /// The access token that most interfaces ask for; up to 512 characters.
    AccessToken;
    /// Who a user is within this mini-program: the key under which a user is stored.
    OpenId;
    /// Who a user is across the apps bound to one Open Platform account. It may appear later for a user who had none,
    /// so it never is a key.
    UnionId;
    /// A phone number: digits only for mainland China (+86), `+`, country code and digits for any other country.
    PhoneNumber;
    /// The address of a proxy, which may carry a password.
    ProxyAddress;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_of_the_value() {
        assert_eq!(format!("{:?}", PhoneNumber::new("13800000000")), "***");
        assert_eq!(format!("{:?}", Some(AppSecret::new("very-secret"))), "Some(***)");
    }
}
