//! Every handler, one line each. The address stands in the macro above the handler.

use utoipa_actix_web::service_config::ServiceConfig;

use crate::{access_log, codes, health, live, notices, usage, visits};

/// All routes of the application.
pub fn configure(config: &mut ServiceConfig) {
    config.service(health::healthz);
    config.service(health::readyz);

    config.service(codes::show::show);
    config.service(codes::printed::print);
    config.service(codes::revoke::revoke);
    config.service(codes::landing::land);

    config.service(visits::scan::scan);
    config.service(visits::by_id_card::by_id_card);
    config.service(visits::list::of_day);
    config.service(visits::list::one);
    config.service(visits::end::at_the_desk);
    config.service(visits::end::by_the_family);
    config.service(visits::break_glass::open_emergency);
    config.service(visits::review::to_review);
    config.service(visits::review::keep);

    config.service(access_log::show::show);
    config.service(notices::list::newest);

    config.service(live::ticket::give);
    config.service(live::stream::follow);
    config.service(live::changes::after);
    config.service(usage::dashboard::show);
    config.service(usage::series::days);
    config.service(usage::follow_up::follow_up);
}
