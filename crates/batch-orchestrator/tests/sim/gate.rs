//! The way from one worker to the outside, where everything goes wrong that can.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::FutureExt;
use tokio::{
    sync::Notify,
    time::{Instant, sleep, sleep_until},
};

use crate::{scenario::OneFault, world::World};

/// The life of one process.
pub(crate) struct Life {
    /// For the log.
    pub(crate) name: String,
    pub(crate) crash: Notify,
    dead: AtomicBool,
    paused_until: Mutex<Instant>,
}

impl Life {
    pub(crate) fn new(name: String) -> Arc<Self> {
        Arc::new(Self {
            name,
            crash: Notify::new(),
            dead: AtomicBool::new(false),
            paused_until: Mutex::new(Instant::now()),
        })
    }

    fn pause(&self, time: Duration) {
        *self.paused_until.lock().unwrap() = Instant::now() + time;
    }

    /// Ends here if the process is dead; waits while it is stopped.
    async fn runs(&self) {
        loop {
            if self.dead.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
            let until = *self.paused_until.lock().unwrap();
            if until <= Instant::now() {
                return;
            }
            sleep_until(until).await;
        }
    }

    async fn die(&self) -> ! {
        self.dead.store(true, Ordering::Relaxed);
        self.crash.notify_one();
        std::future::pending().await
    }
}

/// How a backend says that a call failed.
pub(crate) trait Fault: Sized + Send + 'static {
    /// Certainly not done.
    fn refused(world: &World, what: &'static str) -> Self;
    /// Done or not.
    fn lost(what: &'static str) -> Self;
}

#[derive(Clone)]
pub(crate) struct Gate {
    pub(crate) world: Arc<World>,
    pub(crate) life: Arc<Life>,
}

/// Whether a call changes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Read,
    /// Housekeeping: it changes something, but no more than the passing of time does.
    Routine,
    Effect,
}

/// Lake and ledger in memory never wait.
pub(crate) fn at_once<T>(call: impl Future<Output = T>) -> T {
    call.now_or_never().unwrap()
}

const TIME_OUT: Duration = Duration::from_secs(30);

impl Gate {
    /// A call over the network: `apply` is what the other side does with it, at one moment.
    pub(crate) async fn call<T: Send + 'static, E: Fault>(
        &self,
        what: &'static str,
        about: String,
        kind: Kind,
        apply: impl FnOnce(&World) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        self.life.runs().await;
        sleep(self.world.between(Duration::from_millis(1), Duration::from_millis(40))).await;
        self.life.runs().await;
        let fault = self.fault(kind);
        if let Some(fault) = fault {
            self.world.say(&format!("{} {what} {about}: {fault:?}", self.life.name));
        }
        match fault {
            Some(OneFault::CrashBefore) => self.life.die().await,
            Some(OneFault::Refused) => return Err(E::refused(&self.world, what)),
            Some(OneFault::LostBefore) => {
                sleep(TIME_OUT).await;
                self.life.runs().await;
                return Err(E::lost(what));
            }
            Some(OneFault::Late) => {
                let (gate, about) = (self.clone(), format!("{about} (late)"));
                let delay = self.world.between(Duration::from_secs(1), Duration::from_mins(25));
                tokio::spawn(async move {
                    sleep(delay).await;
                    let _ = gate.perform(what, &about, kind, apply);
                });
                sleep(TIME_OUT).await;
                self.life.runs().await;
                return Err(E::lost(what));
            }
            Some(OneFault::Slow) => {
                sleep(self.world.between(Duration::from_secs(1), Duration::from_mins(4))).await;
            }
            Some(OneFault::Pause) => {
                self.life.pause(self.world.between(Duration::from_secs(10), Duration::from_mins(20)));
                // Before the request leaves, or while its answer is on the way.
                if self.world.pick(2) == 0 {
                    self.life.runs().await;
                }
            }
            Some(OneFault::Jump) => {
                let by = self.world.between(Duration::ZERO, Duration::from_hours(2)).as_millis();
                self.world.jump(i64::try_from(by).unwrap() - 3_600_000);
            }
            Some(OneFault::LostAfter | OneFault::CrashAfter) | None => {}
        }
        let result = self.perform(what, &about, kind, apply);
        match fault {
            Some(OneFault::CrashAfter) => self.life.die().await,
            Some(OneFault::LostAfter) => {
                sleep(self.world.between(Duration::ZERO, TIME_OUT)).await;
                self.life.runs().await;
                Err(E::lost(what))
            }
            _ => {
                self.life.runs().await;
                result
            }
        }
    }

    fn perform<T, E>(
        &self,
        what: &'static str,
        about: &str,
        kind: Kind,
        apply: impl FnOnce(&World) -> Result<T, E>,
    ) -> Result<T, E> {
        self.world.lake.set_now_ms(self.world.now_ms());
        let result = apply(&self.world);
        if kind == Kind::Effect || result.is_err() {
            let end = if result.is_ok() { "" } else { ": refused" };
            self.world.say(&format!("{} {what} {about}{end}", self.life.name));
        }
        if kind == Kind::Effect {
            self.world.look();
        }
        result
    }

    fn fault(&self, kind: Kind) -> Option<OneFault> {
        let world = &self.world;
        if let Some(points) = &world.scenario.at_effects {
            let number = (kind == Kind::Effect).then(|| world.count());
            return points.iter().find(|(at, _)| Some(*at) == number).map(|(_, fault)| *fault);
        }
        if kind == Kind::Effect {
            world.count();
        }
        let rates = world.scenario.rates;
        let often = [
            (rates.crash / 2.0, OneFault::CrashBefore),
            (rates.crash / 2.0, OneFault::CrashAfter),
            (rates.refused, OneFault::Refused),
            (rates.lost_before, OneFault::LostBefore),
            (rates.lost_after, OneFault::LostAfter),
            (rates.late, OneFault::Late),
            (rates.slow, OneFault::Slow),
            (rates.pause, OneFault::Pause),
            (rates.jump, OneFault::Jump),
        ];
        world.draw(&often)
    }

    /// How much of a body arrives, if it is cut.
    pub(crate) fn cut(&self, length: usize) -> Option<usize> {
        self.world.happens(self.world.scenario.rates.cut).then(|| self.world.pick(length.max(1)))
    }
}
