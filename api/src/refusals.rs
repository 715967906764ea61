//! The problems that an operation documents, one name per status: `responses((status = 200, …), NotSignedIn, Stale)`.

use std::collections::BTreeMap;

use utoipa::IntoResponses;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};

macro_rules! refusals {
    ($($name:ident = $status:literal $description:literal;)+) => {$(
        #[doc = concat!($status, ": ", $description, ".")]
        #[derive(Debug, Clone, Copy)]
        pub struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                BTreeMap::from([($status.to_owned(), problem($description))])
            }
        }
    )+};
}

fn problem(description: &str) -> RefOr<Response> {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new()
        .description(description)
        .content("application/problem+json", content)
        .build()
        .into()
}

refusals! {
    BadRequest = "400" "The request is not well formed";
    NotSignedIn = "401" "Not signed in, or the credentials are refused";
    Forbidden = "403" "Not allowed, outside the scope, or something must be done first";
    NotFound = "404" "Not there, or the caller may not know that it is";
    Conflict = "409" "In conflict with what is there";
    Stale = "412" "Changed since it was read";
    TooLarge = "413" "The body is too large";
    UnsupportedMedia = "415" "The body is of another type";
    Invalid = "422" "Some fields are wrong";
    IfMatchRequired = "428" "If-Match is missing";
    TooMany = "429" "Too many tries or requests; Retry-After says when to come again";
    Unavailable = "503" "Something we stand on does not answer; nothing was saved";
}
