//! Checking the whole log over the API and from the command line, and the sealer that raises the alarm.

use std::time::Duration;

use super::{Scene, refused};

#[tokio::test]
async fn an_untouched_log_is_intact() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    let last = scene.sealed().await?;

    let check = scene.get("/v1/admin/log/verify?wait=25", 200).await?;

    assert_eq!(check["status"], "intact", "{check}");
    assert!(check["result"]["sealed"].as_i64() >= Some(last), "{check}");
    assert!(check["result"]["heads"].as_i64() >= Some(1));
    let again = scene.get("/v1/admin/log/verify", 200).await?;
    assert_eq!(again["finished_at"], check["finished_at"], "a fresh result is answered again");
    scene.prints(&["log", "verify"])?;
    Ok(())
}

#[tokio::test]
async fn a_check_that_takes_longer_than_a_request_says_how_far_it_is() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    let last = scene.sealed().await?;

    let begun = scene.admin.asks(scene.program.get("/v1/admin/log/verify?wait=0&fresh=true"));
    let status = begun.send().await?.status().as_u16();
    let check = scene.get("/v1/admin/log/verify?wait=25", 200).await?;

    assert!([200, 202].contains(&status), "{status}");
    assert_eq!(check["status"], "intact", "{check}");
    assert!(check["of"].as_i64() >= Some(last) && check["position"].as_i64() >= Some(last));
    Ok(())
}

#[tokio::test]
async fn what_a_superuser_changed_is_named_by_both() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    scene.sealed().await?;
    scene
        .forge("update log.event set recorded_at = recorded_at + interval '1 microsecond' where position = 2")
        .await?;

    let check = scene.get("/v1/admin/log/verify?wait=25&fresh=true", 200).await?;
    let report = refused(&scene.program.run(&["log", "verify"])?)?;

    assert_eq!(check["status"], "broken", "{check}");
    assert_eq!(check["result"]["fault"]["position"], 2, "{check}");
    assert_eq!(report["fault"]["position"], 2, "{report}");
    let proof = scene.get("/v1/admin/log/proof/2", 500).await?;
    assert_eq!(proof["code"], "log_not_as_sealed");
    Ok(())
}

#[tokio::test]
async fn a_tail_that_was_cut_off_cleanly_is_found_by_the_head_in_the_data_folder()
-> anyhow::Result<()> {
    let mut scene = Scene::set().await?;
    scene.sealed().await?;
    scene.program.stop().await?;
    scene
        .forge(
            "with cut as (select tree_size from log.seal order by tree_size limit 1),
            heads as (delete from log.seal using cut where seal.tree_size > cut.tree_size),
            streams as (delete from log.stream using cut where first_position > cut.tree_size),
            shorter as (update log.stream s set last_position = e.last, version = e.version from
                (select stream_id, max(position) as last, max(version) as version from log.event, cut
                    where position <= cut.tree_size group by stream_id) e
                where e.stream_id = s.stream_id),
            head as (update log.head set position = cut.tree_size from cut)
            delete from log.event using cut where position > cut.tree_size",
        )
        .await?;

    let report = refused(&scene.program.run(&["log", "verify"])?)?;

    let detail = report["fault"]["detail"].to_string();
    assert!(detail.contains("kept head"), "{report}");
    Ok(())
}

#[tokio::test]
async fn the_sealer_raises_the_alarm_by_itself() -> anyhow::Result<()> {
    let mut scene = Scene::set().await?;
    scene.sealed().await?;
    scene.program.stop().await?;
    scene.forge("update log.event set meta = meta || ' '::bytea where position = 2").await?;
    scene.program.restart().await?;

    for _ in 0..100 {
        if scene.program.log().contains("ALARM: the log is not what was sealed") {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("no alarm");
}
