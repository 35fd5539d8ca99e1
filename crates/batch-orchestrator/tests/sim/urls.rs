//! What files of the lake are called as blobs. Their names need no encoding here.

use adls_io::{LakePath, Location};
use batch_orchestrator::BlobUrls;

#[derive(Debug)]
pub(crate) struct SimUrls;

const ROOT: &str = "mem://lake/";

impl BlobUrls for SimUrls {
    fn content_url(&self, at: &Location) -> String {
        self.blob_url(at)
    }

    fn blob_url(&self, at: &Location) -> String {
        format!("{ROOT}{at}")
    }

    fn locate(&self, url: &str) -> Option<Location> {
        let (filesystem, path) = url.strip_prefix(ROOT)?.split_once('/')?;
        Some(Location::new(filesystem, LakePath::parse(path).ok()?))
    }
}
