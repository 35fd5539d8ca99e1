//! The command line, exactly as typed: nothing is looked up here.

use std::{path::PathBuf, time::Duration};

use aoai_batch_client::BatchId;
use batch_orchestrator::machine::Resolution;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::commands::estimate::Share;

/// Batch files in a data lake, through Azure OpenAI's Batch API, to their results: complete, in order, exactly once.
#[derive(Debug, Parser)]
#[command(name = "aoai-batch", version, about, propagate_version = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// Configuration file (TOML). Without it: --app-config, then ./aoai-batch.toml
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The Python accelerator's app_config.json (or the variable APP_CONFIG)
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "config")]
    pub(crate) app_config: Option<PathBuf>,
    /// Print JSON on standard output, and nothing else
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Log more; twice or thrice for more still
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Print errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Form of the log on standard error
    #[arg(long, global = true, value_enum, default_value_t)]
    pub(crate) log_format: LogFormat,
    /// No progress bars, even on a terminal
    #[arg(long, global = true)]
    pub(crate) no_progress: bool,
}

/// Form of the log.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// JSON lines.
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the whole pipeline on a small example, with a built-in service: no account needed
    Demo(DemoArgs),
    /// Write a commented configuration
    Init(InitArgs),
    /// Process the files of the input directory
    Run(RunArgs),
    /// Show what `run` would do now, and why: files, parts, tokens, cost, waits for quota; nothing is sent
    Plan(PlanArgs),
    /// Check batch files without sending anything: all errors, with their lines
    Validate(ValidateArgs),
    /// Count the tokens of batch files, and say what they will cost
    Estimate(EstimateArgs),
    /// Show jobs, batches, progress and problems
    Status(StatusArgs),
    /// Decide what becomes of a job that needs a person; send again what failed in one that is done
    Retry(RetryArgs),
    /// End jobs: cancel their batches, keep and publish what was answered, report the rest
    Cancel(CancelArgs),
    /// Remove files and batches of ours that no job needs any more from the service
    Gc(GcArgs),
    /// Prove that what was published is complete: each request exactly once, every byte as the manifest says
    Audit(AuditArgs),
    /// Check configuration, lake, service and rights, and say what to fix
    Doctor(DoctorArgs),
    /// Serve an Azure OpenAI Batch API on this machine, for development and tests
    Emulator(EmulatorArgs),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Where to put configuration, input and results
    #[arg(default_value = "./aoai-batch-demo")]
    pub(crate) dir: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// Where to write
    #[arg(default_value = ".")]
    pub(crate) dir: PathBuf,
    /// Write the Python accelerator's three JSON files instead
    #[arg(long)]
    pub(crate) legacy: bool,
    /// Replace files that are there
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Process what is there and what was left unfinished, then end
    #[arg(long, conflicts_with = "watch")]
    pub(crate) once: bool,
    /// Go on until interrupted, looking for new files
    #[arg(long)]
    pub(crate) watch: bool,
    /// Take over the work of a ledger that is lost for good: `status` names it where one of its files is met. Nothing
    /// may be working with it any more
    #[arg(long, value_name = "ID")]
    pub(crate) adopt_ledger: Option<String>,
    /// Create no batch that could bring the cost of this run above so many dollars; what is begun is finished
    #[arg(long, value_name = "USD")]
    pub(crate) max_cost: Option<f64>,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// How long a batch is taken to take at a deployment where none has ended yet; the service's target is a day
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = humantime::parse_duration)]
    pub(crate) turnaround: Duration,
}

#[derive(Debug, Args)]
pub(crate) struct RetryArgs {
    /// The job: its key, or the first digits of it
    pub(crate) job: String,
    /// again: what was wrong is mended, go on where it stopped. adopt=BATCH: this is its batch. resubmit: its batch is
    /// given up, a new one may be paid for. fail: keep what can be had of its answers, report all other lines as errors
    #[arg(long, value_name = "DECISION", value_parser = resolution)]
    pub(crate) resolve: Option<Resolution>,
    /// Only this part of the job, where several are quarantined
    #[arg(long, value_name = "NUMBER")]
    pub(crate) part: Option<u32>,
    /// Of a job that is done: all of its lines, not only those that failed
    #[arg(long, conflicts_with_all = ["resolve", "part", "nonconforming"])]
    pub(crate) all: bool,
    /// Of a job that is done: the lines whose answer does not conform to the schema that they asked for
    #[arg(long, conflicts_with_all = ["resolve", "part"])]
    pub(crate) nonconforming: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CancelArgs {
    /// The job: its key, or the first digits of it
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    pub(crate) job: Option<String>,
    /// Every job that is under way
    #[arg(long)]
    pub(crate) all: bool,
    /// Only mark them: a worker that runs ends them, or the next run does. Otherwise wait until the service has said so, which
    /// takes it up to ten minutes
    #[arg(long)]
    pub(crate) no_wait: bool,
}

#[derive(Debug, Args)]
pub(crate) struct GcArgs {
    /// Only say what would go, and why the rest stays
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    /// Jobs (a key, or its first digits), or directories below lake.processed and lake.error: paths of this machine, or
    /// abfss:// URLs. Without any: everything in both
    #[arg(value_name = "JOB|DIR")]
    pub(crate) what: Vec<String>,
}

fn resolution(text: &str) -> Result<Resolution, String> {
    match text.split_once('=').unwrap_or((text, "")) {
        ("again", "") => Ok(Resolution::Again),
        ("resubmit", "") => Ok(Resolution::Resubmit),
        ("fail", "") => Ok(Resolution::Fail),
        ("adopt", batch) if !batch.is_empty() => Ok(Resolution::Adopt(BatchId(batch.to_owned()))),
        _ => Err("expected again, adopt=BATCH, resubmit or fail".into()),
    }
}

#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    #[command(flatten)]
    pub(crate) inputs: PathsArgs,
    /// Write what is wrong to this file, too, in SARIF 2.1.0, for a code host to show
    #[arg(long, value_name = "FILE")]
    pub(crate) sarif: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct EstimateArgs {
    #[command(flatten)]
    pub(crate) inputs: PathsArgs,
    /// Count the tokens of a random sample only: a share of the lines of each file, such as 1%, or a number of lines
    /// such as 2000. Every line is validated as before and its texts are measured; longer lines are likelier to be
    /// drawn. The 95 % interval is told. At least 200 lines are counted; a file that has no more is counted in full
    #[arg(long, value_name = "SHARE|LINES")]
    pub(crate) sample: Option<Share>,
    /// Which sample is drawn: the same number draws the same lines of the same file
    #[arg(long, value_name = "NUMBER", default_value_t = 1, requires = "sample")]
    pub(crate) seed: u64,
}

#[derive(Debug, Args)]
pub(crate) struct PathsArgs {
    /// Files or directories: of this machine, or abfss:// URLs in the account of the configuration
    #[arg(required = true, value_name = "PATH|URL")]
    pub(crate) paths: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Only this job: its key, or the first digits of it
    pub(crate) job: Option<String>,
    /// Repeat every two seconds until interrupted
    #[arg(long)]
    pub(crate) watch: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Find out what the service and the lake really do where nobody promises it, with one or two batches of one line:
    /// a fraction of a cent; all of it is removed again
    #[arg(long)]
    pub(crate) probe: bool,
    /// How long the probes may take; cleaning up may take a minute more
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = humantime::parse_duration, requires = "probe")]
    pub(crate) probe_timeout: Duration,
    /// How long to wait at most for something new to show in a list
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = humantime::parse_duration, requires = "probe")]
    pub(crate) probe_list_wait: Duration,
}

#[derive(Debug, Args)]
pub(crate) struct EmulatorArgs {
    /// Port on 127.0.0.1; 0 takes any free one, which the ready line tells
    #[arg(long, default_value_t = 10_004)]
    pub(crate) port: u16,
    /// Name of the variable that holds the key which requests must carry; without it no key is checked
    #[arg(long, value_name = "NAME")]
    pub(crate) key_env: Option<String>,
    /// Serve TLS too, on this port of 127.0.0.1 (0: any free one), with a certificate made at the start: bearer
    /// tokens need it
    #[arg(long, value_name = "PORT")]
    pub(crate) tls_port: Option<u16>,
    /// Where the certificate of the authority that TLS is signed by goes (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_port")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Name of the variable that holds a bearer token which is good for everything
    #[arg(long, value_name = "NAME")]
    pub(crate) token_env: Option<String>,
    /// Filesystems that the storage account has from the start
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) filesystems: Vec<String>,
    /// Virtual seconds for each real one
    #[arg(long, value_name = "FACTOR")]
    pub(crate) speed: Option<f64>,
    /// Answer each line by an OpenAI-compatible server, such as http://127.0.0.1:8000/v1
    #[arg(long, value_name = "URL")]
    pub(crate) upstream: Option<String>,
    /// Name of the variable that holds the key of the upstream server
    #[arg(long, value_name = "NAME", requires = "upstream")]
    pub(crate) upstream_key_env: Option<String>,
    /// The model that the upstream server is asked for, instead of the lines' own
    #[arg(long, value_name = "MODEL", requires = "upstream")]
    pub(crate) upstream_model: Option<String>,
    /// Requests to the upstream server at once, for each batch
    #[arg(long, value_name = "N", requires = "upstream")]
    pub(crate) upstream_concurrency: Option<usize>,
    /// Everything else: a TOML or JSON file with the emulator's own settings (see its README)
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }

    #[test]
    fn decisions_are_read_and_nothing_else() {
        use super::{BatchId, Resolution, resolution};
        assert_eq!(resolution("again"), Ok(Resolution::Again));
        assert_eq!(resolution("adopt=batch_1"), Ok(Resolution::Adopt(BatchId("batch_1".into()))));
        for wrong in ["", "adopt", "adopt=", "again=1", "forget"] {
            assert!(resolution(wrong).is_err(), "{wrong}");
        }
    }
}
