//! Every handler, one line each. The address stands in the macro above the handler.

use utoipa_actix_web::service_config::ServiceConfig;

use crate::{health, usage};

/// All routes of the application.
pub fn configure(config: &mut ServiceConfig) {
    config.service(health::healthz);
    config.service(health::readyz);
    config.service(usage::dashboard::show);
    config.service(usage::series::days);
    config.service(usage::follow_up::follow_up);
}
