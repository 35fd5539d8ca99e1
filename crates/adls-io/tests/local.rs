//! What only a lake of local directories has to fear: links, odd names, crashes, other programs.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "the helpers of a test may panic like the test")]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use adls_io::{
    Condition, DataLake, DataLakeExt, EntryKind, ErrorKind, LakePath, ListMode, LocalLake, Location,
    ReadOptions, RenameOptions,
};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use tempfile::TempDir;

struct Home {
    directory: TempDir,
    lake: LocalLake,
}

fn home() -> Home {
    let directory = tempfile::tempdir().unwrap();
    for name in ["in", "out", "outside"] {
        fs::create_dir(directory.path().join(name)).unwrap();
    }
    let lake = LocalLake::new(["in", "out"].map(|name| (name, directory.path().join(name))));
    Home { directory, lake }
}

impl Home {
    fn path(&self, relative: &str) -> std::path::PathBuf {
        self.directory.path().join(relative)
    }

    async fn listed(&self, filesystem: &str) -> Vec<Result<String, ErrorKind>> {
        let listing = self.lake.list(&at(filesystem, ""), ListMode::Recursive);
        let name = |item: adls_io::Result<adls_io::Entry>| match item {
            Ok(entry) => Ok(entry.location.path.to_string()),
            Err(error) => Err(error.kind),
        };
        listing.map(name).collect().await
    }
}

fn at(filesystem: &str, path: &str) -> Location {
    Location::new(filesystem, LakePath::parse(path).unwrap())
}

fn kind<T>(result: adls_io::Result<T>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind)
}

#[tokio::test]
async fn links_lead_nowhere() {
    let home = home();
    fs::write(home.path("outside/secret"), "secret").unwrap();
    fs::write(home.path("in/plain"), "plain").unwrap();
    symlink(home.path("outside/secret"), home.path("in/file-link")).unwrap();
    symlink(home.path("outside"), home.path("in/directory-link")).unwrap();
    symlink("../outside", home.path("in/relative-link")).unwrap();
    symlink(".", home.path("in/loop")).unwrap();
    symlink("plain", home.path("in/inner-link")).unwrap();

    assert_eq!(home.listed("in").await, [Ok("plain".to_owned())]);
    for path in ["file-link", "directory-link/secret", "relative-link/secret", "inner-link"] {
        let read = home.lake.read(&at("in", path), ReadOptions::default()).await;
        assert!(kind(read).is_some(), "{path} was read");
        assert!(kind(home.lake.head(&at("in", path)).await).is_some(), "{path} was looked at");
    }
    for path in ["directory-link/new", "relative-link/deep/new", "file-link"] {
        let written = home.lake.write_all(&at("in", path), Bytes::from("x"), Condition::Always).await;
        assert!(kind(written).is_some(), "{path} was written");
        let options = RenameOptions { source_if_match: None, destination: Condition::Always };
        let renamed = home.lake.rename(&at("in", "plain"), &at("in", path), options).await;
        assert!(kind(renamed).is_some(), "something was moved to {path}");
        assert!(kind(home.lake.delete(&at("in", path), None).await).is_none_or(|k| k != ErrorKind::Io));
    }
    assert!(kind(home.lake.delete_directory(&at("in", "directory-link")).await).is_some());
    let names: Vec<_> = fs::read_dir(home.path("outside")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["secret"]);
    assert_eq!(fs::read(home.path("outside/secret")).unwrap(), b"secret");
}

#[tokio::test]
async fn absolute_paths_are_relative() {
    let home = home();
    let absolute = at("in", "/etc/hostname");
    assert_eq!(kind(home.lake.head(&absolute).await), Some(ErrorKind::NotFound));
    home.lake.write_all(&absolute, Bytes::from("x"), Condition::IfAbsent).await.unwrap();
    assert_eq!(fs::read(home.path("in/etc/hostname")).unwrap(), b"x");
}

#[tokio::test]
async fn leftovers_of_a_crash_are_no_files() {
    let home = home();
    let writer = home.lake.create(&at("in", "dir/file")).await.unwrap();
    std::mem::forget(writer);
    fs::write(home.path("in/.aoai-tmp-stale"), "half").unwrap();
    assert_eq!(home.listed("in").await, [Ok("dir".to_owned())]);
    assert_eq!(fs::read_dir(home.path("in/dir")).unwrap().count(), 1, "the temporary file is there");
    assert_eq!(kind(home.lake.head(&at("in", ".aoai-tmp-stale")).await), Some(ErrorKind::Invalid));
    let left: Vec<_> = home.lake.list(&at("in", ""), ListMode::Unfinished).try_collect().await.unwrap();
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(left.iter().any(|entry| entry.location == at("in", ".aoai-tmp-stale") && entry.size == 4));
    home.lake.delete(&at("in", ".aoai-tmp-stale"), None).await.unwrap();
    assert!(!home.path("in/.aoai-tmp-stale").exists());
    home.lake.write_all(&at("in", "dir/file"), Bytes::from("x"), Condition::IfAbsent).await.unwrap();
    home.lake.delete_directory(&at("in", "dir")).await.unwrap();
    assert!(!home.path("in/dir").exists());
}

#[tokio::test]
async fn a_dropped_or_beaten_writer_leaves_no_file_behind() {
    let home = home();
    drop(home.lake.create(&at("in", "file")).await.unwrap());
    home.lake.write_all(&at("in", "file"), Bytes::from("1"), Condition::IfAbsent).await.unwrap();
    let beaten = home.lake.write_all(&at("in", "file"), Bytes::from("2"), Condition::IfAbsent).await;
    assert_eq!(kind(beaten), Some(ErrorKind::AlreadyExists));
    let names: Vec<_> = fs::read_dir(home.path("in")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["file"]);
    assert_eq!(fs::metadata(home.path("in/file")).unwrap().nlink(), 1);
}

#[tokio::test]
async fn a_rename_that_died_halfway_is_finished() {
    let home = home();
    let (from, to) = (at("in", "file"), at("out", "file"));
    let written = home.lake.write_all(&from, Bytes::from("x"), Condition::IfAbsent).await.unwrap();
    fs::hard_link(home.path("in/file"), home.path("out/file")).unwrap();
    let options =
        RenameOptions { source_if_match: Some(written.etag.clone()), destination: Condition::IfAbsent };
    assert_eq!(home.lake.rename(&from, &to, options).await.unwrap(), written.etag);
    assert!(!home.path("in/file").exists());
    assert_eq!(fs::read(home.path("out/file")).unwrap(), b"x");
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_read_is_an_error() {
    let home = home();
    for change in ["grow", "shrink", "rewrite"] {
        let path = home.path("in/file");
        fs::write(&path, vec![b'a'; 3_000_000]).unwrap();
        let mut stream = home.lake.read(&at("in", "file"), ReadOptions::default()).await.unwrap();
        stream.body.next().await.unwrap().unwrap();
        match change {
            "grow" => fs::write(&path, vec![b'b'; 3_000_001]).unwrap(),
            "shrink" => fs::write(&path, "b").unwrap(),
            _ => {
                fs::write(&path, vec![b'b'; 3_000_000]).unwrap();
                let file = fs::File::options().write(true).open(&path).unwrap();
                file.set_modified(std::time::UNIX_EPOCH).unwrap();
            }
        }
        let rest: Vec<_> = stream.body.collect().await;
        let last = rest.into_iter().next_back().unwrap();
        assert_eq!(kind(last), Some(ErrorKind::Precondition), "{change}");
    }
}

#[tokio::test]
async fn a_file_that_is_replaced_while_it_is_read_keeps_its_bytes() {
    let home = home();
    let file = at("in", "file");
    home.lake.write_all(&file, Bytes::from(vec![b'a'; 2_000_000]), Condition::Always).await.unwrap();
    let mut stream = home.lake.read(&file, ReadOptions::default()).await.unwrap();
    home.lake.write_all(&file, Bytes::from(vec![b'b'; 2_000_000]), Condition::Always).await.unwrap();
    let mut read = 0;
    while let Some(chunk) = stream.body.next().await {
        let chunk = chunk.unwrap();
        assert!(chunk.iter().all(|byte| *byte == b'a'));
        read += chunk.len();
    }
    assert_eq!(read, 2_000_000);
}

#[tokio::test]
async fn names_that_are_not_text_are_reported_and_passed_over() {
    let home = home();
    fs::write(home.path("in").join(OsStr::from_bytes(b"b\xff")), "x").unwrap();
    fs::write(home.path("in/a"), "x").unwrap();
    fs::write(home.path("in/c"), "x").unwrap();
    let expected = [Ok("a".to_owned()), Err(ErrorKind::Invalid), Ok("c".to_owned())];
    assert_eq!(home.listed("in").await, expected);
}

#[tokio::test]
async fn what_may_not_be_read_is_reported_and_passed_over() {
    let home = home();
    fs::create_dir(home.path("in/closed")).unwrap();
    fs::write(home.path("in/open"), "x").unwrap();
    fs::set_permissions(home.path("in/closed"), fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read_dir(home.path("in/closed")).is_ok() {
        println!("skipped: this user is root, whom permissions do not bind");
        return;
    }
    let expected = [Ok("closed".to_owned()), Err(ErrorKind::PermissionDenied), Ok("open".to_owned())];
    assert_eq!(home.listed("in").await, expected);
    let written = home.lake.write_all(&at("in", "closed/x"), Bytes::new(), Condition::Always).await;
    assert_eq!(kind(written), Some(ErrorKind::PermissionDenied));
}

#[tokio::test]
async fn names_too_long_for_the_medium_are_invalid() {
    let home = home();
    let long = at("in", &"x".repeat(300));
    let written = home.lake.write_all(&long, Bytes::new(), Condition::Always).await;
    assert_eq!(kind(written), Some(ErrorKind::Invalid));
}

#[tokio::test]
async fn filesystems_are_directories() {
    let home = home();
    let lake = LocalLake::new([("new", home.path("made/when/asked"))]);
    assert_eq!(kind(lake.head(&at("new", "")).await), Some(ErrorKind::NoFilesystem));
    lake.ensure_filesystem("new").await.unwrap();
    assert_eq!(lake.head(&at("new", "")).await.unwrap().kind, EntryKind::Directory);
    assert_eq!(kind(lake.ensure_filesystem("unknown").await), Some(ErrorKind::Invalid));
    assert_eq!(kind(lake.delete_directory(&at("new", "")).await), Some(ErrorKind::Invalid));
}
