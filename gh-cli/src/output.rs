//! What commands print: data to stdout, everything else to stderr.

use std::io::{self, BufWriter, IsTerminal as _, Write};

use crate::error::Outcome;

/// Standard output, buffered. What is not flushed is lost, so that every failure to write is seen.
#[derive(Debug)]
pub(crate) struct Output(BufWriter<io::Stdout>);

impl Output {
    /// Returns standard output.
    pub(crate) fn stdout() -> Self {
        Self(BufWriter::with_capacity(64 << 10, io::stdout()))
    }

    /// Writes bytes as they are.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Outcome<()> {
        Ok(self.0.write_all(bytes)?)
    }

    /// Writes one line.
    pub(crate) fn line(&mut self, line: &str) -> Outcome<()> {
        self.bytes(line.as_bytes())?;
        self.bytes(b"\n")
    }

    /// Writes `value` as one line of JSON.
    pub(crate) fn json(&mut self, value: &impl serde::Serialize) -> Outcome<()> {
        serde_json::to_writer(&mut self.0, value).map_err(io::Error::from)?;
        self.bytes(b"\n")
    }

    /// Sends out what is buffered.
    pub(crate) fn flush(&mut self) -> Outcome<()> {
        Ok(self.0.flush()?)
    }

    /// Gives the writer to a library that prints.
    pub(crate) fn writer(&mut self) -> &mut dyn Write {
        &mut self.0
    }
}

/// Says something to the person at the terminal. Where nobody can be told, nobody is.
pub(crate) fn say(line: &str) {
    // One write, so that lines of two processes do not mix.
    let _ = io::stderr()
        .lock()
        .write_all(format!("{line}\n").as_bytes());
}

/// Returns how many columns standard output has, if it is a terminal.
pub(crate) fn width() -> Option<usize> {
    let stdout = io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(&stdout).ok()?;
    (size.ws_col > 0).then(|| usize::from(size.ws_col))
}

/// Lines of cells, aligned in columns, without borders.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
    /// The column that gives way when the terminal is too narrow.
    elastic: Option<usize>,
}

/// Between two columns.
const GAP: usize = 2;

impl Table {
    /// Returns a table with this head, whose column `elastic` is cut where there is not enough room.
    pub(crate) fn with_head(head: &[&str], elastic: usize) -> Self {
        Self {
            rows: vec![head.iter().map(ToString::to_string).collect()],
            elastic: Some(elastic),
        }
    }

    /// Adds a line.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    /// Returns the lines, no wider than `width` where the elastic column allows.
    pub(crate) fn render(&self, width: Option<usize>) -> String {
        let n_columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let mut widths: Vec<usize> = (0..n_columns)
            .map(|column| {
                self.rows
                    .iter()
                    .filter_map(|row| row.get(column))
                    .map(|cell| cell.chars().count())
                    .max()
                    .unwrap_or_default()
            })
            .collect();
        if let (Some(width), Some(elastic)) = (width, self.elastic) {
            let total = widths.iter().sum::<usize>() + GAP * n_columns.saturating_sub(1);
            widths[elastic] = widths[elastic]
                .saturating_sub(total.saturating_sub(width))
                .max(8);
        }
        let mut out = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                let cell = cut(cell, *width);
                line.push_str(&cell);
                line.extend(std::iter::repeat_n(' ', width - cell.chars().count() + GAP));
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }
}

/// Returns `cell` in at most `width` characters.
fn cut(cell: &str, width: usize) -> String {
    if cell.chars().count() <= width {
        return cell.to_owned();
    }
    let mut short: String = cell.chars().take(width.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// Returns a size for people.
pub(crate) fn human_bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let (mut tenths, mut unit) = (bytes.saturating_mul(10) / 1024, 0);
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        (tenths, unit) = (tenths / 1024, unit + 1);
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// Returns how long ago something was, for people.
pub(crate) fn human_age(seconds: u64) -> String {
    let (count, unit) = match seconds {
        0..60 => return "less than a minute ago".to_owned(),
        60..3_600 => (seconds / 60, "minute"),
        3_600..86_400 => (seconds / 3_600, "hour"),
        86_400..2_592_000 => (seconds / 86_400, "day"),
        2_592_000..31_536_000 => (seconds / 2_592_000, "month"),
        _ => (seconds / 31_536_000, "year"),
    };
    format!(
        "about {count} {unit}{} ago",
        if count == 1 { "" } else { "s" }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_the_elastic_one_gives_way() {
        let mut table = Table::with_head(&["NAME", "DESCRIPTION", "UPDATED"], 1);
        table.row([
            "octo/a".into(),
            "a long description of it".into(),
            "now".into(),
        ]);
        table.row(["octo/longer".into(), String::new(), "then".into()]);
        insta::assert_snapshot!(table.render(None), @r"
        NAME         DESCRIPTION               UPDATED
        octo/a       a long description of it  now
        octo/longer                            then
        ");
        insta::assert_snapshot!(table.render(Some(36)), @r"
        NAME         DESCRIPTION     UPDATED
        octo/a       a long descri…  now
        octo/longer                  then
        ");
    }

    #[test]
    fn sizes_and_ages_are_rounded_down() {
        let sizes = [0, 1023, 1024, 1_600, 10 << 20, u64::MAX].map(human_bytes);
        insta::assert_debug_snapshot!(sizes, @r#"
        [
            "0 B",
            "1023 B",
            "1.0 KiB",
            "1.5 KiB",
            "10.0 MiB",
            "1677721.5 TiB",
        ]
        "#);
        let ages = [0, 61, 7_300, 90_000, 5_000_000, 70_000_000].map(human_age);
        insta::assert_debug_snapshot!(ages, @r#"
        [
            "less than a minute ago",
            "about 1 minute ago",
            "about 2 hours ago",
            "about 1 day ago",
            "about 1 month ago",
            "about 2 years ago",
        ]
        "#);
    }
}
