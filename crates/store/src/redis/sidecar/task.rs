//! The task that owns a sidecar's connection.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::super::config::Settings;
use super::super::connection::Connection;
use super::super::connection_id::ConnectionId;
use super::super::handshake;
use super::super::inbox::Inbox;
use super::super::queued::Queued;
use super::super::session::{ConnectionEnd, Owner, Reason, Session};
use super::{Phase, Report, State, hand_back};

pub struct Task {
    settings: Arc<Settings>,
    /// See [`Timeouts`](super::Timeouts).
    grace: Duration,
    state: Arc<State>,
    inbox: Inbox,
}

impl Drop for Task {
    /// After a panic the tickets reject their operations. The report keeps the client from waiting for this sidecar.
    fn drop(&mut self) {
        let reason = "a bug in this package".to_owned();
        self.state.end(Report { reason, is_failure: true, replied: false, kill_command: None });
    }
}

impl Task {
    pub fn new(settings: Arc<Settings>, grace: Duration, state: Arc<State>, inbox: Inbox) -> Self {
        Task { settings, grace, state, inbox }
    }

    pub async fn run(mut self) {
        match self.open().await {
            Ok((connection, id)) => {
                self.state.advance(Phase::Ready);
                let settings = self.settings.clone();
                let end = Session::new(connection, Owner::Sidecar, &settings).serve(&mut self.inbox).await;
                self.finish(end, id);
            }
            Err(report) => self.end(report, Vec::new()),
        }
    }

    /// Returns the connection, or why there is none.
    async fn open(&mut self) -> Result<(Connection, Option<ConnectionId>), Report> {
        let settings = self.settings.clone();
        let attempt = handshake::connect(&settings.endpoint, &settings.limits, None);
        tokio::pin!(attempt);
        let end_of_grace = Instant::now() + self.grace;
        let mut is_late = false;
        loop {
            tokio::select! {
                biased;
                result = &mut attempt => return result.map_err(|error| Report::unused(error.reason, true)),
                operations = self.inbox.receive() => self.inbox.push(operations),
                () = sleep_until(end_of_grace), if !is_late => {
                    is_late = true;
                    self.state.advance(Phase::Late);
                }
            }
            if let Some(stop) = &self.inbox.stop {
                return Err(Report::unused(stop.reason.clone(), false));
            }
            if is_late {
                self.inbox.queue.take_all().into_iter().for_each(hand_back);
            }
        }
    }

    fn finish(self, end: ConnectionEnd, id: Option<ConnectionId>) {
        let ConnectionEnd { reason, given_up, is_write_in_doubt, has_replied } = end;
        let is_failure = reason.is_failure();
        let kill_command = id.filter(|_| is_write_in_doubt).and_then(|id| id.kill_command());
        let reason = match reason {
            Reason::Lost(Some(cause)) => format!("the server closed the connection ({})", cause.message),
            Reason::Lost(None) => "the server closed the connection".to_owned(),
            Reason::OutOfStep => "the server gave a reply that makes no sense".to_owned(),
            Reason::Silent(_) => "the server gave no reply in time".to_owned(),
            Reason::Refused => "the server refused an operation".to_owned(),
            Reason::Unneeded(reason) => reason,
        };
        self.end(Report { reason, is_failure, replied: has_replied, kill_command }, given_up);
    }

    /// Reports, then hands everything back, in order: the client needs the kill command before it repeats a write.
    fn end(mut self, report: Report, given_up: Vec<Queued>) {
        self.state.end(report);
        for queued in given_up.into_iter().chain(self.inbox.close()) {
            hand_back(queued);
        }
    }
}
