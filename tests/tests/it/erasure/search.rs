//! Looking for somebody's words wherever the program keeps anything.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use anyhow::Context;
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use sqlx::{AssertSqlSafe, PgPool};
use tests::Program;

/// A word that stands nowhere by chance.
pub const MARKER: &str = "zq7marker9xw";

/// Where the marker was found: in clear, in base64 or in hex.
#[derive(Debug)]
pub struct Search {
    /// Tables that hold it.
    pub tables: BTreeSet<String>,
    /// Files that hold it.
    pub files: Vec<PathBuf>,
    /// Whether the program printed it.
    pub is_logged: bool,
}

impl Search {
    pub async fn of(program: &Program) -> anyhow::Result<Self> {
        let database = program.database().context("a database of the test run")?;
        let pool = PgPool::connect(database).await?;
        let tables: Vec<String> = sqlx::query_scalar(
            "select quote_ident(schemaname) || '.' || quote_ident(tablename) from pg_tables
            where schemaname not in ('pg_catalog', 'information_schema') order by 1",
        )
        .fetch_all(&pool)
        .await?;
        let mut holding = BTreeSet::new();
        for table in tables {
            let rows = format!("select t::text from only {table} t");
            let rows: Vec<String> =
                sqlx::query_scalar(AssertSqlSafe(rows)).fetch_all(&pool).await?;
            if rows.iter().any(|row| holds(row.as_bytes()) || holds(&bytes_in(row))) {
                holding.insert(table);
            }
        }
        pool.close().await;
        let mut files = Vec::new();
        look_through(program.data(), &mut files)?;
        let is_logged = holds(program.log().as_bytes());
        Ok(Self { tables: holding, files, is_logged })
    }

    /// What holds it although nothing there may.
    pub fn leaks(&self) -> Vec<String> {
        let is_read_model =
            |table: &&String| table.starts_with("public.") && table.ends_with("_view");
        let tables = self.tables.iter().filter(|table| !is_read_model(table)).cloned();
        let is_mail = |file: &&PathBuf| file.extension().is_some_and(|kind| kind == "eml");
        let files = self.files.iter().filter(|file| !is_mail(file));
        let log = self.is_logged.then(|| "the program's log".to_owned());
        tables.chain(files.map(|file| file.display().to_string())).chain(log).collect()
    }

    /// All that holds it.
    pub fn everything(&self) -> Vec<String> {
        let files = self.files.iter().map(|file| file.display().to_string());
        let log = self.is_logged.then(|| "the program's log".to_owned());
        self.tables.iter().cloned().chain(files).chain(log).collect()
    }
}

fn look_through(folder: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            look_through(&entry.path(), found)?;
        } else if kind.is_file() && std::fs::read(entry.path()).is_ok_and(|bytes| holds(&bytes)) {
            found.push(entry.path());
        }
    }
    Ok(())
}

/// What a row's text shows of its `bytea` columns, as bytes.
fn bytes_in(row: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in row.split("\\x").skip(1) {
        let digits: Vec<u8> = part.bytes().take_while(u8::is_ascii_hexdigit).collect();
        bytes.extend(
            digits
                .chunks_exact(2)
                .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()),
        );
        bytes.push(b' ');
    }
    bytes
}

fn holds(bytes: &[u8]) -> bool {
    let lower = bytes.to_ascii_lowercase();
    let clear = MARKER.to_ascii_lowercase();
    contains(&lower, clear.as_bytes())
        || contains(&lower, hex(MARKER).as_bytes())
        || in_base64().iter().any(|needle| contains(bytes, needle.as_bytes()))
}

fn hex(text: &str) -> String {
    use std::fmt::Write;

    text.bytes().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The marker in base64, wherever in a group of three it begins, without the ends that its
/// neighbours have a part in.
fn in_base64() -> [String; 3] {
    [0, 1, 2].map(|shift| {
        let padded = [&vec![b'.'; shift][..], MARKER.as_bytes()].concat();
        let encoded = STANDARD_NO_PAD.encode(&padded);
        let whole = padded.len() / 3 * 4;
        let begin = if shift == 0 { 0 } else { 4 };
        encoded[begin..whole].to_owned()
    })
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn a_word_is_found_in_every_form() {
    for text in [
        format!("say {MARKER}!"),
        MARKER.to_uppercase(),
        hex(MARKER),
        STANDARD_NO_PAD.encode(format!("x{MARKER}y")),
        STANDARD_NO_PAD.encode(format!("xx{MARKER}y")),
        STANDARD_NO_PAD.encode(format!("xxx{MARKER}y")),
    ] {
        assert!(holds(text.as_bytes()), "{text}");
    }
    assert!(!holds(b"nothing of the kind"));
    assert!(holds(&bytes_in(&format!("(1,\"\\\\x00{}\")", hex(MARKER)))));
}
