//! Looking after the read models through the API and the command line of the real program.

use std::time::{Duration, Instant};

use projections::Projection;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor, PgPool};
use tests::{Program, Setup, json};

use crate::person::{PASSWORD, Person};

const ADMIN: &str = "admin@example.org";
const LIMIT: Duration = Duration::from_secs(20);

struct Setting {
    program: Program,
    admin: Person,
    pool: PgPool,
}

impl Setting {
    /// Nothing without a cluster to look into.
    async fn new() -> anyhow::Result<Option<Self>> {
        if std::env::var_os("ANNALS_TEST_CLUSTER").is_none() {
            eprintln!("needs the cluster of `make test`");
            return Ok(None);
        }
        let setup = Setup::default().with("ANNALS_ADMIN_EMAIL", ADMIN);
        let program = setup.with("ANNALS_ADMIN_PASSWORD", PASSWORD).start().await?;
        let admin = Person::sign_in(&program, ADMIN, PASSWORD).await?;
        let pool = PgPool::connect(program.database().unwrap_or_default()).await?;
        Ok(Some(Self { program, admin, pool }))
    }

    async fn get(&self, path: &str) -> anyhow::Result<Value> {
        json(self.admin.asks(self.program.get(path)).send().await?, 200).await
    }

    async fn post(&self, path: &str, expected: u16) -> anyhow::Result<Value> {
        let request = self.admin.asks(self.program.post(path, &json!({})));
        json(request.send().await?, expected).await
    }

    async fn users(&self) -> anyhow::Result<Value> {
        let list = self.get("/v1/admin/projections").await?;
        let list = list["data"]["projections"].as_array().cloned().unwrap_or_default();
        let users = list.into_iter().find(|it| it["name"] == "users");
        users.ok_or_else(|| anyhow::anyhow!("no projection of users"))
    }

    /// Waits until the list says what it should of the users.
    async fn until(&self, is_so: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
        let began = Instant::now();
        loop {
            let users = self.users().await?;
            if is_so(&users) {
                return Ok(users);
            }
            anyhow::ensure!(began.elapsed() < LIMIT, "not within {LIMIT:?}: {users}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn run(&self, arguments: &[&str]) -> anyhow::Result<(bool, String)> {
        let output = self.program.run(arguments)?;
        let text = [output.stdout, output.stderr].concat();
        Ok((output.status.success(), String::from_utf8_lossy(&text).into_owned()))
    }
}

#[tokio::test]
async fn an_administrator_rebuilds_and_rolls_back_and_nobody_else() -> anyhow::Result<()> {
    let Some(setting) = Setting::new().await? else { return Ok(()) };
    let program = &setting.program;
    let ada = Person::register(program, "ada@example.org").await?;
    for path in
        ["projections/users/rebuild", "projections/users/rollback", "projections/users/promote"]
    {
        let path = format!("/v1/admin/{path}");
        json(ada.asks(program.post(&path, &json!({}))).send().await?, 403).await?;
        json(program.post(&path, &json!({})).send().await?, 401).await?;
    }
    json(ada.asks(program.get("/v1/admin/parked")).send().await?, 403).await?;

    setting.post("/v1/admin/projections/horoscopes/rebuild", 404).await?;
    setting.post("/v1/admin/projections/users/rollback", 409).await?;
    setting.post("/v1/admin/projections/users/rebuild?keep_both=perhaps", 422).await?;
    setting.post("/v1/admin/projections/users/rebuild", 202).await?;
    let users = setting.until(|users| users["rebuild"]["state"] == "done").await?;

    assert_eq!(users["versions"][0]["slot"], "old", "{users}");
    assert_eq!(users["parked"], 0);
    assert!(users["lag_seconds"].is_number() && users["events_per_second"].is_number(), "{users}");
    setting.post("/v1/admin/projections/users/rollback", 200).await?;
    setting.post("/v1/admin/projections/users/rebuild?keep_both=true", 202).await?;
    let both = |users: &Value| users["versions"].as_array().is_some_and(|all| all.len() == 2);
    setting.until(both).await?;
    let tables = setting.post("/v1/admin/projections/users/compare", 200).await?;
    assert!(
        tables["data"]
            .as_array()
            .is_some_and(|all| all.iter().all(|it| it["is_identical"] == true))
    );
    let (is_done, text) = setting.run(&["projections", "promote", "users"])?;
    assert!(is_done, "{text}");
    let (is_done, text) = setting.run(&["projections", "drop-old", "users"])?;
    assert!(is_done, "{text}");
    setting.until(|users| users["versions"] == json!([])).await?;
    json(ada.asks(program.get("/v1/auth/me")).send().await?, 200).await?;
    Ok(())
}

#[tokio::test]
async fn a_parked_stream_is_seen_retried_and_skipped() -> anyhow::Result<()> {
    let Some(setting) = Setting::new().await? else { return Ok(()) };
    setting
        .pool
        .execute(AssertSqlSafe(
            "create function refuse() returns trigger language plpgsql as $$
            begin raise exception 'a row that cannot be'; end $$;
            create trigger poison before insert on user_view for each row
                when (new.email like 'poison%') execute function refuse()"
                .to_owned(),
        ))
        .await?;
    let one = Person::register(&setting.program, "poison1@example.org").await?;
    let two = Person::register(&setting.program, "poison2@example.org").await?;
    let ada = Person::register(&setting.program, "ada@example.org").await?;

    let users = setting.until(|users| users["parked"] == 2 && users["lag_events"] == 0).await?;
    json(ada.asks(setting.program.get("/v1/auth/me")).send().await?, 200).await?;
    let parked = setting.get("/v1/admin/parked").await?["data"].clone();
    assert_eq!(parked.as_array().map(Vec::len), Some(2), "{users}");
    assert_eq!(parked[0]["stream_id"], one.id);
    let text = parked.to_string();
    assert!(text.contains("a row that cannot be") && !text.contains("example.org"), "{text}");
    let metrics = setting.admin.asks(setting.program.get("/metrics")).send().await?.text().await?;
    assert!(metrics.contains("annals_projection_parked{projection=\"users\"} 2"), "{metrics}");

    let path = format!("/v1/admin/parked/users/{}", one.id);
    let again = setting.post(&format!("{path}/retry"), 409).await?;
    assert_eq!(again["code"], "fails_again");
    let (is_done, text) = setting.run(&["projections", "retry", "users", &two.id])?;
    assert!(!is_done && text.contains("fails again"), "{text}");
    setting.pool.execute("drop trigger poison on user_view").await?;
    setting.post(&format!("{path}/retry"), 200).await?;
    setting.post(&format!("{path}/retry"), 404).await?;
    json(one.asks(setting.program.get("/v1/auth/me")).send().await?, 200).await?;
    let (is_done, text) = setting.run(&["projections", "skip", "users", &two.id])?;
    assert!(is_done, "{text}");
    let (_, text) = setting.run(&["projections", "parked"])?;
    assert!(text.contains(&two.id) && text.contains("by the command line"), "{text}");
    let (is_done, text) = setting.run(&["projections", "rebuild", "users"])?;
    assert!(is_done && text.contains("identical"), "{text}");
    let (is_done, text) = setting.run(&["projections", "rebuild", "users", "--with-skipped"])?;
    assert!(is_done && text.contains("different"), "{text}");
    json(two.asks(setting.program.get("/v1/auth/me")).send().await?, 200).await?;
    setting.until(|users| users["parked"] == 0).await?;
    Ok(())
}

#[tokio::test]
async fn read_models_of_another_log_are_told_and_heal_by_rebuilding() -> anyhow::Result<()> {
    let Some(mut setting) = Setting::new().await? else { return Ok(()) };
    let ada = Person::register(&setting.program, "ada@example.org").await?;
    setting.program.stop().await?;
    // As after a restore of the log alone.
    setting.pool.execute("update log.head set epoch = epoch + 1").await?;
    setting.program.restart().await?;

    let ready = json(setting.program.get("/ready").send().await?, 200).await?;
    assert_eq!(ready["status"], "degraded", "{ready}");
    let detail = ready["services"]["cache"]["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("users") && detail.contains("rebuild"), "{ready}");
    let list = setting.run(&["projections", "list"])?.1;
    assert!(list.contains("of epoch 1"), "{list}");
    for projection in Projection::ALL {
        let (is_done, text) = setting.run(&["projections", "rebuild", projection.name()])?;
        assert!(is_done, "{text}");
    }

    let ready = json(setting.program.get("/ready").send().await?, 200).await?;
    assert_eq!(ready["status"], "healthy", "{ready}");
    Person::register(&setting.program, "bob@example.org").await?;
    setting.until(|users| users["lag_events"] == 0 && users["last_error"].is_null()).await?;
    json(ada.asks(setting.program.get("/v1/auth/me")).send().await?, 200).await?;
    Ok(())
}

#[tokio::test]
async fn another_process_keeps_the_read_models_up_when_the_leader_is_killed() -> anyhow::Result<()>
{
    if std::env::var_os("ANNALS_TEST_CLUSTER").is_none() {
        eprintln!("needs the cluster of `make test`");
        return Ok(());
    }
    let key = ("ANNALS_MASTER_KEY", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=");
    let mut leader = Setup::default().with(key.0, key.1).start().await?;
    let database = leader.database().unwrap_or_default().to_owned();
    let setup = Setup::default().with(key.0, key.1).with("DATABASE_URL", database);
    let other = setup.start().await?;
    Person::register(&leader, "before@example.org").await?;
    let before = Person::sign_in(&other, "before@example.org", PASSWORD).await?;
    json(before.asks(other.get("/v1/auth/me")).send().await?, 200).await?;

    leader.kill();
    let killed = Instant::now();
    let mut number = 0;
    loop {
        number += 1;
        let after = Person::register(&other, &format!("after{number}@example.org")).await?;
        let answer = after.asks(other.get("/v1/auth/me")).send().await?;
        if answer.status().is_success() {
            break;
        }
        anyhow::ensure!(killed.elapsed() < LIMIT, "nobody took over");
    }

    assert!(killed.elapsed() < Duration::from_secs(10), "{:?}", killed.elapsed());
    let rebuilt = other.run(&["projections", "rebuild", "users"])?;
    let text = String::from_utf8_lossy(&rebuilt.stdout).into_owned();
    assert!(text.contains("identical"), "{text}{}", String::from_utf8_lossy(&rebuilt.stderr));
    Ok(())
}
