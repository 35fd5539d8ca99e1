//! What the network and the service do.

use crate::{
    Action, Batch, DeletedInput, Doing, Event, Failure, Outcome, Post, Service, Stage, State, Status, Stored,
    Worker,
};

impl State {
    /// What the network and the service may do next.
    pub(crate) fn service_actions(&self, service: &Service, actions: &mut Vec<Action>) {
        for (at, post) in (0..).zip(&self.posts) {
            if self.posts[..usize::from(at)].contains(post) {
                continue;
            }
            let mut deliver = |outcome| actions.push(Action::Deliver(at, outcome));
            if self.input(post.generation) == Stored::Present {
                deliver(Outcome::Batch);
                if self.refusals > 0 {
                    deliver(Outcome::NoRoom);
                    deliver(Outcome::Refused);
                }
            } else {
                deliver(Outcome::NoInput);
                if service.deleted_input == DeletedInput::RefusedOrFailedBatch {
                    deliver(Outcome::DoomedBatch);
                }
            }
        }
        for (id, batch) in (0..).zip(&self.batches) {
            if !batch.listed {
                actions.push(Action::LagEnds(id));
            }
            let Status::Validating { doomed } = batch.status else { continue };
            if !doomed {
                actions.push(Action::Begins(id));
                if self.refusals > 0 {
                    actions.push(Action::FindsNoRoom(id));
                }
            }
            // The service may have read the input before it was deleted, so both are possible.
            if doomed || self.input(batch.generation) != Stored::Present {
                actions.push(Action::FindsNoInput(id));
            }
        }
        if matches!(self.record.stage, Stage::Uncertain | Stage::Fenced) && !self.settling.over {
            actions.push(Action::SettleEnds);
        }
    }

    /// A `POST` arrives. If somebody waits, the answer arrives with it: an answer that is lost or late is a time-out
    /// before.
    pub(crate) fn deliver(&mut self, service: &Service, at: u8, outcome: Outcome) {
        let Post { generation, awaited } = self.posts.remove(usize::from(at));
        let answer = match outcome {
            Outcome::Batch | Outcome::DoomedBatch => {
                let status = Status::Validating { doomed: outcome == Outcome::DoomedBatch };
                self.batches.push(Batch { generation, status, listed: !service.lag });
                Event::Created(self.batches.len() as u8 - 1)
            }
            Outcome::NoInput => Event::CreateRefused,
            Outcome::NoRoom | Outcome::Refused => {
                self.refusals -= 1;
                if outcome == Outcome::NoRoom { Event::CreatePostponed } else { Event::CreateRefused }
            }
        };
        if awaited {
            for worker in &mut self.workers {
                if let Worker::Busy { doing, .. } = worker
                    && *doing == Doing::Waiting
                {
                    *doing = Doing::Answer(answer);
                }
            }
        }
    }

    pub(crate) fn show(&mut self, batch: u8) {
        self.batches[usize::from(batch)].listed = true;
        self.settling.hidden &= !(1 << batch);
    }

    /// The lag is not longer than the settle time: what was there at its beginning is listed at its end.
    pub(crate) fn end_settling(&mut self) {
        for batch in 0..self.batches.len() as u8 {
            if self.settling.hidden & (1 << batch) != 0 {
                self.show(batch);
            }
        }
        self.settling.over = true;
    }

    pub(crate) fn fail(&mut self, batch: u8, failure: Failure) {
        if failure == Failure::Room {
            self.refusals -= 1;
        }
        self.batches[usize::from(batch)].status = Status::Failed(failure);
    }
}
