//! temp
use commands::*;
use domain::chat::*;
use eventlog::*;
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() {
    tracing_subscriber::fmt().with_env_filter("info,api=debug").init();
    let url = std::env::args().nth(1).unwrap();
    let pool = sqlx::PgPool::connect(&url).await.unwrap();
    sqlx::migrate!("../migrations").run(&pool).await.unwrap();
    let master = MasterKey::from_base64("AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=").unwrap();
    let log = EventLog::open(pool, &master, Live::default()).await.unwrap();
    let (tx, mut rx) = tokio::sync::mpsc::channel::<Drive>(10);
    let policy = Policy {
        public_url: "http://127.0.0.1:8123".into(),
        password_minimum: 8,
        registrations_per_hour: None,
        providers: vec![Provider::OpenAi],
    };
    let commands =
        Commands::open(log.clone(), &master, Clock::System, policy, Some(tx)).await.unwrap();
    let _ = commands
        .create_admin(NewAdmin {
            email: domain::Email::try_from("admin@example.org".to_owned()).unwrap(),
            password: "correct horse battery".into(),
        })
        .await;
    let shutdown = CancellationToken::new();
    tokio::spawn(projections::run(
        log.clone(),
        Broker::connect("nats://127.0.0.1:4999").await.unwrap(),
        shutdown.clone(),
    ));
    let agent = commands.clone();
    tokio::spawn(async move {
        while let Some(mut drive) = rx.recv().await {
            let c = agent.clone();
            let say = |s: RunSignal, run| {
                let c = c.clone();
                async move {
                    c.log()
                        .live()
                        .publish(&drive_topic(run), serde_json::to_vec(&s).unwrap().into())
                        .await
                }
            };
            let run = drive.run;
            let model = drive.state().unwrap().model.clone();
            c.record(&mut drive, vec![Step::ModelCalled { iteration: 1 }]).await.unwrap();
            if model == "slow" {
                continue;
            }
            if model == "fail" {
                c.record(
                    &mut drive,
                    vec![Step::Failed {
                        failure: Failure {
                            kind: FailureKind::Unavailable,
                            detail: "the provider is overloaded".into(),
                            retry_after: Some(7),
                        },
                    }],
                )
                .await
                .unwrap();
                say(RunSignal::Ended, run).await;
                continue;
            }
            say(RunSignal::Text { text: "Hel".into() }, run).await;
            let calls = if model == "tools" {
                vec![ToolCall { id: "c1".into(), name: "weather".into(), arguments: "{}".into() }]
            } else {
                vec![]
            };
            let mut m = Message::text(Role::Assistant, "Hello");
            m.tool_calls = calls.clone();
            tokio::time::sleep(Duration::from_millis(50)).await;
            c.record(
                &mut drive,
                vec![Step::ModelAnswered {
                    iteration: 1,
                    message: m.into(),
                    usage: Usage { input: 5, output: 2, ..Usage::default() },
                    duration_ms: 3,
                }],
            )
            .await
            .unwrap();
            if model == "late" {
                c.record(
                    &mut drive,
                    vec![Step::Failed {
                        failure: Failure {
                            kind: FailureKind::Internal,
                            detail: "x".into(),
                            retry_after: None,
                        },
                    }],
                )
                .await
                .unwrap();
                say(RunSignal::Ended, run).await;
                continue;
            }
            let reason =
                if calls.is_empty() { FinishReason::Stop } else { FinishReason::ToolCalls };
            c.record(&mut drive, vec![Step::Completed { reason }]).await.unwrap();
            say(RunSignal::Ended, run).await;
        }
    });
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let prometheus = recorder.handle();
    metrics::set_global_recorder(recorder).unwrap();
    let setup = api::Setup {
        version: "0.1.0",
        metrics_token: Some("scrape".into()),
        trusted_proxies: vec![],
        broker: None,
        prometheus,
        shutdown: shutdown.clone(),
    };
    let app = api::App::new(commands, projections::Queries::new(log), setup);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8123").await.unwrap();
    let s = shutdown.clone();
    tokio::spawn(async move {
        tokio::signal::ctrl_c().await.unwrap();
        s.cancel();
    });
    api::serve(listener, app, shutdown).await.unwrap();
    let _ = Arc::new(());
}
