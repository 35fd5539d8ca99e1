//! A worker's lake.

use adls_io::{
    Condition, DataLake, Deleted, ETag, Entry, Error, ErrorKind, LakeWriter, ListMode, Location, MemoryLake,
    ReadOptions, ReadStream, RenameOptions, Result, Written,
};
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::{
    StreamExt, TryStreamExt,
    stream::{self, BoxStream},
};

use crate::{
    gate::{Fault, Gate, Kind, at_once},
    world::{World, at},
};

pub(crate) struct SimLake(pub(crate) Gate);

impl Fault for Error {
    fn refused(_: &World, what: &'static str) -> Self {
        Self::new(ErrorKind::Unavailable, what, &at("input", "x"), "simulated: try later")
    }

    fn lost(what: &'static str) -> Self {
        Self::new(ErrorKind::Unavailable, what, &at("input", "x"), "simulated: no answer")
    }
}

impl SimLake {
    async fn call<T: Send + 'static>(
        &self,
        what: &'static str,
        about: &Location,
        kind: Kind,
        apply: impl FnOnce(&MemoryLake) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.0.call(what, about.to_string(), kind, |world| apply(&world.lake)).await
    }
}

#[async_trait]
impl DataLake for SimLake {
    fn list(&self, directory: &Location, mode: ListMode) -> BoxStream<'static, Result<Entry>> {
        let (lake, directory) = (Self(self.0.clone()), directory.clone());
        let listed = async move {
            let at = directory.clone();
            let all = move |lake: &MemoryLake| Ok(at_once(lake.list(&at, mode).collect::<Vec<_>>()));
            let mut entries = lake.call("list", &directory, Kind::Read, all).await?;
            // It breaks between two pages.
            if let Some(arrived) = lake.0.cut(entries.len()).filter(|_| !entries.is_empty()) {
                entries.truncate(arrived);
                entries.push(Err(Error::lost("list")));
            }
            Ok::<_, Error>(stream::iter(entries))
        };
        stream::once(listed).try_flatten().boxed()
    }

    async fn head(&self, at: &Location) -> Result<Entry> {
        let about = at.clone();
        self.call("head", at, Kind::Read, move |lake| at_once(lake.head(&about))).await
    }

    async fn read(&self, at: &Location, options: ReadOptions) -> Result<ReadStream> {
        let about = at.clone();
        let opened =
            self.call("read", at, Kind::Read, move |lake| at_once(lake.read(&about, options))).await?;
        let bytes: BytesMut = at_once(opened.body.try_collect())?;
        let bytes = bytes.freeze();
        let parts = match self.0.cut(bytes.len()) {
            None => vec![Ok(bytes)],
            Some(arrived) => {
                vec![Ok(bytes.slice(..arrived)), Err(Error::new(ErrorKind::Io, "read", at, "simulated: cut"))]
            }
        };
        Ok(ReadStream { entry: opened.entry, body: stream::iter(parts).boxed() })
    }

    async fn create(&self, at: &Location) -> Result<Box<dyn LakeWriter>> {
        let about = at.clone();
        self.call("create", at, Kind::Read, move |lake| at_once(lake.create(&about)).map(drop)).await?;
        Ok(Box::new(Writer { lake: Self(self.0.clone()), at: at.clone(), bytes: BytesMut::new() }))
    }

    async fn rename(&self, from: &Location, to: &Location, options: RenameOptions) -> Result<ETag> {
        let (source, target) = (from.clone(), to.clone());
        let apply = move |lake: &MemoryLake| at_once(lake.rename(&source, &target, options));
        self.call("rename to", to, Kind::Effect, apply).await
    }

    async fn delete(&self, at: &Location, if_match: Option<ETag>) -> Result<Deleted> {
        let about = at.clone();
        self.call("delete", at, Kind::Effect, move |lake| at_once(lake.delete(&about, if_match))).await
    }

    async fn delete_directory(&self, at: &Location) -> Result<Deleted> {
        let about = at.clone();
        let apply = move |lake: &MemoryLake| at_once(lake.delete_directory(&about));
        self.call("delete directory", at, Kind::Effect, apply).await
    }

    async fn ensure_filesystem(&self, name: &str) -> Result<()> {
        let name = name.to_owned();
        let about = at(&name, "");
        let apply = move |lake: &MemoryLake| at_once(lake.ensure_filesystem(&name));
        self.call("ensure", &about, Kind::Read, apply).await
    }
}

struct Writer {
    lake: SimLake,
    at: Location,
    bytes: BytesMut,
}

#[async_trait]
impl LakeWriter for Writer {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.bytes.extend_from_slice(&bytes);
        Ok(())
    }

    async fn commit(self: Box<Self>, condition: Condition) -> Result<Written> {
        let Self { lake, at, bytes } = *self;
        let about = at.clone();
        let apply = move |lake: &MemoryLake| {
            let mut writer = at_once(lake.create(&at))?;
            at_once(writer.write(bytes.freeze()))?;
            at_once(writer.commit(condition))
        };
        lake.call("write", &about, Kind::Effect, apply).await
    }
}
