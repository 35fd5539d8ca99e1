//! Rows and records. The documents are JSON; the columns beside them exist to be searched.

use aoai_batch_client::Batch;
use batch_orchestrator::{
    ledger::{Lease, LeaseRef, LedgerError, RecordKey},
    model::{
        DeploymentId, InputSnapshot, JobKey, JobRecord, JobState, PartKey, PartPlan, PartRecord, PartState,
        Spending, Timestamp,
    },
};
use serde::{Serialize, de::DeserializeOwned};
use sqlx::{Database, Row as _};

use super::super::backend::Db;
use crate::error::{db, document};

type Row = <Db as Database>::Row;

/// What the `plan` column of a part holds.
#[derive(serde::Serialize, serde::Deserialize)]
pub(super) struct PartDocument {
    pub(super) plan: PartPlan,
    pub(super) input: InputSnapshot,
}

pub(super) fn to_json(value: &impl Serialize) -> Result<String, LedgerError> {
    serde_json::to_string(value).map_err(|error| document("a record", error))
}

pub(super) fn from_json<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, LedgerError> {
    serde_json::from_str(text).map_err(|error| document(what, error))
}

fn column<'r, T>(row: &'r Row, name: &str) -> Result<T, LedgerError>
where
    T: sqlx::Decode<'r, Db> + sqlx::Type<Db>,
{
    row.try_get(name).map_err(db("read"))
}

fn optional<T: DeserializeOwned>(row: &Row, name: &str) -> Result<Option<T>, LedgerError> {
    column::<Option<&str>>(row, name)?.map(|text| from_json(name, text)).transpose()
}

fn small(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// How the document of every version of an input begins.
pub(super) fn input_begins(input: &impl Serialize) -> Result<String, LedgerError> {
    // The place is its first field, and no other follows it at once.
    Ok(format!("{{\"location\":{},", to_json(input)?))
}

pub(super) fn job(row: &Row) -> Result<JobRecord, LedgerError> {
    Ok(JobRecord {
        key: JobKey(column(row, "job_key")?),
        input: from_json("an input", column(row, "input")?)?,
        state: from_json::<JobState>("a job state", column(row, "doc")?)?,
        cancel: column::<Option<i64>>(row, "cancel_at")?.map(Timestamp),
        version: column(row, "version")?,
        failures: small(column(row, "failures")?),
        problem: optional(row, "problem")?,
        due_at: Timestamp(column(row, "due_at")?),
        created_at: Timestamp(column(row, "created_at")?),
        updated_at: Timestamp(column(row, "updated_at")?),
    })
}

pub(super) fn part(row: &Row) -> Result<PartRecord, LedgerError> {
    let PartDocument { plan, input } = from_json("a part", column(row, "plan")?)?;
    Ok(PartRecord {
        key: PartKey {
            job: JobKey(column(row, "job_key")?),
            part: small(column(row, "part")?),
            attempt: small(column(row, "attempt")?),
        },
        plan,
        input,
        state: from_json::<PartState>("a part state", column(row, "doc")?)?,
        deployment: column::<Option<String>>(row, "deployment")?.map(DeploymentId),
        spending: column::<Option<i64>>(row, "spent_at")?
            .map(|at| {
                let cost = column::<Option<i64>>(row, "cost")?.unwrap_or(0);
                Ok::<_, LedgerError>(Spending { at: Timestamp(at), cost: u64::try_from(cost).unwrap_or(0) })
            })
            .transpose()?,
        remote: optional::<Batch>(row, "remote")?,
        cancel: column::<Option<i64>>(row, "cancel_at")?.map(Timestamp),
        version: column(row, "version")?,
        failures: small(column(row, "failures")?),
        problem: optional(row, "problem")?,
        due_at: Timestamp(column(row, "due_at")?),
        updated_at: Timestamp(column(row, "updated_at")?),
    })
}

pub(super) fn job_lease(row: &Row) -> Result<Lease, LedgerError> {
    let record = Box::new(job(row)?);
    let key = RecordKey::Job(record.key.clone());
    let lease = LeaseRef { key, fence: column(row, "fence")?, version: record.version };
    Ok(Lease::Job { lease, record })
}

pub(super) fn part_lease(row: &Row) -> Result<Lease, LedgerError> {
    let record = Box::new(part(row)?);
    let key = RecordKey::Part(record.key.clone());
    let lease = LeaseRef { key, fence: column(row, "fence")?, version: record.version };
    Ok(Lease::Part { lease, record })
}
