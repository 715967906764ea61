//! Which role at which agency class may write which clinical kind.

use crate::access::Role;
use crate::institution::AgencyClass;

/// One row of `who_writes.toml`: these kinds are written by this role at this class.
#[derive(Debug, Clone)]
pub struct Grant {
    /// The role.
    pub role: Role,
    /// The class of the institution.
    pub class: AgencyClass,
    /// Only for a subject that the health centre delegated to the writer; the centre countersigns.
    pub delegated: bool,
    /// Keys of the kinds.
    pub kinds: Vec<String>,
}

/// Whether staff with these roles at an institution of these classes may write a kind, and by which row. A row that
/// needs no delegation comes first.
pub(super) fn grant_for<'g>(
    grants: &'g [Grant],
    roles: &[Role],
    classes: impl Fn(AgencyClass) -> bool,
    kind: &str,
) -> Option<&'g Grant> {
    grants
        .iter()
        .filter(|grant| {
            roles.contains(&grant.role)
                && classes(grant.class)
                && grant.kinds.iter().any(|known| known == kind)
        })
        .min_by_key(|grant| grant.delegated)
}
