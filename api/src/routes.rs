//! Every handler, one line each. The address stands in the macro above the handler.

use utoipa_actix_web::service_config::ServiceConfig;

use crate::{children, handbooks, health, members, pregnancies, privacy};

/// All routes of the application.
pub fn configure(config: &mut ServiceConfig) {
    config.service(health::healthz);
    config.service(health::readyz);

    config.service(privacy::privacy_text);
    config.service(handbooks::issue::issue);
    config.service(handbooks::find::find);
    config.service(handbooks::mine::mine);
    config.service(handbooks::show::show);
    config.service(handbooks::print::print_slip);
    config.service(handbooks::claim::claim);
    config.service(handbooks::reclaim::reclaim);
    config.service(handbooks::correct::correct);
    config.service(handbooks::transfer::transfer);
    config.service(handbooks::close::close);
    config.service(handbooks::replace::replace);
    config.service(members::list::list);
    config.service(members::invite::invite);
    config.service(members::accept::accept);
    config.service(members::change::change);
    config.service(members::remove::remove);
    config.service(members::hand_over::hand_over);
    config.service(pregnancies::register::register);
    config.service(pregnancies::dates::change_dates);
    config.service(pregnancies::outcome::record_outcome);
    config.service(children::change::change);
}
