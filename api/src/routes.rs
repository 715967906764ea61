//! Every handler, one line each. The address stands in the macro above the handler.

use utoipa_actix_web::service_config::ServiceConfig;

use crate::{alerts, catalogue, checkups, entries, health, photos, records};

/// All routes of the application.
pub fn configure(config: &mut ServiceConfig) {
    config.service(health::healthz);
    config.service(health::readyz);

    config.service(catalogue::overview);
    config.service(catalogue::kind);
    config.service(records::timeline::timeline);
    config.service(records::show::show);
    config.service(records::history::versions);
    config.service(records::history::own_checkups);
    config.service(entries::add::add);
    config.service(entries::amend::amend);
    config.service(entries::hide::hide);
    config.service(entries::withdraw::withdraw);
    config.service(photos::add::add);
    config.service(photos::show::show);
    config.service(photos::show::drop_photo);
    config.service(checkups::attach::attach);
    config.service(checkups::correct::correct);
    config.service(checkups::void::void);
    config.service(checkups::countersign::list);
    config.service(checkups::countersign::countersign);
    config.service(checkups::delegate::delegate);
    config.service(checkups::delegate::list);
    config.service(checkups::delegate::end);
    config.service(alerts::list::list);
    config.service(alerts::answer::answer);
}
