//! Every handler, one line each. The address stands in the macro above the handler.

use utoipa_actix_web::service_config::ServiceConfig;

use crate::import::upload;
use crate::offices::{institutions, regions, staff, targets};
use crate::sign_in;
use crate::{access_log, codes, health, live, notices, overrides, responsibility, usage, visits};
use crate::{alerts, catalogue, checkups, entries, photos, records};
use crate::{charts, tools};
use crate::{
    children, closing, consents, corrections, deaths, disclosures, export, handbooks, members, pregnancies,
    privacy,
};

/// All routes of the application. They are tried one after the other, so what is wanted most often stands first.
pub fn configure(config: &mut ServiceConfig) {
    config.service(health::healthz);
    config.service(health::readyz);

    config.service(records::timeline::timeline);
    config.service(records::show::show);
    config.service(records::history::versions);
    config.service(records::history::own_checkups);
    config.service(entries::add::add);
    config.service(entries::amend::amend);
    config.service(entries::hide::hide);
    config.service(entries::withdraw::withdraw);
    config.service(live::ticket::give);
    config.service(live::stream::follow);
    config.service(live::changes::after);
    config.service(checkups::attach::attach);
    config.service(checkups::correct::correct);
    config.service(checkups::void::void);
    config.service(checkups::countersign::list);
    config.service(checkups::countersign::countersign);
    config.service(checkups::delegate::delegate);
    config.service(checkups::delegate::list);
    config.service(checkups::delegate::end);
    config.service(photos::add::add);
    config.service(photos::show::show);
    config.service(photos::show::drop_photo);

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
    config.service(overrides::list::list);
    config.service(overrides::review::keep);

    config.service(access_log::show::show);
    config.service(notices::list::newest);
    config.service(responsibility::list::list);

    config.service(usage::dashboard::show);
    config.service(usage::series::days);
    config.service(usage::follow_up::follow_up);
    config.service(usage::unused::list);
    config.service(disclosures::ask::ask);
    config.service(disclosures::list::list);
    config.service(disclosures::list::one);
    config.service(disclosures::decide::decide);
    config.service(disclosures::seen::mark_seen);
    config.service(disclosures::take::take);
    config.service(sign_in::wechat::sign_in_with_wechat);
    config.service(sign_in::staff::sign_in_as_staff);
    config.service(sign_in::refresh::refresh);
    config.service(sign_in::sign_out::sign_out);
    config.service(sign_in::me::show_me);
    config.service(sign_in::sessions::list_sessions);
    config.service(sign_in::sessions::end_session);
    config.service(sign_in::password::change_password);
    config.service(sign_in::totp::begin_totp);
    config.service(sign_in::totp::confirm_totp);
    config.service(sign_in::totp::remove_totp);

    config.service(regions::list::list_regions);
    config.service(regions::show::show_region);
    config.service(regions::add::add_region);
    config.service(regions::rename::rename_region);
    config.service(regions::remove::remove_region);
    config.service(institutions::list::list_institutions);
    config.service(institutions::show::show_institution);
    config.service(institutions::add::add_institution);
    config.service(institutions::change::change_institution);
    config.service(institutions::end::end_institution);
    config.service(institutions::catchment::show_catchment);
    config.service(institutions::catchment::set_catchment);
    config.service(staff::list::list_staff);
    config.service(staff::show::show_staff);
    config.service(staff::add::add_staff);
    config.service(staff::change::change_staff);
    config.service(staff::leave::leave);
    config.service(staff::reset_password::reset_password);
    config.service(targets::show::show_targets);
    config.service(targets::set::set_target);
    config.service(upload::import_regions);
    config.service(upload::import_institutions);
    config.service(upload::import_staff);
    config.service(privacy::privacy_text);
    config.service(charts::growth::growth_chart);
    config.service(charts::pregnancy::pregnancy_chart);
    config.service(charts::pregnancy::pregnancy_chart_png);
    config.service(charts::growth::growth_chart_png);
    config.service(tools::growth::assess);
    config.service(tools::birth_size::assess);
    config.service(tools::dates::count);
    config.service(tools::immunization::immunization_plan);
    config.service(tools::visits::plan);
    config.service(export::export);
    config.service(corrections::ask::ask);
    config.service(corrections::list::of_handbook);
    config.service(corrections::list::of_office);
    config.service(corrections::answer::answer);
    config.service(closing::preview::preview);
    config.service(closing::close::close);
    config.service(consents::list::consents);
    config.service(consents::answer::answer);
    config.service(handbooks::issue::issue);
    config.service(handbooks::find::find);
    config.service(handbooks::mine::mine);
    config.service(handbooks::show::show);
    config.service(handbooks::print::print_slip);
    config.service(handbooks::claim::claim);
    config.service(handbooks::reclaim::reclaim);
    config.service(handbooks::release::release);
    config.service(handbooks::correct::correct);
    config.service(handbooks::transfer::transfer);
    config.service(handbooks::close::close);
    config.service(handbooks::replace::replace);
    config.service(members::list::list);
    config.service(members::invite::invite);
    config.service(members::invitations::open);
    config.service(members::revoke::revoke);
    config.service(members::accept::accept);
    config.service(members::change::change);
    config.service(members::remove::remove);
    config.service(members::hand_over::hand_over);
    config.service(members::verify::verify);
    config.service(pregnancies::register::register);
    config.service(pregnancies::dates::change_dates);
    config.service(pregnancies::outcome::record_outcome);
    config.service(pregnancies::void_outcome::take_back);
    config.service(children::change::change);
    config.service(deaths::child::record);
    config.service(deaths::child::take_back);
    config.service(deaths::woman::record);
    config.service(deaths::woman::take_back);
    config.service(pregnancies::add_child::add);
    config.service(catalogue::overview);
    config.service(catalogue::kind);
    config.service(alerts::list::list);
    config.service(alerts::answer::answer);
}
