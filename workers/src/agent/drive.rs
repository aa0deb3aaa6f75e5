//! One run, from wherever it stands to its end.

use std::time::{Duration, Instant};

use commands::{Drive, Error, RunSignal, ToolProgress, drive_topic, stop_topic};
use domain::{
    Personal,
    chat::{
        Failure, FailureKind, FinishReason, Message, ModelOptions, Next, Step, ToolCall,
        ToolOutcome,
    },
};
use futures_util::future::join_all;
use uuid::Uuid;

use super::{
    Agent,
    provider::{Delta, ModelAnswer, ModelError, ModelErrorKind, ModelRequest},
    tool,
};

/// How often a driver looks whether its lease wants renewing while a model thinks.
const LOOK: Duration = Duration::from_secs(5);
/// The longest that tools of one answer may take; well within a lease.
const TOOLS: Duration = Duration::from_secs(15);
/// How often a driver tries to go on when the log cannot be reached.
const TRIES: u32 = 6;

impl Agent {
    /// Drives a run until it is over or somebody else's.
    pub(super) async fn drive(&self, mut drive: Drive) {
        let run = drive.run;
        let began = Instant::now();
        let mut failures = 0;
        while let Some(next) = next(&drive) {
            match self.step(&mut drive, next).await {
                Ok(()) => failures = 0,
                Err(refusal @ (Error::Rejected(_) | Error::Limited(_))) => {
                    tracing::info!(%run, %refusal, "letting go of a run");
                    break;
                }
                Err(error @ (Error::Unavailable(_) | Error::Overloaded | Error::Internal(_))) => {
                    failures += 1;
                    let error = format!("{:#}", anyhow::Error::from(error));
                    tracing::error!(%run, failures, error, "a run stands still");
                    if !self.recover(&mut drive, failures).await {
                        break;
                    }
                }
            }
        }
        metrics::histogram!("annals_run_duration_seconds").record(began.elapsed().as_secs_f64());
        self.signal(run, &RunSignal::Ended).await;
    }

    /// Waits and reads what the log holds of the run; gives it up after the last try.
    async fn recover(&self, drive: &mut Drive, failures: u32) -> bool {
        tokio::time::sleep(Duration::from_millis(100 << failures)).await;
        let is_known = self.commands.reload(drive).await.is_ok();
        if failures < TRIES {
            return is_known;
        }
        let detail = "the run could not be recorded".to_owned();
        let kind = FailureKind::Internal;
        let failure = Failure { kind, detail, explanation: None, retry_after: None };
        let _ = self.commands.record(drive, vec![Step::Failed { failure }]).await;
        false
    }

    async fn step(&self, drive: &mut Drive, next: Next) -> Result<(), Error> {
        self.commands.renew(drive).await?;
        match next {
            Next::AskModel => self.ask_model(drive).await,
            Next::RunTools(calls) => self.run_tools(drive, calls).await,
            Next::Complete(reason) => {
                self.commands.record(drive, vec![Step::Completed { reason }]).await
            }
            Next::GiveUp => {
                let limit = drive.state().map_or(0, |run| run.max_iterations);
                let detail = format!(
                    "Maximum tool calling iterations ({limit}) exceeded without completion"
                );
                let kind = FailureKind::TooManyIterations;
                let failure = Failure { kind, detail, explanation: None, retry_after: None };
                self.commands.record(drive, vec![Step::Failed { failure }]).await
            }
        }
    }

    /// Records the intent, asks the model, records the answer.
    async fn ask_model(&self, drive: &mut Drive) -> Result<(), Error> {
        let Some(question) = Question::of(drive) else { return Ok(()) };
        let iteration = question.iteration;
        let began = Instant::now();
        self.commands.record(drive, vec![Step::ModelCalled { iteration }]).await?;
        let ask = self.ask(drive.run, &question);
        tokio::pin!(ask);
        let mut look = tokio::time::interval(LOOK);
        let mut stop = self.commands.log().live().subscribe(&stop_topic(drive.run));
        let answer = loop {
            tokio::select! {
                answer = &mut ask => break answer,
                // The log says whether it is true: the next step is refused then.
                Ok(_) = stop.recv() => return self.commands.reload(drive).await,
                _ = look.tick() => match self.commands.renew(drive).await {
                    Err(Error::Rejected(refusal)) => return Err(refusal.into()),
                    // The answer is paid for: worth waiting until the log is back.
                    Err(error) => tracing::warn!(%error, "a lease could not be renewed"),
                    Ok(()) => {}
                },
            }
        };
        let duration_ms = millis(began.elapsed());
        let steps = match answer {
            Ok(answer) => answered(iteration, answer, duration_ms),
            Err(error) => vec![Step::Failed { failure: failure(error) }],
        };
        self.commands.record(drive, steps).await
    }

    async fn ask(&self, run: Uuid, question: &Question) -> Result<ModelAnswer, ModelError> {
        let request = ModelRequest {
            model: &question.model,
            messages: &question.messages,
            options: &question.options,
        };
        let (deltas, mut pieces) = tokio::sync::mpsc::unbounded_channel();
        let speak = async {
            while let Some(text) = pieces.recv().await {
                self.signal(run, &RunSignal::Text { text }).await;
            }
        };
        let mut on_delta = move |delta: Delta<'_>| {
            let Delta::Text(text) = delta;
            let _ = deltas.send(text.to_owned());
        };
        let ask = async move {
            let stream = question.is_streamed;
            self.providers.ask(question.provider, &request, stream, &mut on_delta).await
        };
        tokio::join!(ask, speak).0
    }

    /// Runs tools side by side; intents are recorded before, results after.
    async fn run_tools(&self, drive: &mut Drive, calls: Vec<ToolCall>) -> Result<(), Error> {
        let (Some(run), Some(owner)) =
            (drive.state(), drive.conversation().map(|conversation| conversation.owner))
        else {
            return Ok(());
        };
        let iteration = run.iterations;
        let jobs: Vec<Job> = calls
            .into_iter()
            .map(|call| Job { was_begun: run.execution(&call).is_some(), call, owner, iteration })
            .collect();
        let begun: Vec<Step> = jobs.iter().filter(|job| !job.was_begun).map(Job::started).collect();
        if !begun.is_empty() {
            self.commands.record(drive, begun).await?;
        }
        let run = drive.run;
        let finished = join_all(jobs.iter().map(|job| self.run_tool(run, job))).await;
        self.commands.record(drive, finished).await
    }

    async fn run_tool(&self, run: Uuid, job: &Job) -> Step {
        self.signal(run, &RunSignal::Tool(job.progress("started", None))).await;
        let began = Instant::now();
        let context = tool::Context {
            log: self.commands.log(),
            owner: job.owner,
            run,
            iteration: job.iteration,
            was_begun: job.was_begun,
        };
        let result = tokio::time::timeout(TOOLS, tool::run(&context, &job.call)).await;
        let result = result.unwrap_or_else(|_| Err(tool::Failure::too_slow(TOOLS)));
        let outcome =
            ToolOutcome { is_success: result.is_ok(), duration_ms: millis(began.elapsed()) };
        let status = if result.is_ok() { "completed" } else { "failed" };
        metrics::counter!("annals_tool_calls_total", "tool" => job.call.name.clone(), "status" => status)
            .increment(1);
        self.signal(run, &RunSignal::Tool(job.progress(status, Some(outcome.duration_ms)))).await;
        let result = result.unwrap_or_else(|error| error.to_feedback(&job.call.name));
        Step::ToolFinished { id: job.call.id.clone(), result: result.into(), outcome }
    }

    async fn signal(&self, run: Uuid, signal: &RunSignal) {
        if let Ok(message) = serde_json::to_vec(signal) {
            self.commands.log().live().publish(&drive_topic(run), message.into()).await;
        }
    }
}

/// One tool call to carry out.
struct Job {
    call: ToolCall,
    was_begun: bool,
    owner: Uuid,
    iteration: u8,
}

impl Job {
    fn started(&self) -> Step {
        Step::ToolStarted {
            id: self.call.id.clone(),
            name: self.call.name.clone(),
            call: self.call.clone().into(),
        }
    }

    fn progress(&self, status: &str, duration_ms: Option<u64>) -> ToolProgress {
        ToolProgress {
            id: self.call.id.clone(),
            name: self.call.name.clone(),
            status: status.to_owned(),
            iteration: self.iteration,
            duration_ms,
        }
    }
}

/// What the model is asked.
struct Question {
    provider: domain::chat::Provider,
    model: String,
    messages: Vec<Message>,
    options: ModelOptions,
    iteration: u8,
    is_streamed: bool,
}

impl Question {
    fn of(drive: &Drive) -> Option<Self> {
        let run = drive.state()?;
        let messages = drive.conversation()?.messages.iter().filter_map(Personal::known);
        Some(Self {
            provider: run.provider,
            model: run.model.clone(),
            messages: messages.cloned().collect(),
            options: run.options.known().cloned().unwrap_or_default(),
            iteration: run.iterations + 1,
            is_streamed: run.is_streamed,
        })
    }
}

/// What to do next; nothing once the run is over or the conversation gone.
fn next(drive: &Drive) -> Option<Next> {
    let run = drive.state()?;
    (run.status == domain::chat::Status::Running).then(|| run.next())
}

/// An answer without tool calls is the end of the run, in the same append.
fn answered(iteration: u8, answer: ModelAnswer, duration_ms: u64) -> Vec<Step> {
    let ModelAnswer { message, usage, reason } = answer;
    let is_over = message.tool_calls.is_empty();
    let reason = if reason == FinishReason::ToolCalls { FinishReason::Stop } else { reason };
    let mut steps =
        vec![Step::ModelAnswered { iteration, message: message.into(), usage, duration_ms }];
    if is_over {
        steps.push(Step::Completed { reason });
    }
    steps
}

fn failure(error: ModelError) -> Failure {
    let kind = match error.kind {
        ModelErrorKind::Refused => FailureKind::Refused,
        ModelErrorKind::Unauthorised
        | ModelErrorKind::RateLimited
        | ModelErrorKind::Overloaded
        | ModelErrorKind::Unavailable
        | ModelErrorKind::Garbled => FailureKind::Unavailable,
    };
    let retry_after =
        error.retry_after.map(|after| u32::try_from(after.as_secs().max(1)).unwrap_or(u32::MAX));
    let (detail, explanation) = error.split();
    Failure { kind, detail, explanation: explanation.map(Personal::from), retry_after }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
