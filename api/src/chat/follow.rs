//! Following a run to its end: signals while they come, the log for the truth.

use std::{pin::Pin, time::Duration};

use axum::http::StatusCode;
use commands::{Caller, Ending, RunSignal, StartedRun, ToolProgress};
use domain::chat::{FailureKind, Run, Status};
use eventlog::LiveMessage;
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::{Instant, timeout},
};
use uuid::Uuid;

use crate::{App, problem::Problem};

/// How long to listen before the log is asked whether the run has ended.
const QUIET: Duration = Duration::from_secs(1);
/// How long a request waits for its run at the most; the run goes on.
const PATIENCE: Duration = Duration::from_mins(10);

/// A run and its way to the end.
pub(super) struct Follow {
    app: App,
    caller: Caller,
    /// The run's conversation.
    pub session: Uuid,
    /// The run.
    pub id: Uuid,
    signals: Receiver<LiveMessage>,
    /// Completes once the caller's credential is not good any more, or nobody can tell.
    ending: Pin<Box<dyn Future<Output = Ending> + Send + Sync>>,
    until: Instant,
}

/// What happens in a run.
pub(super) enum Progress {
    /// More of an answer.
    Text(String),
    /// A tool began or ended.
    Tool(ToolProgress),
    /// The run ended as it should.
    Ended(Box<Ended>),
}

/// A run that ended as it should.
pub(super) struct Ended {
    pub run: Run,
    /// The last position of its conversation.
    pub position: i64,
}

impl Follow {
    pub(super) async fn new(
        app: App,
        caller: Caller,
        started: StartedRun,
    ) -> Result<Self, Problem> {
        let ending = Box::pin(app.commands.watch(&caller).await?);
        Ok(Self {
            ending,
            app,
            caller,
            session: started.session,
            id: started.run,
            signals: started.signals,
            until: Instant::now() + PATIENCE,
        })
    }

    /// Waits for the next thing that happens.
    pub(super) async fn next(&mut self) -> Result<Progress, Problem> {
        loop {
            match self.listen().await? {
                Some(RunSignal::Text { text }) => return Ok(Progress::Text(text)),
                Some(RunSignal::Tool(progress)) => return Ok(Progress::Tool(progress)),
                // The driver says so, or is silent, or was not heard: the log knows.
                Some(RunSignal::Ended) | None => {
                    if let Some(ended) = self.ended().await? {
                        return Ok(Progress::Ended(Box::new(ended)));
                    }
                }
            }
        }
    }

    /// Waits for the end, whatever happens before it.
    pub(super) async fn end(&mut self) -> Result<Ended, Problem> {
        loop {
            if let Progress::Ended(ended) = self.next().await? {
                return Ok(*ended);
            }
        }
    }

    async fn listen(&mut self) -> Result<Option<RunSignal>, Problem> {
        if Instant::now() >= self.until {
            return Err(Self::leave("the run takes long and goes on; its session will have it"));
        }
        let signal = tokio::select! {
            signal = timeout(QUIET, self.signals.recv()) => signal,
            ending = &mut self.ending => return Err(Self::end_as(ending)),
            () = self.app.setup().shutdown.cancelled() => {
                return Err(Self::leave("the server stops; the run goes on when it is back"));
            }
        };
        Ok(match signal {
            Ok(Ok(message)) => serde_json::from_slice(&message).ok(),
            Ok(Err(RecvError::Lagged(_))) | Err(_) => None,
            Ok(Err(RecvError::Closed)) => {
                tokio::time::sleep(QUIET).await;
                None
            }
        })
    }

    fn end_as(ending: Ending) -> Problem {
        match ending {
            Ending::Revoked => Problem { is_final: true, ..Problem::anonymous() },
            Ending::Unknown => {
                Self::leave("nobody can tell at present whether you may listen; the run goes on")
            }
        }
    }

    /// A second try while the run goes on would be a second run.
    fn leave(detail: &'static str) -> Problem {
        Problem { is_final: true, ..Problem::unavailable(detail) }
    }

    async fn ended(&self) -> Result<Option<Ended>, Problem> {
        let done = self.app.commands.conversation(&self.caller, self.session).await?;
        let run = done.value.run(self.id).cloned().ok_or_else(|| Problem::missing("run"))?;
        match &run.status {
            Status::Running => Ok(None),
            Status::Completed(_) => Ok(Some(Ended { run, position: done.position })),
            Status::Failed(_) | Status::Cancelled => Err(failure(&run)),
        }
    }
}

/// Why a run did not end as it should; whoever ran tools must not be asked again blindly.
fn failure(run: &Run) -> Problem {
    let problem = match &run.status {
        Status::Failed(failure) => {
            let detail = failure.told();
            match failure.kind {
                FailureKind::Refused => {
                    Problem::new(StatusCode::BAD_REQUEST, "provider_refused", detail)
                }
                FailureKind::Unavailable => Problem {
                    retry_after: Some(failure.retry_after.unwrap_or(1).max(1)),
                    code: "provider_unavailable",
                    ..Problem::unavailable(detail)
                },
                FailureKind::TooManyIterations => too_many_iterations(run.max_iterations),
                FailureKind::Internal => Problem::internal(),
            }
        }
        Status::Cancelled | Status::Running | Status::Completed(_) => {
            let cancelled =
                Problem::new(StatusCode::CONFLICT, "run_cancelled", "the run was cancelled");
            Problem { is_final: true, ..cancelled }
        }
    };
    let is_final = problem.is_final || !run.tools.is_empty();
    // Under its key, too, the run may be asked for anew as long as no tool of ours ran.
    let is_over = problem.status.is_server_error() && !is_final;
    Problem { is_final, is_over, ..problem }
}

fn too_many_iterations(most: u8) -> Problem {
    let detail = format!("Maximum tool calling iterations ({most}) exceeded without completion");
    let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "too_many_iterations", detail);
    problem.at("/max_iterations")
}
