//! Tables without lines: columns two spaces apart, so that they read well, also in mail and under `grep`.

use comfy_table::Table as Grid;
use comfy_table::presets;

use super::clean::clean;
use super::page::Page;
use super::style::Tone;

/// A table in the making.
#[derive(Debug)]
pub struct Table {
    grid: Grid,
    tones: Vec<Tone>,
}

impl Table {
    /// A table with these headings.
    pub fn new(headings: &[&str]) -> Self {
        let mut grid = Grid::new();
        grid.load_style(presets::NOTHING).set_header(headings);
        Self { grid, tones: vec![Tone::Strong] }
    }

    /// Adds a row. Its cells are cleaned; an empty one is shown as `-`.
    pub fn row<C: AsRef<str>>(&mut self, tone: Tone, cells: impl IntoIterator<Item = C>) {
        let shown = |cell: C| match cell.as_ref() {
            "" => "-".to_owned(),
            text => clean(text).into_owned(),
        };
        self.grid.add_row(cells.into_iter().map(shown));
        self.tones.push(tone);
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.tones.len() == 1
    }

    /// The table's lines. Rows are coloured as a whole: a cell with colour codes would be measured wrongly.
    pub fn text(mut self) -> String {
        for column in self.grid.column_iter_mut() {
            column.set_padding((0, 2));
        }
        let mut page = Page::default();
        self.grid.lines().zip(self.tones).for_each(|(line, tone)| page.line(tone, line.trim_end()));
        page.into_text()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_cells_cannot_break_out() {
        let mut table = Table::new(&["HOST", "SERVICE", "NOTE"]);
        table.row(Tone::Neutral, ["web1", "web", ""]);
        table.row(Tone::Bad, ["edge-1", "proxy", "two\nlines\u{1b}[2J"]);
        let text = anstream::adapter::strip_str(&table.text()).to_string();
        assert_eq!(
            text,
            "HOST    SERVICE  NOTE\n\
             web1    web      -\n\
             edge-1  proxy    two\\nlines\\u{1b}[2J\n"
        );
    }
}
