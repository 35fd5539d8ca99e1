//! Leases: who may write.

use axum::http::HeaderMap;

use super::{LakeError, reply::wanted};
use crate::clock::Stamp;

/// A lease that was taken at some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lease {
    pub(super) id: String,
    /// Seconds; none = for ever.
    pub(super) seconds: Option<u64>,
    /// When it ends if it is not renewed.
    pub(super) until: Option<Stamp>,
    /// When the breaking of it is over.
    pub(super) broken: Option<Stamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LeaseState {
    Available,
    Leased,
    Expired,
    Breaking,
    Broken,
}

impl LeaseState {
    pub(super) fn of(lease: Option<&Lease>, now: Stamp) -> Self {
        match lease {
            None => Self::Available,
            Some(Lease { broken: Some(at), .. }) if *at <= now => Self::Broken,
            Some(Lease { broken: Some(_), .. }) => Self::Breaking,
            Some(Lease { until: Some(at), .. }) if *at <= now => Self::Expired,
            Some(_) => Self::Leased,
        }
    }

    /// Whether writing needs the lease's id.
    pub(super) fn locks(self) -> bool {
        matches!(self, Self::Leased | Self::Breaking)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Leased => "leased",
            Self::Expired => "expired",
            Self::Breaking => "breaking",
            Self::Broken => "broken",
        }
    }
}

/// Whether a write with this lease id may go on.
pub(super) fn check_write(lease: Option<&Lease>, given: Option<&str>, now: Stamp) -> Result<(), LakeError> {
    match (lease, given) {
        (None, None) => Ok(()),
        (None, Some(_)) => Err(LakeError::lease_unmet(
            "LeaseNotPresentWithBlobOperation",
            "There is currently no lease on the resource.",
        )),
        (Some(_), None) if !LeaseState::of(lease, now).locks() => Ok(()),
        (Some(_), None) => Err(LakeError::lease_unmet(
            "LeaseIdMissing",
            "There is currently a lease on the resource and no lease ID was specified in the request.",
        )),
        (Some(lease), Some(given)) if !lease.id.eq_ignore_ascii_case(given) => Err(LakeError::lease_unmet(
            "LeaseIdMismatchWithBlobOperation",
            "The lease ID specified did not match the lease ID for the resource.",
        )),
        (Some(_), Some(_)) if !LeaseState::of(lease, now).locks() => Err(LakeError::lease_unmet(
            "LeaseLost",
            "A lease ID was specified, but the lease for the resource has expired.",
        )),
        (Some(_), Some(_)) => Ok(()),
    }
}

/// Whether a read may go on: it needs no id, but a given one has to be right.
pub(super) fn check_read(lease: Option<&Lease>, given: Option<&str>, now: Stamp) -> Result<(), LakeError> {
    given.map_or(Ok(()), |given| check_write(lease, Some(given), now))
}

/// What a lease request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LeaseAction {
    Acquire { seconds: Option<u64>, proposed: Option<String> },
    Renew { id: String },
    Change { id: String, proposed: String },
    Release { id: String },
    Break { seconds: Option<u64> },
}

/// How a lease request went: the status, the id to tell, and the seconds to tell.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LeaseAnswer {
    pub(super) status: u16,
    pub(super) id: Option<String>,
    pub(super) left: Option<u64>,
}

impl LeaseAction {
    pub(super) fn parse(headers: &HeaderMap) -> Result<Self, LakeError> {
        let required =
            |name: &'static str| wanted(headers, name).ok_or_else(|| LakeError::invalid_header(name));
        let id = || required("x-ms-lease-id").map(str::to_owned);
        let proposed = wanted(headers, "x-ms-proposed-lease-id").map(str::to_owned);
        if proposed.as_deref().is_some_and(|id| uuid::Uuid::parse_str(id).is_err()) {
            return Err(LakeError::invalid_header("x-ms-proposed-lease-id"));
        }
        match required("x-ms-lease-action")?.to_ascii_lowercase().as_str() {
            "acquire" => {
                let seconds = match required("x-ms-lease-duration")?.parse::<i64>() {
                    Ok(-1) => None,
                    Ok(seconds @ 15..=60) => Some(seconds.unsigned_abs()),
                    _ => return Err(LakeError::invalid_header("x-ms-lease-duration")),
                };
                Ok(Self::Acquire { seconds, proposed })
            }
            "renew" => Ok(Self::Renew { id: id()? }),
            "release" => Ok(Self::Release { id: id()? }),
            "change" => {
                let proposed = proposed.ok_or_else(|| LakeError::invalid_header("x-ms-proposed-lease-id"))?;
                Ok(Self::Change { id: id()?, proposed })
            }
            "break" => match wanted(headers, "x-ms-lease-break-period").map(str::parse::<u64>) {
                None => Ok(Self::Break { seconds: None }),
                Some(Ok(seconds @ 0..=60)) => Ok(Self::Break { seconds: Some(seconds) }),
                Some(_) => Err(LakeError::invalid_header("x-ms-lease-break-period")),
            },
            _ => Err(LakeError::invalid_header("x-ms-lease-action")),
        }
    }

    /// Does it to the lease in `slot`.
    pub(super) fn apply(self, slot: &mut Option<Lease>, now: Stamp) -> Result<LeaseAnswer, LakeError> {
        let state = LeaseState::of(slot.as_ref(), now);
        let after = |seconds: u64| now.plus(std::time::Duration::from_secs(seconds));
        let answer = |status, id: &str| Ok(LeaseAnswer { status, id: Some(id.to_owned()), left: None });
        match self {
            Self::Acquire { seconds, proposed } => {
                let same = slot.as_ref().is_some_and(|lease| Some(&lease.id) == proposed.as_ref());
                match state {
                    LeaseState::Breaking => return Err(refused("LeaseIsBreakingAndCannotBeAcquired")),
                    LeaseState::Leased if !same => return Err(refused("LeaseAlreadyPresent")),
                    _ => {}
                }
                let id = proposed.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
                *slot = Some(Lease { id: id.clone(), seconds, until: seconds.map(after), broken: None });
                answer(201, &id)
            }
            Self::Renew { id } => {
                let lease = held(slot, &id)?;
                if matches!(state, LeaseState::Breaking | LeaseState::Broken) {
                    return Err(refused("LeaseIsBrokenAndCannotBeRenewed"));
                }
                lease.until = lease.seconds.map(after);
                answer(200, &id)
            }
            Self::Change { id, proposed } => {
                // Who repeats a change that was made already has the new id, and is right.
                let changed = slot.as_ref().is_some_and(|lease| lease.id.eq_ignore_ascii_case(&proposed));
                let lease = held(slot, if changed { &proposed } else { &id })?;
                match state {
                    LeaseState::Breaking => return Err(refused("LeaseIsBreakingAndCannotBeChanged")),
                    LeaseState::Leased => {}
                    _ => return Err(refused("LeaseNotPresentWithLeaseOperation")),
                }
                lease.id.clone_from(&proposed);
                answer(200, &proposed)
            }
            Self::Release { id } => {
                held(slot, &id)?;
                *slot = None;
                Ok(LeaseAnswer { status: 200, id: None, left: None })
            }
            Self::Break { seconds } => {
                let Some(lease) = slot.as_mut() else {
                    return Err(refused("LeaseNotPresentWithLeaseOperation"));
                };
                let rest = lease.until.map_or(0, |until| until.since(now).as_secs());
                let left = match (state, lease.broken) {
                    (LeaseState::Leased, _) => seconds.map_or(rest, |wanted| {
                        // A lease that ends by itself is not prolonged by breaking it.
                        if lease.until.is_some() { wanted.min(rest) } else { wanted }
                    }),
                    (LeaseState::Breaking, Some(at)) => {
                        seconds.map_or(u64::MAX, |wanted| wanted).min(at.since(now).as_secs())
                    }
                    _ => 0,
                };
                lease.broken = Some(after(left));
                Ok(LeaseAnswer { status: 202, id: None, left: Some(left) })
            }
        }
    }
}

fn held<'a>(slot: &'a mut Option<Lease>, id: &str) -> Result<&'a mut Lease, LakeError> {
    match slot {
        None => Err(refused("LeaseNotPresentWithLeaseOperation")),
        Some(lease) if lease.id.eq_ignore_ascii_case(id) => Ok(lease),
        Some(_) => Err(refused("LeaseIdMismatchWithLeaseOperation")),
    }
}

fn refused(code: &'static str) -> LakeError {
    LakeError::conflict(code, "The lease does not allow what was asked for.")
}
