//! Medians, and the table.

use std::time::Duration;

/// Measurements of one kind of work.
#[derive(Default)]
pub(crate) struct Sample(Vec<Duration>);

/// A line of the table.
pub(crate) struct Row {
    work: String,
    floor: Option<Sample>,
    tool: Sample,
}

impl Sample {
    pub(crate) fn add(&mut self, time: Duration) {
        self.0.push(time);
        self.0.sort_unstable();
    }

    fn median(&self) -> Option<Duration> {
        let middle = self.0.len() / 2;
        match self.0.len() {
            0 => None,
            length if length % 2 == 1 => Some(self.0[middle]),
            _ => Some((self.0[middle - 1] + self.0[middle]) / 2),
        }
    }

    fn text(&self) -> String {
        match (self.median(), self.0.first(), self.0.last()) {
            (Some(median), Some(least), Some(most)) => {
                format!("{} ({}-{})", seconds(median), seconds(*least), seconds(*most))
            }
            _ => "-".to_owned(),
        }
    }
}

impl Row {
    pub(crate) fn against(work: impl Into<String>, floor: Sample, tool: Sample) -> Self {
        Self { work: work.into(), floor: Some(floor), tool }
    }

    pub(crate) fn alone(work: impl Into<String>, tool: Sample) -> Self {
        Self { work: work.into(), floor: None, tool }
    }

    fn ratio(&self) -> Option<f64> {
        let floor = self.floor.as_ref()?.median()?;
        Some(self.tool.median()?.as_secs_f64() / floor.as_secs_f64())
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64())
}

pub(crate) fn print_table(title: &str, rows: &[Row]) {
    println!("\n{title}, in seconds. Floor: bare Docker API calls in sequence.\n");
    println!("{:<60} {:>21} {:>21} {:>6}", "work", "floor", "shipctl", "ratio");
    for row in rows {
        let floor = row.floor.as_ref().map_or_else(|| "-".to_owned(), Sample::text);
        let ratio = row.ratio().map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"));
        println!("{:<60} {floor:>21} {:>21} {ratio:>6}", row.work, row.tool.text());
    }
}
