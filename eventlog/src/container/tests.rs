//! Files are whole or are said not to be.

use std::{fs, path::PathBuf};

use uuid::Uuid;

use super::{Reader, Sections};

/// A folder that goes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("annals-{}", Uuid::new_v4().simple()));
        fs::create_dir(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A file of ten thousand rows in one section and three in another.
async fn written(scratch: &Scratch) -> PathBuf {
    let path = scratch.0.join("a.annals");
    let mut file = Sections::create(&path, &serde_json::json!({ "kind": "test" })).unwrap();
    file.section("numbers").await.unwrap();
    for number in 0..10_000_u32 {
        file.row(&number.to_be_bytes(), || number.to_string()).await.unwrap();
    }
    file.section("words").await.unwrap();
    for word in ["one", "two", "three"] {
        file.row(word.as_bytes(), || word.to_owned()).await.unwrap();
    }
    file.finish().await.unwrap().publish().unwrap();
    path
}

#[tokio::test]
async fn what_was_written_is_read_again() {
    let scratch = Scratch::new();

    let file = Reader::open(&written(&scratch).await).unwrap();

    file.check().unwrap();
    let numbers: Vec<u8> =
        file.section("numbers").flat_map(|frame| file.frame(frame).unwrap()).collect();
    assert!(
        numbers.chunks(4).map(|row| row.try_into().unwrap()).map(u32::from_be_bytes).eq(0..10_000)
    );
    let firsts: Vec<_> = file.section("numbers").map(|frame| frame.first.as_str()).collect();
    assert_eq!(firsts, ["0", "4096", "8192"]);
    let words = file.section("words").next().unwrap();
    assert_eq!((file.frame(words).unwrap(), words.rows), (b"onetwothree".to_vec(), 3));
    assert_eq!(file.header::<serde_json::Value>().unwrap()["kind"], "test");
}

#[tokio::test]
async fn a_file_under_way_does_not_have_its_name() {
    let scratch = Scratch::new();
    let path = scratch.0.join("a.annals");

    let mut file = Sections::create(&path, &()).unwrap();
    file.section("numbers").await.unwrap();
    file.row(b"1", || "1".to_owned()).await.unwrap();
    drop(file.finish().await.unwrap());

    assert!(!path.exists());
}

#[tokio::test]
async fn a_file_cut_off_anywhere_is_refused() {
    let scratch = Scratch::new();
    let path = written(&scratch).await;
    let whole = fs::read(&path).unwrap();

    for length in [0, 7, 40, whole.len() / 2, whole.len() - 60, whole.len() - 1] {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(Reader::open(&path).is_err(), "{length} bytes");
    }
}

#[tokio::test]
async fn no_changed_byte_goes_unnoticed() {
    let scratch = Scratch::new();
    let path = written(&scratch).await;
    let whole = fs::read(&path).unwrap();

    for at in (0..whole.len()).step_by(97).chain(whole.len() - 60..whole.len()) {
        let mut changed = whole.clone();
        changed[at] ^= 0x10;
        fs::write(&path, &changed).unwrap();
        let found = Reader::open(&path).and_then(|file| file.check());
        assert!(found.is_err(), "byte {at} of {}", whole.len());
    }
}

#[tokio::test]
async fn a_damaged_frame_is_told_from_a_good_one() {
    let scratch = Scratch::new();
    let path = written(&scratch).await;
    let second = Reader::open(&path).unwrap().section("numbers").nth(1).cloned().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[usize::try_from(second.offset).unwrap() + 9] ^= 1;
    fs::write(&path, bytes).unwrap();

    let file = Reader::open(&path).unwrap();

    let is_good: Vec<_> = file.section("numbers").map(|frame| file.frame(frame).is_ok()).collect();
    assert_eq!(is_good, [true, false, true]);
}
