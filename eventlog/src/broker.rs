//! The log's copy in JetStream: one message per event, broker sequence equal to log position.

use std::{collections::HashMap, sync::Arc, time::Duration};

use anyhow::{Context, ensure};
use async_nats::{
    ConnectOptions, HeaderMap, ServerAddr,
    jetstream::{
        self,
        consumer::{AckPolicy, DeliverPolicy, pull},
        stream::{self, RawMessageErrorKind, StorageType},
    },
};

use crate::{Position, RawEvent};

/// The JetStream stream that carries the log.
pub const STREAM: &str = "EVENTS";
/// Where a stream says in which epoch it was made.
const EPOCH: &str = "annals-epoch";
/// How many events a stream that was lost is filled with again.
const REFILL: Position = 1_000_000;
/// A consumer that is so far behind is made anew, rather than asked for what its reader knows already.
const FAR: Position = 1000;
/// The longest that a message may wait for its acknowledgement.
const ACK_WAIT: Duration = Duration::from_secs(15);
/// How often a consumer says that it is there: one that was lost with the broker is missed soon.
const HEARTBEAT: Duration = Duration::from_secs(3);

mod header {
    pub const STREAM: &str = "Annals-Stream";
    pub const VERSION: &str = "Annals-Version";
    pub const COMMAND: &str = "Annals-Command";
    pub const RECORDED_AT: &str = "Annals-Recorded-At";
    pub const SCHEMA_VERSION: &str = "Annals-Schema-Version";
    pub const META: &str = "Annals-Meta";
    pub const EXPECTED: &str = "Nats-Expected-Last-Sequence";
    pub const MESSAGE_ID: &str = "Nats-Msg-Id";
}

/// A connection to NATS; it comes back by itself.
#[derive(Clone)]
pub struct Broker {
    client: async_nats::Client,
    jetstream: jetstream::Context,
}

impl Broker {
    /// Connects, or goes on trying in the background while NATS is away.
    pub async fn connect(url: &str) -> anyhow::Result<Self> {
        let address: ServerAddr = url.parse().context("NATS_URL")?;
        let client = options(&address)
            .name("annals")
            .no_echo()
            .retry_on_initial_connect()
            .reconnect_delay_callback(|attempts| {
                Duration::from_millis((20 << attempts.min(6)).min(1000))
            })
            .connect(address)
            .await
            .context("connecting to NATS")?;
        let mut jetstream = jetstream::new(client.clone());
        jetstream.set_timeout(Duration::from_secs(5));
        Ok(Self { client, jetstream })
    }

    /// The connection itself.
    #[must_use]
    pub fn client(&self) -> &async_nats::Client {
        &self.client
    }

    /// Whether NATS answers at present.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.client.connection_state() == async_nats::connection::State::Connected
    }

    /// The last position that the broker holds. Makes the stream where there is none, or one of
    /// another epoch: the log was restored since, and positions stand for other events.
    pub async fn last_position(&self, head: Position, epoch: i64) -> anyhow::Result<Position> {
        let config = stream_config(head, epoch);
        let mut stream = self.jetstream.get_or_create_stream(config).await?;
        if epoch_of(&stream.cached_info().config) != epoch {
            tracing::warn!(epoch, "the broker holds another epoch; making its stream anew");
            self.jetstream.delete_stream(STREAM).await?;
            stream = self.jetstream.get_or_create_stream(stream_config(head, epoch)).await?;
        }
        position(stream.info().await?.state.last_sequence)
    }

    /// Makes the stream anew and returns the position before its first: what it holds is of another
    /// log, as after a restore.
    pub async fn start_over(&self, head: Position, epoch: i64) -> anyhow::Result<Position> {
        self.jetstream.delete_stream(STREAM).await?;
        self.last_position(head, epoch).await
    }

    /// Whether the message at the position of an event is that event, or was dropped.
    pub async fn agrees(&self, event: &RawEvent) -> anyhow::Result<bool> {
        let stream = self.jetstream.get_stream_no_info(STREAM).await?;
        let message = match stream.get_raw_message(u64::try_from(event.position)?).await {
            Ok(message) => message,
            Err(error) => match error.kind() {
                RawMessageErrorKind::JetStream(reason) if reason.code() == 404 => return Ok(true),
                _ => return Err(error.into()),
            },
        };
        let is = |name, value: String| {
            message.headers.get(name).is_some_and(|found| found.as_str() == value)
        };
        Ok(is(header::STREAM, event.stream.to_string())
            && is(header::VERSION, event.version.to_string())
            && is(header::COMMAND, event.command.to_string()))
    }

    /// Sends an event; the answer comes when the broker has stored it at its position, or refused.
    pub async fn publish(
        &self,
        event: &RawEvent,
        epoch: i64,
    ) -> anyhow::Result<jetstream::context::PublishAckFuture> {
        let mut headers = HeaderMap::new();
        headers.insert(header::EXPECTED, (event.position - 1).to_string().as_str());
        headers.insert(header::MESSAGE_ID, format!("{epoch}-{}", event.position).as_str());
        headers.insert(header::STREAM, event.stream.to_string().as_str());
        headers.insert(header::VERSION, event.version.to_string().as_str());
        headers.insert(header::COMMAND, event.command.to_string().as_str());
        headers.insert(header::RECORDED_AT, event.recorded_at.to_rfc3339().as_str());
        headers.insert(header::SCHEMA_VERSION, event.schema_version.to_string().as_str());
        headers.insert(header::META, std::str::from_utf8(&event.meta)?);
        let subject = subject(event).context("an event name is category.what")?;
        Ok(self.jetstream.publish_with_headers(subject, headers, event.payload.clone()).await?)
    }

    /// Messages for the durable consumer called `name`, made to start after `after` where it is new.
    /// With a filter it acknowledges one by one, without one it acknowledges all up to one.
    pub async fn consume(
        &self,
        name: &str,
        after: Position,
        filters: &[&str],
    ) -> anyhow::Result<pull::Stream> {
        let stream = self.jetstream.get_stream(STREAM).await?;
        let is_filtered = !filters.is_empty();
        let config = pull::Config {
            durable_name: Some(name.to_owned()),
            deliver_policy: DeliverPolicy::ByStartSequence {
                start_sequence: u64::try_from(after + 1)?,
            },
            ack_policy: if is_filtered { AckPolicy::Explicit } else { AckPolicy::All },
            ack_wait: ACK_WAIT,
            max_ack_pending: if is_filtered { 10_000 } else { 50_000 },
            filter_subjects: filters.iter().map(|filter| (*filter).to_owned()).collect(),
            ..pull::Config::default()
        };
        let mut consumer = stream.get_or_create_consumer(name, config.clone()).await?;
        let begun = position(consumer.cached_info().ack_floor.stream_sequence)?;
        if !is_filtered && begun + FAR < after {
            stream.delete_consumer(name).await?;
            consumer = stream.create_consumer(config.clone()).await?;
        }
        // Another version of the program wanted other events.
        if consumer.cached_info().config.filter_subjects != config.filter_subjects {
            consumer = stream.update_consumer(config).await?;
        }
        Ok(consumer
            .stream()
            .max_messages_per_batch(if is_filtered { 16 } else { 500 })
            .heartbeat(HEARTBEAT)
            .messages()
            .await?)
    }
}

/// `nats://user:password@host` or `nats://token@host`.
fn options(address: &ServerAddr) -> ConnectOptions {
    match (address.username(), address.password()) {
        (Some(user), Some(password)) => {
            ConnectOptions::with_user_and_password(user.to_owned(), password.to_owned())
        }
        (Some(token), None) => ConnectOptions::with_token(token.to_owned()),
        (None, _) => ConnectOptions::new(),
    }
}

/// The epoch that a stream was made in; the first ones did not say.
fn epoch_of(config: &stream::Config) -> i64 {
    config.metadata.get(EPOCH).and_then(|epoch| epoch.parse().ok()).unwrap_or(1)
}

fn stream_config(head: Position, epoch: i64) -> stream::Config {
    let first = (head - REFILL).max(0) + 1;
    stream::Config {
        name: STREAM.to_owned(),
        subjects: vec!["events.>".to_owned()],
        storage: StorageType::File,
        first_sequence: u64::try_from(first).ok().filter(|first| *first > 1),
        duplicate_window: Duration::from_mins(2),
        deny_delete: true,
        metadata: HashMap::from([(EPOCH.to_owned(), epoch.to_string())]),
        ..stream::Config::default()
    }
}

/// `events.<category>.<bucket>.<what>`.
fn subject(event: &RawEvent) -> Option<String> {
    let (category, what) = event.name.split_once('.')?;
    Some(format!("events.{category}.{}.{what}", event.bucket))
}

fn position(sequence: u64) -> anyhow::Result<Position> {
    Position::try_from(sequence).context("a sequence beyond all positions")
}

impl RawEvent {
    /// Reads an event back out of its message.
    pub fn from_message(message: &jetstream::Message) -> anyhow::Result<Self> {
        let info = message.info().map_err(|error| anyhow::anyhow!("{error}"))?;
        let headers = message.headers.as_ref().context("an event without headers")?;
        let header = |name| {
            let value = headers.get(name).map(async_nats::HeaderValue::as_str);
            value.with_context(|| format!("an event without {name}"))
        };
        let mut subject = message.subject.splitn(4, '.').skip(1);
        let (category, bucket, what) = (subject.next(), subject.next(), subject.next());
        ensure!(what.is_some(), "not the subject of an event: {}", message.subject);
        let name = format!("{}.{}", category.unwrap_or_default(), what.unwrap_or_default());
        Ok(Self {
            position: position(info.stream_sequence)?,
            stream: header(header::STREAM)?.parse()?,
            version: header(header::VERSION)?.parse()?,
            recorded_at: header(header::RECORDED_AT)?.parse()?,
            command: header(header::COMMAND)?.parse()?,
            name: Arc::from(name),
            // Those that were sent before this header was are all of the first version.
            schema_version: header(header::SCHEMA_VERSION).map_or(Ok(1), str::parse)?,
            bucket: bucket.unwrap_or_default().parse()?,
            payload: message.payload.clone(),
            meta: header(header::META)?.to_owned().into(),
        })
    }
}
