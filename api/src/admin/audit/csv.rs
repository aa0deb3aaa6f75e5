//! Lines for spreadsheets that no spreadsheet takes for formulas (OWASP, "CSV Injection").

/// A line: every cell quoted, and what a spreadsheet would calculate made a text.
pub(super) fn line<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    let cells: Vec<String> = cells.into_iter().map(cell).collect();
    format!("{}\r\n", cells.join(","))
}

fn cell(text: &str) -> String {
    let text = text.replace('"', "\"\"");
    // What begins so is calculated, also in its full-width form, and also after blanks.
    let is_formula = text.starts_with(['\t', '\r', '\n'])
        || text.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠', '|', '%']);
    if is_formula { format!("\"'{text}\"") } else { format!("\"{text}\"") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted() {
        assert_eq!(line(["a", "b,c", "say \"x\"", ""]), "\"a\",\"b,c\",\"say \"\"x\"\"\",\"\"\r\n");
    }

    #[test]
    fn formulas_become_texts() {
        for formula in ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1"]
        {
            let made = line([formula]);

            assert!(made.starts_with("\"'"), "{made:?}");
        }
    }

    #[test]
    fn what_is_no_formula_stays_as_it_is() {
        assert_eq!(line(["Mozilla/5.0 (X11; a=b)"]), "\"Mozilla/5.0 (X11; a=b)\"\r\n");
    }
}
