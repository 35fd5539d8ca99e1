//! Leases, and that writes respect them.

use axum::http::{HeaderMap, StatusCode};

use super::refusal::LakeError;
use crate::clock::{Stamp, wall_now};

/// A lease on a path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Lease(Option<Held>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Held {
    id: String,
    /// None = for ever.
    seconds: Option<u64>,
    until: Option<Stamp>,
    broken: bool,
}

/// What a lease request has done.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Leased {
    pub(super) status: StatusCode,
    pub(super) id: Option<String>,
}

impl Lease {
    /// The id that is needed for a write now.
    fn active(&self) -> Option<&Held> {
        let now = wall_now();
        self.0.as_ref().filter(|held| !held.broken && held.until.is_none_or(|until| until > now))
    }

    pub(super) fn state(&self) -> (&'static str, &'static str) {
        match (&self.0, self.active()) {
            (_, Some(_)) => ("leased", "locked"),
            (Some(held), None) if held.broken => ("broken", "unlocked"),
            (Some(_), None) => ("expired", "unlocked"),
            (None, None) => ("available", "unlocked"),
        }
    }

    /// Whether a write that shows `id` may pass.
    pub(super) fn check(&self, id: Option<&str>) -> Result<(), LakeError> {
        let id = id.filter(|id| !id.is_empty());
        let refused = |code, message| Err(LakeError::new(StatusCode::PRECONDITION_FAILED, code, message));
        match (self.active(), id) {
            (None, None) => Ok(()),
            (Some(held), Some(id)) if held.id.eq_ignore_ascii_case(id) => Ok(()),
            (Some(_), None) => refused(
                "LeaseIdMissing",
                "There is currently a lease on the resource and no lease ID was specified in the request.",
            ),
            (Some(_), Some(_)) => refused(
                "LeaseIdMismatchWithBlobOperation",
                "The lease ID specified did not match the lease ID for the resource.",
            ),
            (None, Some(_)) => {
                refused("LeaseNotPresentWithBlobOperation", "There is currently no lease on the resource.")
            }
        }
    }

    /// `x-ms-lease-action`.
    pub(super) fn act(&mut self, headers: &HeaderMap) -> Result<Leased, LakeError> {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let action = header("x-ms-lease-action").unwrap_or_default().to_ascii_lowercase();
        let id = header("x-ms-lease-id").map(str::to_owned);
        let proposed = header("x-ms-proposed-lease-id").map(str::to_owned);
        let held_elsewhere =
            || LakeError::conflict("LeaseAlreadyPresent", "There is already a lease present.");
        let mismatch = || {
            LakeError::conflict(
                "LeaseIdMismatchWithLeaseOperation",
                "The lease ID specified did not match the lease ID for the resource.",
            )
        };
        let is_ours = |held: &Held| id.as_deref().is_some_and(|id| held.id.eq_ignore_ascii_case(id));
        match action.as_str() {
            "acquire" => {
                let wanted = proposed.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
                if self.active().is_some_and(|held| !held.id.eq_ignore_ascii_case(&wanted)) {
                    return Err(held_elsewhere());
                }
                let seconds = match header("x-ms-lease-duration").unwrap_or("-1").parse::<i64>() {
                    Ok(-1) => None,
                    Ok(seconds @ 15..=60) => Some(seconds.unsigned_abs()),
                    _ => {
                        return Err(LakeError::bad(
                            "InvalidHeaderValue",
                            "x-ms-lease-duration is -1 or 15 to 60.",
                        ));
                    }
                };
                self.0 = Some(Held { id: wanted.clone(), seconds, until: until(seconds), broken: false });
                Ok(Leased { status: StatusCode::CREATED, id: Some(wanted) })
            }
            "renew" => {
                let held = self.0.as_mut().filter(|held| is_ours(held)).ok_or_else(mismatch)?;
                held.until = until(held.seconds);
                Ok(Leased { status: StatusCode::OK, id: Some(held.id.clone()) })
            }
            "change" => {
                let held = self.0.as_mut().filter(|held| is_ours(held)).ok_or_else(mismatch)?;
                held.id = proposed
                    .ok_or_else(|| LakeError::bad("MissingRequiredHeader", "x-ms-proposed-lease-id"))?;
                Ok(Leased { status: StatusCode::OK, id: Some(held.id.clone()) })
            }
            "release" => {
                self.0.as_ref().filter(|held| is_ours(held)).ok_or_else(mismatch)?;
                self.0 = None;
                Ok(Leased { status: StatusCode::OK, id: None })
            }
            "break" => {
                let held = self.0.as_mut().ok_or_else(|| {
                    LakeError::conflict("LeaseNotPresentWithLeaseOperation", "There is currently no lease.")
                })?;
                held.broken = true;
                Ok(Leased { status: StatusCode::ACCEPTED, id: None })
            }
            _ => Err(LakeError::bad("InvalidHeaderValue", "x-ms-lease-action is not one that exists.")),
        }
    }
}

fn until(seconds: Option<u64>) -> Option<Stamp> {
    seconds.map(|seconds| wall_now().plus(std::time::Duration::from_secs(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_lease_keeps_others_out_until_it_is_given_back() {
        let mut lease = Lease::default();
        lease.check(None).unwrap();
        let acquire = headers(&[
            ("x-ms-lease-action", "acquire"),
            ("x-ms-proposed-lease-id", "A"),
            ("x-ms-lease-duration", "15"),
        ]);
        assert_eq!(lease.act(&acquire).unwrap().status, StatusCode::CREATED);
        assert_eq!(lease.check(None).unwrap_err().code, "LeaseIdMissing");
        assert_eq!(lease.check(Some("b")).unwrap_err().code, "LeaseIdMismatchWithBlobOperation");
        lease.check(Some("a")).unwrap();
        let other = headers(&[
            ("x-ms-lease-action", "acquire"),
            ("x-ms-proposed-lease-id", "b"),
            ("x-ms-lease-duration", "15"),
        ]);
        assert_eq!(lease.act(&other).unwrap_err().code, "LeaseAlreadyPresent");
        let release = |id| headers(&[("x-ms-lease-action", "release"), ("x-ms-lease-id", id)]);
        assert_eq!(lease.act(&release("b")).unwrap_err().code, "LeaseIdMismatchWithLeaseOperation");
        lease.act(&release("a")).unwrap();
        lease.check(None).unwrap();
    }

    #[test]
    fn a_broken_lease_lets_everybody_write() {
        let mut lease = Lease::default();
        lease.act(&headers(&[("x-ms-lease-action", "acquire"), ("x-ms-lease-duration", "-1")])).unwrap();
        assert_eq!(
            lease.act(&headers(&[("x-ms-lease-action", "break")])).unwrap().status,
            StatusCode::ACCEPTED
        );
        lease.check(None).unwrap();
        assert_eq!(lease.state(), ("broken", "unlocked"));
    }
}
