//! Bundles and proofs, checked without the log and without our code.

use std::fs;

use serde_json::Value;
use tests::bare_python;

use super::{Scene, printed, refused};
use crate::person::Person;

/// Texts of a list in a report, in one.
fn told(report: &Value, list: &str) -> String {
    report[list].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

#[tokio::test]
async fn an_auditor_checks_a_bundle_with_nothing_but_a_key_and_a_head() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    scene.sealed().await?;
    let key = scene.prints(&["log", "key"])?.trim().to_owned();
    fs::write(scene.file("kept.txt"), scene.prints(&["log", "head"])?)?;
    Person::register(&scene.program, "eve@example.org").await?;
    let last = scene.sealed().await?;

    let bundle = scene.file("bundle.jsonl");
    scene.prints(&["log", "export", &bundle])?;
    let kept = scene.file("kept.txt");
    let checked = scene.program.run_bare(&[
        "log",
        "verify",
        "--offline",
        &bundle,
        "--key",
        &key,
        "--head",
        &kept,
    ])?;

    let report: Value = serde_json::from_str(&printed(&checked)?)?;
    assert_eq!((report["from"].as_i64(), report["to"].as_i64()), (Some(1), Some(last)));
    assert!(report["heads"].as_i64() >= Some(2), "{report}");
    let proven = told(&report, "proven");
    for words in ["byte for byte", "the key that was given", "goes on from the kept head"] {
        assert!(proven.contains(words), "{proven}");
    }
    assert_eq!(report["not_proven"], serde_json::json!([]));

    let unsure = scene.program.run_bare(&["log", "verify", "--offline", &bundle])?;
    let unsure: Value = serde_json::from_str(&printed(&unsure)?)?;
    assert!(told(&unsure, "not_proven").contains("the key was taken from the file itself"));
    Ok(())
}

#[tokio::test]
async fn the_first_event_that_was_changed_in_a_bundle_is_named() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    let last = scene.sealed().await?;
    let (bundle, forged) = (scene.file("bundle.jsonl"), scene.file("forged.jsonl"));
    scene.prints(&["log", "export", &bundle])?;
    let text = fs::read_to_string(&bundle)?;
    let lines: Vec<&str> = text.lines().collect();
    let of = |position: i64| {
        let found = lines.iter().position(|line| {
            serde_json::from_str::<Value>(line)
                .is_ok_and(|line| line["event"]["position"].as_i64() == Some(position))
        });
        found.unwrap_or_default()
    };
    let changed = |line: usize, with: Option<String>| {
        let mut lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        match with {
            Some(with) => lines[line] = with,
            None => drop(lines.remove(line)),
        }
        lines.join("\n") + "\n"
    };
    let position = |text: String| -> anyhow::Result<Option<i64>> {
        fs::write(&forged, text)?;
        let report = refused(&scene.program.run_bare(&["log", "verify", "--offline", &forged])?)?;
        assert_eq!(report["proven"], serde_json::json!([]), "{report}");
        Ok(report["fault"]["position"].as_i64())
    };

    let promoted = lines[of(3)].replace("\"version\":1", "\"version\":2");
    let promoted = if promoted == lines[of(3)] {
        lines[of(3)].replace("\"version\":2", "\"version\":1")
    } else {
        promoted
    };
    assert_eq!(position(changed(of(3), Some(promoted)))?, Some(3));
    assert_eq!(position(changed(of(4), None))?, Some(4));
    assert_eq!(position(changed(of(2), Some(lines[of(3)].to_owned())))?, Some(2));
    // The end is cut off.
    let cut = lines[..of(last)].join("\n");
    assert_eq!(position(cut)?, Some(last));
    Ok(())
}

#[tokio::test]
async fn another_key_proves_nothing() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    scene.sealed().await?;
    let bundle = scene.file("bundle.jsonl");
    scene.prints(&["log", "export", "--from", "2", "--to", "4", &bundle])?;
    let other = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

    let report =
        scene.program.run_bare(&["log", "verify", "--offline", &bundle, "--key", other])?;

    let detail = refused(&report)?["fault"]["detail"].to_string();
    assert!(detail.contains("another key"), "{detail}");
    let checked = scene.program.run_bare(&["log", "verify", "--offline", &bundle])?;
    let report: Value = serde_json::from_str(&printed(&checked)?)?;
    assert_eq!((report["from"].as_i64(), report["to"].as_i64()), (Some(2), Some(4)));
    assert!(told(&report, "not_proven").contains("what stands at positions 1 to 1"), "{report}");
    Ok(())
}

#[tokio::test]
async fn a_proof_over_the_api_holds_offline_and_reaches_back_to_an_older_head() -> anyhow::Result<()>
{
    let scene = Scene::set().await?;
    let older = scene.sealed().await?;
    fs::write(scene.file("kept.txt"), scene.prints(&["log", "head"])?)?;
    Person::register(&scene.program, "eve@example.org").await?;
    scene.sealed().await?;

    let mut proof = scene.get(&format!("/v1/admin/log/proof/2?from={older}"), 200).await?;
    let (file, kept) = (scene.file("proof.json"), scene.file("kept.txt"));
    fs::write(&file, proof.to_string())?;
    let checked =
        scene.program.run_bare(&["log", "verify", "--offline", &file, "--head", &kept])?;

    let report: Value = serde_json::from_str(&printed(&checked)?)?;
    assert!(told(&report, "proven").contains("goes on from the kept head"), "{report}");
    proof["event"]["version"] = 9.into();
    fs::write(&file, proof.to_string())?;
    let report = refused(&scene.program.run_bare(&["log", "verify", "--offline", &file])?)?;
    assert_eq!(report["fault"]["position"], 2);
    Ok(())
}

#[tokio::test]
async fn python_without_our_code_comes_to_the_same_roots_and_signatures() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    scene.sealed().await?;
    let key = scene.prints(&["log", "key"])?.trim().to_owned();
    let (bundle, proof) = (scene.file("bundle.jsonl"), scene.file("proof.json"));
    scene.prints(&["log", "export", &bundle])?;
    fs::write(&proof, scene.prints(&["log", "prove", "3"])?)?;

    let check = |bundle: &str| {
        bare_python("tests/proof/check_bundle.py").args([&key, bundle, &proof]).output()
    };

    let said = printed(&check(&bundle)?)?;
    assert!(said.contains("ok bundle of") && said.contains("ok proof of position 3"), "{said}");
    let forged =
        fs::read_to_string(&bundle)?.replacen("\"schema_version\":1", "\"schema_version\":2", 1);
    fs::write(&bundle, forged)?;
    assert!(!check(&bundle)?.status.success());
    Ok(())
}
