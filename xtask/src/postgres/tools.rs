//! The server's programs, and who runs them.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::run::{self, Outcome};

/// Where Debian and its children put them.
const PACKAGED: &str = "/usr/lib/postgresql";

/// The server's programs, and who runs them.
pub(super) struct Tools {
    directory: PathBuf,
    /// Who runs them where we are root, for whom they refuse to run.
    user: Option<User>,
}

struct User {
    id: String,
    group: String,
}

impl Tools {
    /// Finds them; as root, on Debian, installs them where they are missing.
    pub(super) fn find() -> Result<Self, String> {
        let root = is_root();
        let directory = match directory() {
            Some(directory) => directory,
            None if root => {
                install()?;
                directory().ok_or("the package `postgresql` brought no initdb")?
            }
            None => {
                return Err("PostgreSQL's server is needed: install it (Debian, Ubuntu: `apt-get install \
                     postgresql`), or put initdb and postgres into PATH"
                    .to_owned());
            }
        };
        Ok(Self { directory, user: if root { Some(user()?) } else { None } })
    }

    /// Whether there is anything to find.
    #[cfg(test)]
    pub(super) fn are_here() -> bool {
        directory().is_some()
    }

    /// Gives a directory, and what is in it, to whoever runs the server.
    pub(super) fn own(&self, directory: &Path) -> Outcome {
        let Some(User { id, group }) = &self.user else { return Ok(()) };
        run::output(Command::new("chown").args(["-R", &format!("{id}:{group}")]).arg(directory)).map(drop)
    }

    /// One of the programs, in a directory that its user may enter.
    pub(super) fn command(&self, name: &str, directory: &Path) -> Command {
        let program = self.directory.join(name);
        let mut command = match &self.user {
            // It becomes the program, so that the process that we start is the one that we end.
            Some(User { id, group }) => {
                let mut command = Command::new("setpriv");
                command.args(["--reuid", id, "--regid", group, "--clear-groups", "--"]).arg(program);
                command
            }
            None => Command::new(program),
        };
        command.current_dir(directory);
        for (name, _) in std::env::vars_os() {
            // What the shell says of some other server is not for ours.
            if name.to_string_lossy().starts_with("PG") {
                command.env_remove(name);
            }
        }
        command
    }
}

/// The newest version, if there are several.
fn directory() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let complete = |directory: &PathBuf| {
        ["initdb", "postgres", "pg_ctl", "pg_isready"].iter().all(|name| directory.join(name).is_file())
    };
    let packaged = std::fs::read_dir(PACKAGED).into_iter().flatten().flatten();
    let mut packaged: Vec<(u32, PathBuf)> = packaged
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    packaged.sort();
    std::env::split_paths(&path).chain(packaged.into_iter().rev().map(|(_, path)| path)).find(complete)
}

fn install() -> Outcome {
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        run::output(command.env("DEBIAN_FRONTEND", "noninteractive").args(arguments)).map(drop)
    };
    apt(&["update", "-qq"])?;
    apt(&["install", "-y", "-qq", "--no-install-recommends", "postgresql"])
}

/// The package's own user, or the one that every system has.
fn user() -> Result<User, String> {
    let ask = |what: &str, name: &str| {
        let told = run::output(Command::new("id").args([what, name]))?;
        Ok::<_, String>(String::from_utf8_lossy(&told).trim().to_owned())
    };
    let of = |name: &str| Ok::<_, String>(User { id: ask("-u", name)?, group: ask("-g", name)? });
    of("postgres").or_else(|_| of("nobody"))
}

fn is_root() -> bool {
    let told = run::output(Command::new("id").arg("-u"));
    told.is_ok_and(|id| id.trim_ascii() == b"0")
}
